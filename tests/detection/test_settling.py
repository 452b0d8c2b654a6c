"""Decisions that skipped something, and the full result that follows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import deciding, inbox, measuring, pipeline, settling
from detection.kernel.records import SYSTEM
from detection.models import Alert, Decision, Event, FeedEntry, InboxItem, LockReason, WebhookMessage
from detection.response.webhooks import endpoints
from tests.cast import happened, judge_all, large_payment, report, settled_life, stored

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _told(db):
    made = endpoints.create("https://shop.example.com/hooks", ["decision.updated"], actor=SYSTEM)
    assert made.endpoint is not None
    yield
    measuring._away_until = 0.0


def said() -> list[dict[str, Any]]:
    return [json.loads(message.body)["data"] for message in WebhookMessage.objects.order_by("id")]


def decide(payload, **options) -> dict[str, Any]:
    (item,) = report(payload, ring=False)
    assert item.event is not None
    return deciding.decide(item.event, **options)


def in_a_hurry(payload) -> tuple[dict[str, Any], Any]:
    """A decision whose time is up while a worker still holds the member's earlier events."""
    report(happened("logout", payload["member_id"]))
    held = inbox.claim()
    answer = decide(payload, deadline=timedelta(milliseconds=50))
    assert "features" in answer["degraded"]
    return answer, held


def test_the_full_result_follows_once_the_worker_is_through():
    settled_life()
    first, held = in_a_hurry(large_payment())
    assert settling.settle() == 0  # nothing is known yet
    pipeline.handle(held)
    judge_all()
    assert settling.settle() == 1
    (told,) = said()
    assert told["previous"] == first
    assert (told["event_id"], told["app"], told["verdict"], told["degraded"]) == (first["event_id"], "shop", "deny", [])
    assert told["lock"]["state"] == "locked"
    assert {"lock", "alert_id"} <= set(told["changed"])
    assert told["alert_id"] == str(Alert.objects.get().pk)


def test_it_is_told_once_and_a_repeated_question_gets_the_first_answer():
    settled_life()
    payload = large_payment()
    first, held = in_a_hurry(payload)
    pipeline.handle(held)
    judge_all()
    assert [settling.settle(), settling.settle()] == [1, 0]
    assert len(said()) == 1
    assert deciding.decide(Event.objects.get(event_id=payload["event_id"]).pk) == first


def test_an_answer_that_was_right_is_told_too_with_nothing_changed():
    settled_life()
    calm = happened("transaction.attempted", amount="30", currency="EUR", device_id="mia-phone", session_id="s")
    first, held = in_a_hurry(calm)
    pipeline.handle(held)
    judge_all()
    settling.settle()
    (told,) = said()
    assert (first["verdict"], told["verdict"]) == ("allow", "allow")
    assert not {"verdict", "alert_id", "lock"} & set(told["changed"])


def test_after_the_store_was_away_the_event_is_taught_judged_in_full_and_told(settings):
    settled_life()
    store = settings.REDIS_FEATURES_URL
    settings.REDIS_FEATURES_URL = NOBODY_LISTENS
    first = decide(large_payment())
    assert first["degraded"] == ["features"]
    assert settling.settle() == 0  # the store has to hear of it first
    settings.REDIS_FEATURES_URL = store
    measuring._away_until = 0.0
    InboxItem.objects.update(due_at=timezone.now())
    judge_all()
    assert settling.settle() == 1
    (told,) = said()
    assert told["previous"] == first
    assert told["degraded"] == []
    assert told["verdict"] == first["verdict"] == "deny"
    assert Alert.objects.get().event_count == 1  # counted once


def test_an_attack_that_only_shows_in_full_raises_its_alert_and_places_its_lock_then(settings, monkeypatch):
    settled_life()
    store = settings.REDIS_FEATURES_URL
    settings.REDIS_FEATURES_URL = NOBODY_LISTENS
    # What crosses members is not in a member's own past: as if nothing but the event were known.
    with monkeypatch.context() as blind:
        blind.setattr(measuring, "from_database", lambda events, wishes, duty: [{} for _ in events])
        first = decide(large_payment())
    assert (first["verdict"], first["alert_id"]) == ("allow", None)
    settings.REDIS_FEATURES_URL = store
    measuring._away_until = 0.0
    InboxItem.objects.update(due_at=timezone.now())
    judge_all()
    assert settling.settle() == 1
    (told,) = said()
    assert told["verdict"] == "deny"
    assert {"verdict", "risk_score", "severity", "reasons", "alert_id", "lock"} <= set(told["changed"])
    assert LockReason.objects.count() == 1
    assert FeedEntry.objects.filter(kind="alert.raised").count() == 1
    row = Event.objects.get(event_id=first["event_id"])
    assert (row.outcome, row.degraded, str(row.alert_id)) == ("deny", [], told["alert_id"])
    assert deciding.decide(row.pk) == first


def test_while_the_store_is_away_it_waits_and_after_a_day_it_is_let_go(settings):
    settled_life()
    settings.REDIS_FEATURES_URL = NOBODY_LISTENS
    decide(large_payment())
    InboxItem.objects.all().delete()
    assert settling.settle() == 0
    assert Decision.objects.get().waiting
    assert settling.settle(now=timezone.now() + timedelta(hours=25)) == 0
    assert not Decision.objects.get().waiting


def test_a_decision_that_saw_everything_owes_nothing():
    settled_life()
    decide(large_payment())
    assert not Decision.objects.get().waiting
    (item,) = report(happened("logout"))
    judge_all()
    assert item.event is not None
    deciding.decide(stored(item).pk)
    assert not Decision.objects.filter(waiting=True).exists()
    assert settling.settle() == 0


def test_it_waits_for_what_was_accepted_before_and_could_not_be_judged_in_time():
    settled_life()
    (earlier,) = report(happened("logout", "sam"), ring=False)
    first = decide(large_payment())
    Decision.objects.update(waiting=True)
    Event.objects.filter(event_id=first["event_id"]).update(degraded=["queue"])
    InboxItem.objects.filter(event=earlier.event).update(due_at=timezone.now() + timedelta(minutes=1))
    assert settling.settle() == 0
    InboxItem.objects.update(due_at=timezone.now())
    judge_all()
    assert settling.settle() == 1
