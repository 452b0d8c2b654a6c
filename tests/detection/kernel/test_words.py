"""How durations and amounts are said to people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from detection.kernel.words import PER_EURO, from_euros, money, spoken


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "less than a second"),
        (timedelta(seconds=1.5), "a second"),
        (timedelta(seconds=10), "10 seconds"),
        (timedelta(seconds=80), "80 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=59, seconds=50), "1 hour"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_a_duration_is_said_in_the_largest_unit_it_fills(duration: timedelta, words: str) -> None:
    assert spoken(duration) == words


def test_an_amount_is_said_with_its_currency() -> None:
    assert money(Decimal(1250), "EUR") == "1,250.00 EUR"


def test_euros_in_another_currency_and_in_none_we_know() -> None:
    assert from_euros(Decimal(10), "EUR") == Decimal(10)
    assert from_euros(Decimal(10), "JPY") == Decimal(1650)
    assert from_euros(Decimal(10), "XTS") is None
    assert from_euros(Decimal(10), None) is None


def test_every_rate_is_positive_and_named_by_three_letters() -> None:
    assert all(rate > 0 and len(name) == 3 and name.isupper() for name, rate in PER_EURO.items())
