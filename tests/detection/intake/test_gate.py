from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from detection.intake.gate import MOST, Gate


def test_who_comes_while_another_stores_goes_together_in_the_next_one():
    stored, begun, go_on = [], Event(), Event()

    def store(loads):
        stored.append(list(loads))
        if len(stored) == 1:
            begun.set()
            assert go_on.wait(10)
        return [load * 2 for load in loads]

    gate = Gate(store)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(gate.pass_through, 1, 1)
        assert begun.wait(10)
        rest = [pool.submit(gate.pass_through, number, 1) for number in range(2, 10)]
        while len(gate._waiting) < 8:
            pass
        go_on.set()
        assert first.result(10) == 2
        assert sorted(future.result(10) for future in rest) == [2 * number for number in range(2, 10)]
    assert [len(group) for group in stored] == [1, 8]


def test_nobody_pays_for_a_neighbour():
    def store(loads):
        if "bad" in loads:
            raise ValueError("bad")
        return list(loads)

    gate, together = Gate(store), Barrier(8)

    def go(load):
        together.wait(10)
        try:
            return gate.pass_through(load, 1)
        except ValueError:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(go, ["bad", *"abcdefg"]))
    assert answers == ["refused", *"abcdefg"]
    assert gate.pass_through("later", 1) == "later"


@pytest.mark.parametrize("size", [1, 200, MOST])
def test_a_transaction_holds_no_more_than_it_should(size):
    biggest = []

    def store(loads):
        biggest.append(sum(loads))
        return list(loads)

    gate = Gate(store)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _n: gate.pass_through(size, size), range(64))) == [size] * 64
    assert max(biggest) <= MOST
