"""What is dear is done by few at once: the rest wait a moment or come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from api import gates
from api.gates import Gate
from api.throttling import Buckets
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.response import staff
from tests.api.conftest import Caller, staff_user
from tests.live import eventually


@contextmanager
def full(gate: Gate) -> Iterator[None]:
    """Somebody else is inside."""
    with gate.passed() as inside:
        assert inside
        yield


def test_so_many_are_inside_a_few_wait_and_the_rest_turn_back_at_once() -> None:
    gate, go, inside = Gate(at_once=2, waiting=3, patience=30), threading.Event(), []

    def enter(_: int) -> bool:
        with gate.passed() as passed:
            if passed:
                inside.append(1)
                go.wait(30)
                inside.pop()
            return passed

    with ThreadPoolExecutor(12) as crowd:
        entered = [crowd.submit(enter, number) for number in range(12)]
        assert eventually(lambda: sum(one.done() for one in entered) == 7)
        assert len(inside) == 2
        go.set()
    assert sum(one.result() for one in entered) == 5
    with gate.passed() as passed:
        assert passed, "who left made room"


def test_who_waited_long_enough_turns_back() -> None:
    gate = Gate(at_once=1, waiting=1, patience=0.01)
    with full(gate), gate.passed() as passed:
        assert not passed


@pytest.mark.django_db
def test_a_sign_in_beyond_the_gate_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "passwords", Gate(at_once=1, waiting=0, patience=0.01))
    given = {"username": "nobody", "password": "x"}
    with full(gates.passwords):
        refused = Browser().post("/login/", given)
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) >= 1
    assert Browser().post("/login/", given).status_code == 200


@pytest.mark.django_db
def test_a_new_password_beyond_the_gate_is_not_set_and_its_link_goes_on_working(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = staff.invite(
        "olga", Role.ANALYST, email="", actor=Actor(ActorKind.STAFF, "ada", staff_user("ada", Role.ADMIN).pk)
    )
    assert made.link
    address = reverse("pages:new_password", args=made.link)
    given = {"password": "a long and quiet evening", "again": "a long and quiet evening"}
    monkeypatch.setattr(gates, "passwords", Gate(at_once=1, waiting=0, patience=0.01))
    with full(gates.passwords):
        refused = Browser().post(address, given)
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) >= 1
    assert Browser().post(address, given).status_code == 302


@pytest.mark.django_db
def test_a_code_beyond_the_gate_is_not_charged(mia: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "verifying", Gate(at_once=1, waiting=0, patience=0.01))
    given: Any = {"challenge_id": "0" * 32, "code": "12345678"}
    with full(gates.verifying):
        refused = mia.post("/api/v1/me/unlock/verify/", given)
    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    assert int(refused["Retry-After"]) >= 1
    assert mia.post("/api/v1/me/unlock/verify/", given).status_code == 404


def test_a_household_with_a_network_of_its_own_is_one_caller() -> None:
    buckets = Buckets("registration")
    for number in range(int(buckets.rate[1])):
        assert not buckets.take(f"2001:db8:1:2::{number:x}").wait
    assert buckets.take("2001:db8:1:2:ffff::1").wait
    assert buckets.take(("2001:db8:1:2::1", 7)).wait == 0
    assert not buckets.take("2001:db8:1:3::1").wait
    assert not buckets.take("key:with:colons").wait
