"""The courier: whoever posts never waits, and what is posted is carried in order."""

from __future__ import annotations

import os
import threading
import time

from tasks.breaker import Breaker
from tasks.courier import Courier
from tests.live import eventually


def test_things_are_carried_in_the_order_they_were_posted() -> None:
    carried: list[int] = []
    courier: Courier[int] = Courier("in-order", carried.extend)
    for number in range(500):
        courier.post(number)
    assert courier.flush(5)
    assert carried == list(range(500))


def test_the_first_goes_at_once_and_the_others_of_a_burst_go_together() -> None:
    batches: list[list[int]] = []
    courier: Courier[int] = Courier("bursts", lambda batch: batches.append(list(batch)), every=0.2)
    courier.post(0)
    eventually(lambda: batches, within=20)
    for number in range(1, 100):
        courier.post(number)
    assert courier.flush(5)
    assert batches == [[0], list(range(1, 100))]


def test_posting_does_not_wait_for_a_carrier_that_hangs_and_the_oldest_fall_out() -> None:
    gate, carried = threading.Event(), []

    def hang(batch: object) -> None:
        gate.wait(10)
        carried.append(batch)

    courier: Courier[int] = Courier("hanging", hang, bound=10)
    courier.post(-1)
    eventually(lambda: courier._busy)
    began = time.perf_counter()
    for number in range(1000):
        courier.post(number)
    assert time.perf_counter() - began < 5  # the carrier hangs for ten
    assert not courier.flush(0.01)
    gate.set()
    assert courier.flush(5)
    assert carried == [[-1], list(range(990, 1000))]


def test_equal_things_that_wait_are_one() -> None:
    gate, carried = threading.Event(), []

    def hang(batch: list[str]) -> None:
        gate.wait(10)
        carried.append(batch)

    courier: Courier[str] = Courier("once", hang, once=True)
    courier.post("first")
    eventually(lambda: courier._busy)
    for _ in range(100):
        courier.post("drain")
        courier.post("deliver")
    gate.set()
    assert courier.flush(5)
    assert carried == [["first"], ["drain", "deliver"]]


def test_a_carrier_that_fails_does_not_end_the_courier() -> None:
    carried: list[int] = []

    def sometimes(batch: list[int]) -> None:
        if 1 in batch:
            raise RuntimeError
        carried.extend(batch)

    courier: Courier[int] = Courier("failing", sometimes)
    courier.post(1)
    assert courier.flush(5)
    courier.post(2)
    assert courier.flush(5)
    assert carried == [2]


def test_it_rests_once_when_nothing_comes() -> None:
    rested: list[float] = []
    courier: Courier[int] = Courier(
        "resting", lambda _: None, rest=lambda: rested.append(time.monotonic()), rest_after=0.05
    )
    courier.post(1)
    eventually(lambda: rested)
    courier.post(2)
    eventually(lambda: len(rested) == 2)


def test_a_fork_has_a_thread_of_its_own_and_repeats_nothing() -> None:
    reading, writing = os.pipe()
    courier: Courier[bytes] = Courier("forked", lambda batch: os.write(writing, b"".join(batch)) and None)
    courier.post(b"parent ")
    assert courier.flush(5)
    child = os.fork()
    if not child:
        courier.post(b"child")
        os._exit(0 if courier.flush(5) else 1)
    assert os.waitpid(child, 0)[1] == 0
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        assert said.read() == b"parent child"


def test_a_breaker_opens_for_longer_and_longer_and_closes_at_the_first_success() -> None:
    breaker = Breaker(first=0.5, longest=3)
    assert not breaker.open
    assert [breaker.failed() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    assert breaker.open
    assert breaker.troubled
    breaker.worked()
    assert not breaker.open
    assert breaker.failed() == 0.5
