from __future__ import annotations

from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test.utils import override_settings
from django.utils import timezone

from detection.announcements import SessionsEnded, announced
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import (
    AlertAction,
    AlertDetector,
    AuditPending,
    Device,
    Dispute,
    FeedEntry,
    LockReason,
    Notification,
)
from detection.response import alerts, disputes, health, locks

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MIA = Actor(ActorKind.MEMBER, "mia")


def signed_in(user) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session.save()
    return session.session_key


def test_this_was_not_me_raises_the_alert_and_gives_a_reference(mia, alert):
    raised = alert(mia)
    disputed = disputes.deny(raised.pk, member=mia, actor=MIA)
    raised.refresh_from_db()
    assert disputed.new
    assert disputed.reference.startswith("SR-")
    assert len(disputed.reference) == 9
    assert (raised.disputed, raised.severity, raised.severity_rank, raised.status) == (True, "high", 2, "escalated")
    assert raised.risk_score >= 70
    assert raised.reasons[0]["code"] == "member-disputed"
    assert AlertDetector.objects.filter(alert=raised, detector="member-disputed").exists()
    assert Dispute.objects.get().closed_at is None
    assert AlertAction.objects.get().verb == "dispute"


def test_this_was_not_me_locks_a_clear_member_at_their_own_word(mia, alert):
    disputed = disputes.deny(alert(mia).pk, member=mia, actor=MIA)
    assert disputed.lock == locks.of(mia)
    assert (disputed.lock.by, disputed.lock.reason.code) == (ActorKind.MEMBER, "member-disputed")
    assert disputed.alert.action_taken == "lock"


def test_this_was_not_me_keeps_a_lock_as_it_is(mia, alert, lock):
    before = lock(mia).lock
    assert disputes.deny(alert(mia).pk, member=mia, actor=MIA).lock == before
    assert LockReason.objects.count() == 1


def test_this_was_not_me_disowns_the_device(mia, alert):
    now = timezone.now()
    Device.objects.create(member=mia, device_id="unheard-of", first_seen_at=now, last_seen_at=now, trusted_at=now)
    disputes.deny(alert(mia).pk, member=mia, actor=MIA)
    device = Device.objects.get()
    assert device.distrusted_at is not None
    assert device.trusted_at is None


def test_this_was_not_me_ends_the_members_other_sessions_only(mia, sam, alert, django_capture_on_commit_callbacks):
    mine, thiefs, sams = signed_in(mia.user), signed_in(mia.user), signed_in(sam.user)
    heard = []

    def listen(announcement, **_kwargs):
        heard.append(announcement)

    announced.connect(listen, sender=SessionsEnded)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            disputes.deny(alert(mia).pk, member=mia, actor=MIA, session_key=mine)
    finally:
        announced.disconnect(listen, sender=SessionsEnded)
    assert set(Session.objects.values_list("session_key", flat=True)) == {mine, sams}
    assert thiefs not in {mine, sams}
    assert heard == [SessionsEnded((mia.user_id,), mine)]


def test_this_was_not_me_is_told_to_the_member_and_to_staff(mia, alert):
    disputed = disputes.deny(alert(mia).pk, member=mia, actor=MIA)
    page = Notification.objects.get(kind="dispute.opened", channel="page")
    assert disputed.reference in page.title
    assert "The device is no longer taken for yours." in page.body
    staff = Notification.objects.get(kind="member.disputed")
    assert staff.member is None
    assert disputed.reference in staff.body
    kinds = list(FeedEntry.objects.values_list("kind", flat=True))
    assert "alert.changed" in kinds
    assert "health.changed" in kinds
    audited = [row.entry["action"] for row in AuditPending.objects.all()]
    assert audited == ["member.locked", "alert.disputed"]


def test_saying_it_again_changes_nothing(mia, alert):
    raised = alert(mia)
    first = disputes.deny(raised.pk, member=mia, actor=MIA)
    told = Notification.objects.count()
    again = disputes.deny(str(raised.pk), member=mia, actor=MIA)
    assert (again.new, again.reference) == (False, first.reference)
    assert Notification.objects.count() == told


def test_it_was_me_closes_the_alert_and_proves_no_device(mia, alert):
    raised = alert(mia)
    confirmed = disputes.confirm(raised.pk, member=mia, actor=MIA)
    raised.refresh_from_db()
    assert confirmed.new
    assert (raised.status, raised.disposition, raised.resolved_by) == ("resolved", "false_positive", "mia")
    assert raised.resolved_at is not None
    assert not raised.folding
    assert not Device.objects.filter(trusted_at__isnull=False).exists()  # whoever holds the session can press it
    assert AlertAction.objects.get().verb == "confirm"
    assert [row.entry["action"] for row in AuditPending.objects.all()] == ["alert.confirmed"]
    assert not disputes.confirm(raised.pk, member=mia, actor=MIA).new


def test_it_was_me_lifts_no_lock(mia, alert, lock):
    raised = alert(mia)
    lock(mia, alert=raised.pk)
    assert disputes.confirm(raised.pk, member=mia, actor=MIA).lock is not None
    assert locks.of(mia) is not None


def test_it_was_me_can_not_take_back_this_was_not_me(mia, alert):
    raised = alert(mia)
    denied = disputes.deny(raised.pk, member=mia, actor=MIA)
    taken_back = disputes.confirm(raised.pk, member=mia, actor=MIA)
    raised.refresh_from_db()
    assert (taken_back.stands, taken_back.reference) == (True, denied.reference)
    assert raised.status == "escalated"


def test_this_was_not_me_opens_a_closed_alert_again(mia, alert):
    raised = alert(mia)
    disputes.confirm(raised.pk, member=mia, actor=MIA)
    disputes.deny(raised.pk, member=mia, actor=MIA)
    raised.refresh_from_db()
    assert (raised.status, raised.disposition, raised.resolved_at, raised.disputed) == ("escalated", "", None, True)


@pytest.mark.parametrize("verb", [disputes.deny, disputes.confirm])
def test_another_members_alert_an_unknown_one_and_nonsense_are_missing(mia, sam, alert, verb):
    of_sam = alert(sam)
    for alert_id in (of_sam.pk, "0190aaaa-0000-7000-8000-000000000000", "nonsense"):
        assert verb(alert_id, member=mia, actor=MIA).missing
    of_sam.refresh_from_db()
    assert of_sam.status == "open"
    assert Dispute.objects.count() == 0


def test_staff_who_resolve_end_what_a_dispute_costs(mia, alert, olga):
    raised = alert(mia)
    disputes.deny(raised.pk, member=mia, actor=MIA)
    assert "disputed" in [reason.code for reason in health.of(mia).reasons]
    alerts.resolve(raised.pk, actor=olga, disposition="confirmed", unlock=True)
    assert health.of(mia).score == 100


def test_shadow_mode_records_the_word_and_enforces_nothing(mia, alert):
    with override_settings(MODE="shadow"):
        disputed = disputes.deny(alert(mia).pk, member=mia, actor=MIA)
    assert disputed.lock is None
    assert Dispute.objects.count() == 1
    assert not Notification.objects.filter(channel="page").exists()


def test_what_nobody_had_noticed_is_reported_from_the_history(mia):
    from tests.cast import happened, judge_all, report, stored

    event = stored(report(happened("login.succeeded", device_id="d-9", ip="81.2.69.142"))[0])
    judge_all()
    told = disputes.report(event.pk, member=mia, actor=MIA)
    event.refresh_from_db()
    assert told.reference.startswith("SR-")
    assert event.alert_id == told.alert.pk
    assert (told.alert.severity, told.alert.status, told.alert.device) == ("high", "escalated", "d-9")
    assert locks.of(mia) is not None
    assert list(FeedEntry.objects.filter(alert=told.alert).values_list("kind", flat=True)) == ["alert.raised"]
    again = disputes.report(event.pk, member=mia, actor=MIA)
    assert (again.alert.pk, again.new) == (told.alert.pk, False)


def test_an_event_of_another_member_is_missing(mia, sam):
    from tests.cast import happened, report, stored

    event = stored(report(happened("login.succeeded", "sam", device_id="d-9"))[0])
    assert disputes.report(event.pk, member=mia, actor=MIA).missing


def test_a_case_shows_what_is_done_and_what_is_left(mia, alert, olga):
    from tests.cast import happened, judge_all, report

    raised = alert(mia)
    disputes.deny(raised.pk, member=mia, actor=MIA)
    found = disputes.case(Dispute.objects.get())
    assert [(step.code, step.done) for step in found.steps] == [
        ("password", False),
        ("unlock", False),
        ("closed", False),
    ]
    assert found.send_to == "m•••@example.com"
    report(happened("password.changed", device_id="d-1"))
    judge_all()
    locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF)
    alerts.resolve(raised.pk, actor=olga, disposition="confirmed")
    found = disputes.case(Dispute.objects.select_related("alert").get())
    assert found.closed
    assert all(step.done for step in found.steps)
