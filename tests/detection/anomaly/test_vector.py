"""What models look at."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.anomaly.novelty import plain, recency
from detection.anomaly.vector import KINDS, Kind, kind_named
from tests.detection.anomaly.shop import START, Shop, event

PAYMENTS = kind_named("payments")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_event_nothing_is_known_about_measures_zero_in_everything(kind: Kind) -> None:
    bare = event(min(kind.listens_to), START)
    nothing = dict.fromkeys(kind.needs())
    assert set(kind.measure(bare, nothing).values()) == {0.0}
    assert set(kind.measure(bare, {}).values()) == {0.0}


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.none()), st.decimals(allow_nan=True)))
def test_whatever_comes_in_a_measure_is_finite_and_not_negative(value: object) -> None:
    number = plain(value)
    assert math.isfinite(number)
    assert number >= 0


def test_what_is_stored_as_json_gives_the_very_row_that_was_judged() -> None:
    shop = Shop(PAYMENTS, members=5)
    for happened in shop.month():
        seen = shop.sees(happened)
        if happened.type in PAYMENTS.listens_to:
            measured = PAYMENTS.measure(happened, seen)
            assert PAYMENTS.row(json.loads(json.dumps(measured))) == list(measured.values())


def test_measures_from_before_a_feature_was_thought_of_make_no_row() -> None:
    assert PAYMENTS.row({"device": 1.0}) is None
    assert PAYMENTS.row(None) is None  # type: ignore[arg-type]


def test_recency_falls_from_one_to_nothing_with_age() -> None:
    ages = [timedelta(0), timedelta(minutes=5), timedelta(hours=2), timedelta(days=3), timedelta(days=91)]
    values = [recency(START - age, START) for age in ages]
    assert values[0] == pytest.approx(1)
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0


def test_a_device_made_known_minutes_ago_is_still_new() -> None:
    shop = Shop(PAYMENTS)
    mia = {"member_id": "mia", "session_id": "s"}
    shop.sees(event("login.succeeded", START, device_id="old", **mia))
    later = START + timedelta(days=20)
    shop.sees(event("login.succeeded", later, device_id="new", **mia))
    paid = event("transaction.attempted", later + timedelta(minutes=2), device_id="new", amount=10, **mia)
    assert PAYMENTS.measure(paid, shop.sees(paid))["device"] > 0.5


def test_a_new_members_first_device_is_not_strange() -> None:
    shop = Shop(PAYMENTS)
    mia = {"member_id": "mia", "device_id": "first", "ip": "81.2.69.142", "session_id": "s"}
    shop.sees(event("account.created", START, **mia))
    paid = event("transaction.attempted", START + timedelta(minutes=3), amount=10, **mia)
    measured = PAYMENTS.measure(paid, shop.sees(paid))
    assert measured["device"] == measured["country"] == measured["stranger"] == 0


def test_a_guest_is_not_strange_for_having_no_account() -> None:
    shop = Shop(PAYMENTS)
    paid = event("transaction.attempted", START, device_id="d", ip="81.2.69.142", amount=80, payment_method_id="c")
    assert set(PAYMENTS.measure(paid, shop.sees(paid)).values()) == {0.0}


def test_a_first_failed_payment_measures_like_any_other_and_further_ones_grow() -> None:
    shop = Shop(PAYMENTS)
    sam = {"member_id": "sam", "ip": "81.2.69.142", "amount": 10}
    measured = []
    for minute in range(3):
        failed = event("payment.failed", START + timedelta(minutes=minute), **sam)
        measured.append(PAYMENTS.measure(failed, shop.sees(failed))["failures_hour"])
    assert measured[0] == 0
    assert measured == sorted(set(measured))


def test_the_two_events_of_one_order_are_no_hurry_and_no_spree() -> None:
    shop = Shop(PAYMENTS)
    sam = {"member_id": "sam", "amount": 50}
    for day in range(6):
        shop.sees(event("transaction.succeeded", START + timedelta(days=day), **sam))
    at = START + timedelta(days=20)
    shop.sees(event("transaction.attempted", at, **sam))
    done = event("transaction.succeeded", at + timedelta(minutes=1), **sam)
    measured = PAYMENTS.measure(done, shop.sees(done))
    assert measured["payments_hour"] == 0
    assert measured["day_above_usual"] == 0
    assert measured["amount_beyond_spread"] == 0


@pytest.mark.parametrize(
    ("quarter", "month", "week", "strange"),
    [
        (50.0, 50.0, 50.0, True),
        (50.0, 50.0, 900.0, True),  # a thief's own week
        (50.0, 900.0, 900.0, False),  # a month of dearer things
        (50.0, None, 900.0, True),
        (900.0, None, None, False),
        (None, None, None, False),
    ],
)
def test_an_amount_is_held_against_a_week_a_month_and_a_quarter(
    quarter: float | None, month: float | None, week: float | None, strange: bool
) -> None:
    habits = {"habit": quarter, "habit_month": month, "habit_week": week}
    seen = {name: {"count": 9, "median": usual, "mad": 5.0} if usual else None for name, usual in habits.items()}
    paid = event("transaction.attempted", START, member_id="sam", amount=900)
    assert (PAYMENTS.measure(paid, seen)["amount_beyond_spread"] > 0) is strange


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_feature_asks_for_what_it_reads(kind: Kind) -> None:
    shop = Shop(kind, members=3)
    for happened in shop.month():
        seen = shop.sees(happened)
        assert set(seen) == set(kind.needs())
        if happened.type in kind.listens_to:
            kind.measure(happened, seen)
