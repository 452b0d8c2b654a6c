from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import Contact, Device, Dispute, FeedEntry
from detection.response import health, locks

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MIA = Actor(ActorKind.MEMBER, "mia")


def test_a_member_with_nothing_wrong_is_in_perfect_health(mia):
    app = {"code": "set-up-app", "text": "Set up an authenticator app", "url": "/member/two-step/"}
    assert health.of(mia).wire() == {"score": 100, "band": "good", "reasons": [], "suggestions": [app]}


def test_a_lock_lowers_the_score_and_lifting_it_raises_it_again(mia, lock, olga):
    lock(mia, state=LockState.RESTRICTED)
    assert (health.of(mia).score, health.of(mia).band) == (80, "good")
    lock(mia)
    assert (health.of(mia).score, health.of(mia).band) == (60, "fair")
    locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF)
    assert health.of(mia).score == 100


@pytest.mark.parametrize(
    ("severities", "score"),
    [
        (["low"], 96),
        (["medium"], 88),
        (["high"], 75),
        (["high", "medium", "low"], 59),
        (["high", "high"], 55),
        (["high"] * 9 + ["low"] * 9, 55),
    ],
)
def test_open_alerts_cost_by_severity_up_to_a_ceiling(mia, alert, severities, score):
    for number, severity in enumerate(severities):
        alert(mia, severity=severity, incident=f"i{number}")
    found = health.of(mia)
    assert found.score == score
    assert 100 + sum(reason.points for reason in found.reasons) == score


def test_resolved_alerts_cost_nothing(mia, alert):
    alert(mia, status="resolved", folding=False)
    assert health.of(mia).score == 100


def test_the_worst_of_all_is_zero_and_a_lifted_lock_still_raises_it(mia, alert, lock, olga):
    first = alert(mia, severity="high", incident="a")
    alert(mia, severity="high", incident="b")
    Dispute.objects.create(member=mia, alert=first, answer=Dispute.NOT_ME, reference="SR-TEST23")
    Contact.objects.all().delete()
    lock(mia)
    found = health.of(mia)
    assert (found.score, found.band) == (0, "at_risk")
    assert len(found.suggestions) == 3
    locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF)
    assert health.of(mia).score == 40


def test_every_reason_says_what_helps_and_every_suggestion_where(mia, alert, lock):
    alert(mia)
    lock(mia)
    found = health.of(mia)
    assert all(reason.text and reason.fix and reason.points < 0 for reason in found.reasons)
    assert found.suggestions[0] == {
        "code": "unlock",
        "text": "Unlock your account with a one-time code",
        "url": "/member/unlock/",
    }
    assert all(step["url"].startswith("/member/") for step in found.suggestions)


def test_the_health_of_many_members_costs_a_constant_number_of_queries(mia, sam, alert, lock):
    for member in (mia, sam):
        alert(member)
        lock(member)
    with CaptureQueriesContext(connection) as one:
        health.assess([mia.pk])
    with CaptureQueriesContext(connection) as both:
        found = health.assess([mia.pk, sam.pk])
    assert len(one) == len(both) == 8
    assert {record.score for record in found.values()} == {48}
    assert health.assess([]) == {}


def codes(member, **changes) -> list[str]:
    return [step["code"] for step in health.of(member, **changes).suggestions]


def test_at_most_three_suggestions_each_with_one_page(mia, alert, lock):
    long_ago = timezone.now() - timedelta(days=200)
    Device.objects.create(member=mia, device_id="old", first_seen_at=long_ago, last_seen_at=long_ago)
    alert(mia, status="resolved")
    assert codes(mia) == ["set-up-app", "remove-device", "review-activity"]
    alert(mia, incident="another")
    lock(mia)
    assert codes(mia) == ["unlock", "answer-alerts", "remove-device"]


def test_who_has_answered_is_not_asked_again(mia, alert):
    alert(mia, disputed=True)
    assert "answer-alerts" not in codes(mia)
    assert [reason.fix for reason in health.of(mia).reasons] == ["Our staff are looking into it."]
    alert(mia, incident="another")
    assert "answer-alerts" in codes(mia)
    assert [reason.fix for reason in health.of(mia).reasons] == ["Tell us whether it was you."]


def test_a_suggestion_is_put_away_for_a_month_and_a_danger_for_a_day(mia, lock):
    lock(mia)
    assert health.dismiss(mia, "unlock")
    assert FeedEntry.objects.last().kind == "health.changed"
    assert codes(mia) == []
    locks.release(mia, actor=Actor(ActorKind.STAFF, "olga"), reason="known", by=ActorKind.STAFF)
    assert health.dismiss(mia, "set-up-app")
    assert codes(mia) == []
    assert codes(mia, now=timezone.now() + timedelta(days=31)) == ["set-up-app"]
    assert not health.dismiss(mia, "no-such-thing")
