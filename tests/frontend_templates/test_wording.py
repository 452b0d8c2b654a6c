"""Words people read."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from detection.kernel.vocabulary import EventType, LockScope
from frontend_templates import wording


def test_every_event_type_has_words_of_its_own() -> None:
    assert set(wording.EVENTS) == set(EventType)
    assert len(set(wording.EVENTS.values())) == len(wording.EVENTS)


def test_a_shops_own_event_keeps_its_name() -> None:
    assert wording.of_event("custom.wishlist_shared") == "Wishlist shared"


def test_every_scope_has_words() -> None:
    assert set(wording.SCOPES) == {scope.value for scope in LockScope}


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("a\x00b", "a\\u0000b"),
        ("a\nb", "a\\u000ab"),
        ("a\u200bb", "a\\u200bb"),
        ("né 字 😀", "né 字 😀"),
    ],
)
def test_nothing_hides_in_a_text(hidden: str, shown: str) -> None:
    assert wording.visible(hidden) == shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "now"), (42, "42 s ago"), (119, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago"), (-300, "in 5 min")],
)
def test_ages_are_short(seconds: int, words: str) -> None:
    now = timezone.now()
    assert wording.ago(now - timedelta(seconds=seconds), now) == words


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "–"),
        (True, "yes"),
        (2400, "2,400"),
        (0.125, "0.12"),
        (Decimal("1000.50"), "1,000.50"),
        (timedelta(minutes=10), "10 minutes"),
        (timedelta(days=1), "1 day"),
        (["DE", "FR"], "DE, FR"),
        ("a\u202e", "a\\u202e"),
    ],
)
def test_values_read_as_people_write_them(found: Any, words: str) -> None:
    assert wording.value(found) == words


def test_money_carries_its_currency() -> None:
    assert wording.money("2400", "EUR") == "2,400.00 EUR"
    assert wording.money("2400", "JPY") == "2,400 JPY"
