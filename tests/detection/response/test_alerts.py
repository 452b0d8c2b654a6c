from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, WebhookKind
from detection.models import (
    Alert,
    AlertAction,
    AuditPending,
    Device,
    Dispute,
    FeedEntry,
    LockReason,
    Member,
    WebhookEndpoint,
)
from detection.response import alerts, disputes, locks, snoozes
from tests.cast import judge_all, large_payment, report, settled_life

pytestmark = [pytest.mark.django_db, pytest.mark.database]
OLGA = Actor(ActorKind.STAFF, "olga")
ADA = Actor(ActorKind.STAFF, "ada")


@pytest.fixture
def alert():
    settled_life()
    report(large_payment())
    judge_all()
    return Alert.objects.get()


def test_an_action_is_a_row_an_audit_entry_and_a_frame(alert):
    acted = alerts.acknowledge(alert.pk, actor=OLGA)
    assert acted.alert.status == "acknowledged"
    action = AlertAction.objects.get(pk=acted.action_id)
    assert (action.verb, action.actor) == ("acknowledge", "olga")
    assert AuditPending.objects.filter(entry__action="alert.acknowledge").count() == 1
    said = FeedEntry.objects.filter(kind="alert.changed").order_by("-id").first()
    assert said.alert_id == alert.pk
    assert Alert.objects.get().cursor == said.pk


def test_resolving_keeps_who_when_and_why(alert):
    alerts.resolve(alert.pk, actor=OLGA, disposition="confirmed", note="the owner says so")
    alert.refresh_from_db()
    assert (alert.status, alert.disposition, alert.resolved_by, alert.folding) == (
        "resolved",
        "confirmed",
        "olga",
        False,
    )
    assert alert.resolved_at is not None
    assert alerts.trail(alert)[-1].note == "the owner says so"


def test_the_second_of_two_people_is_told_who_was_first(alert):
    alerts.resolve(alert.pk, actor=OLGA, disposition="benign")
    second = alerts.resolve(alert.pk, actor=ADA, disposition="confirmed")
    assert second.conflict["by"] == "olga"
    assert second.conflict["status"] == "resolved"
    assert second.conflict["at"]
    assert Alert.objects.get().disposition == "benign"


def test_the_same_person_repeating_is_no_race(alert):
    first = alerts.resolve(alert.pk, actor=OLGA, disposition="benign")
    again = alerts.resolve(alert.pk, actor=OLGA, disposition="benign")
    assert again.conflict is None
    assert again.action_id == first.action_id
    assert AlertAction.objects.count() == 1


def test_a_stale_page_is_told_so(alert):
    alerts.acknowledge(alert.pk, actor=OLGA)
    assert alerts.resolve(alert.pk, actor=ADA, disposition="benign", if_status="open").conflict["by"] == "olga"


def test_an_override_resolves_and_unlocks_in_one(alert):
    assert locks.of(alert.member) is not None
    alerts.resolve(alert.pk, actor=OLGA, disposition="false_positive", unlock=True, note="a gift")
    assert locks.of(alert.member) is None


def test_undo_puts_everything_back_and_only_once_it_is_still_so(alert):
    acted = alerts.resolve(alert.pk, actor=OLGA, disposition="confirmed")
    undone = alerts.undo(acted.action_id, actor=OLGA)
    alert.refresh_from_db()
    assert undone.conflict is None
    assert (alert.status, alert.disposition, alert.folding, alert.resolved_at) == ("open", "", True, None)

    acted = alerts.acknowledge(alert.pk, actor=OLGA)
    alerts.escalate(alert.pk, actor=ADA)
    assert alerts.undo(acted.action_id, actor=OLGA).conflict["by"] == "ada"


def test_undo_of_an_override_locks_again_as_it_was_and_the_shop_hears_of_both(alert):
    mia = alert.member
    endpoint = WebhookEndpoint.objects.create(
        url="https://shop.example.com/", kinds=[kind.value for kind in WebhookKind]
    )
    disputes.deny(alert.pk, member=mia, actor=Actor(ActorKind.MEMBER, "mia"), session_key="s")
    Member.objects.update(code_failures=7)
    locked = locks.of(mia)
    acted = alerts.resolve(alert.pk, actor=OLGA, disposition="false_positive", unlock=True, note="a gift")
    assert locks.of(mia) is None
    assert alerts.undo(acted.action_id, actor=OLGA).conflict is None
    again = locks.of(mia)
    assert (again.state, again.expires_at, again.scopes, again.reason) == (
        locked.state,
        locked.expires_at,
        locked.scopes,
        locked.reason,
    )
    assert again.version == locked.version + 2, "a code for the lock before opens nothing"
    assert Dispute.objects.get().closed_at is None
    assert Device.objects.get(device_id=alert.device).trusted_at is None
    assert Member.objects.get(pk=mia.pk).code_failures == 7
    told = list(endpoint.deliveries.order_by("due_at").values_list("message__kind", flat=True))
    assert told[-4:] == ["alert.resolved", "member.unlocked", "alert.raised", "member.locked"]


def test_undo_of_an_override_brings_no_lock_back_that_is_over(alert):
    acted = alerts.resolve(alert.pk, actor=OLGA, disposition="benign", unlock=True)
    LockReason.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert alerts.undo(acted.action_id, actor=OLGA).conflict is None
    assert locks.of(alert.member) is None


def test_undo_is_over_after_thirty_seconds(alert):
    acted = alerts.acknowledge(alert.pk, actor=OLGA)
    AlertAction.objects.update(at=timezone.now() - timedelta(seconds=31))
    assert alerts.undo(acted.action_id, actor=OLGA).conflict is not None


def test_undo_never_makes_two_alerts_of_one_incident(alert):
    acted = alerts.resolve(alert.pk, actor=OLGA, disposition="confirmed")
    report(large_payment())
    judge_all()
    assert Alert.objects.count() == 2
    assert alerts.undo(acted.action_id, actor=OLGA).conflict is not None
    assert Alert.objects.filter(folding=True).count() == 1


def test_reopen_assign_comment_and_snooze_leave_their_mark(alert):
    ada = get_user_model().objects.create_user("ada")
    alerts.resolve(alert.pk, actor=OLGA, disposition="benign")
    alerts.reopen(alert.pk, actor=ADA)
    alerts.assign(alert.pk, actor=OLGA, assignee=ada)
    alerts.comment(alert.pk, actor=OLGA, note="calling the owner")
    alerts.snooze(alert.pk, actor=OLGA, until=timezone.now() + timedelta(hours=1))
    record = alerts.visible().get().record()
    assert (record.status, record.disposition, record.assignee) == ("open", None, "ada")
    assert [action.verb for action in alerts.trail(alert)] == ["resolve", "reopen", "assign", "comment", "snooze"]


def test_what_does_not_exist_is_missing():
    for unknown in (uuid7(), "nonsense"):
        assert alerts.acknowledge(unknown, actor=OLGA).missing
        assert alerts.undo(unknown, actor=OLGA).missing


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_first():
    settled_life()
    report(large_payment())
    judge_all()
    key = Alert.objects.get().pk

    def act(number):
        try:
            return alerts.resolve(key, actor=Actor(ActorKind.STAFF, f"staff{number}"), disposition="benign").conflict
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        conflicts = list(pool.map(act, range(8)))
    assert conflicts.count(None) == 1
    winner = Alert.objects.get().resolved_by
    assert {conflict["by"] for conflict in conflicts if conflict} == {winner}


def test_what_was_put_aside_stays_so_for_the_same_and_comes_back_when_it_grows_worse(alert):
    until = timezone.now() + timedelta(hours=24)
    alerts.snooze(alert.pk, actor=OLGA, until=until)
    report(large_payment(amount="1900.00"))
    judge_all()
    alert.refresh_from_db()
    assert (alert.event_count, alert.snoozed_until) == (2, until)
    Alert.objects.filter(pk=alert.pk).update(severity="low", severity_rank=0, risk_score=1)
    report(large_payment(amount="1950.00"))
    judge_all()
    alert.refresh_from_db()
    assert alert.snoozed_until is None


def test_what_was_put_aside_comes_back_by_itself_and_open_pages_hear_of_it(alert):
    now = timezone.now()
    alerts.snooze(alert.pk, actor=OLGA, until=now + timedelta(hours=1))
    FeedEntry.objects.all().delete()
    assert snoozes.wake_due(now=now + timedelta(minutes=59)) == 0
    assert snoozes.wake_due(now=now + timedelta(minutes=61)) == 1
    assert snoozes.wake_due(now=now + timedelta(minutes=61)) == 0
    alert.refresh_from_db()
    assert alert.snoozed_until is None
    told = FeedEntry.objects.get()
    assert (told.kind, told.alert_id, told.for_staff, told.for_member) == ("alert.changed", alert.pk, True, False)
    assert alert.cursor == told.pk


def test_what_was_put_aside_can_be_taken_up_by_hand(alert):
    alerts.snooze(alert.pk, actor=OLGA, until=timezone.now() + timedelta(hours=1))
    alerts.snooze(alert.pk, actor=OLGA, until=None)
    alert.refresh_from_db()
    assert alert.snoozed_until is None


def test_nobody_overrides_an_alert_about_themselves(alert):
    olga = get_user_model().objects.create_user("olga")
    Member.objects.filter(pk=alert.member_id).update(user=olga)
    acted = alerts.resolve(
        alert.pk, actor=Actor(ActorKind.STAFF, "olga", olga.pk), disposition="false_positive", unlock=True
    )
    assert acted.alert.status == "resolved"
    assert locks.of(Member.objects.get()) is not None
    assert not Device.objects.filter(trusted_at__isnull=False).exists()
