from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from detection import conf
from detection.intake.contacts import frozen_members
from detection.kernel.ids import uuid7
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, EventType, LockScope, LockState, Trust
from detection.models import (
    AccountLock,
    AuditPending,
    Client,
    Contact,
    FeedEntry,
    LockEvent,
    LockReason,
    Member,
    Notification,
)
from detection.response import locks, reversals
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MIA = Actor(ActorKind.MEMBER, "mia")


def frames():
    return list(FeedEntry.objects.order_by("id").values_list("kind", flat=True))


def test_a_lock_is_in_force_and_says_why_until_when_and_for_what(mia, lock):
    placed = lock(mia)
    found = locks.of(mia)
    assert placed.new
    assert placed.lock == found
    assert found.state == LockState.LOCKED
    assert found.scopes == (LockScope.PAYMENTS,)
    assert found.reason.code == "large-transaction-new-device"
    assert found.expires_at - found.since == timedelta(hours=24)
    assert (found.by, found.self_unlock, found.version) == (ActorKind.SYSTEM, True, 1)
    assert found.refuses(EventType.TRANSACTION_ATTEMPTED)
    assert not found.refuses(EventType.LOGIN_SUCCEEDED)


def test_locking_is_told_live_by_mail_on_the_page_and_in_the_audit_trail(mia, lock):
    Contact.objects.create(member=mia, kind="email", value="mia@work.example", verified_at=timezone.now())
    Contact.objects.create(member=mia, kind="email", value="thief@example.com", held=True)
    lock(mia)
    assert frames() == ["member.locked", "notice.created", "health.changed"]
    locked = FeedEntry.objects.get(kind="member.locked")
    assert locked.payload["lock"]["version"] == 1
    assert locked.payload["member_id"] == "mia"
    mails = Notification.objects.filter(channel="email").order_by("destination")
    assert [mail.destination for mail in mails] == ["mia@example.com", "mia@work.example"]
    page = Notification.objects.get(channel="page")
    assert page.sent_at is not None
    assert "A large payment from a device we do not know" in page.body
    entry = AuditPending.objects.get().entry
    assert (entry["action"], entry["target"]) == ("member.locked", "mia")
    assert LockEvent.objects.get().after == LockState.LOCKED


def test_the_same_reason_again_changes_nothing_and_never_moves_the_end(mia, lock):
    first = lock(mia).lock
    again = lock(mia, now=timezone.now() + timedelta(hours=5))
    assert not again.new
    assert again.lock == first
    assert Notification.objects.filter(channel="page").count() == 1
    assert LockReason.objects.count() == LockEvent.objects.count() == 1


def test_the_same_reason_may_grow_worse_once(mia, lock):
    lock(mia, state=LockState.RESTRICTED)
    assert lock(mia).lock.state == LockState.LOCKED
    weaker = lock(mia, state=LockState.RESTRICTED)
    assert not weaker.new
    assert weaker.lock.state == LockState.LOCKED
    wider = lock(mia, scopes=(LockScope.PROFILE,))
    assert wider.lock.scopes == (LockScope.PAYMENTS, LockScope.PROFILE)
    assert LockReason.objects.in_force().count() == 1


def test_an_automatic_lock_ends_after_a_day_at_most_and_only_staff_may_leave_the_end_open(mia, sam, lock, olga):
    far = timezone.now() + timedelta(days=30)
    automatic = lock(mia, expires_at=far, no_end=True).lock
    assert automatic.expires_at <= timezone.now() + timedelta(hours=24)
    by_staff = lock(sam, by=ActorKind.STAFF, actor=olga, code="staff", no_end=True).lock
    assert by_staff.expires_at is None


def test_a_lock_is_over_by_comparison_even_when_nobody_tidied_up(mia, lock):
    lock(mia, now=timezone.now() - timedelta(hours=25))
    assert locks.of(mia) is None
    assert LockReason.objects.get().ended_at is None


def test_a_lock_that_ran_out_can_be_placed_again(mia, lock):
    lock(mia, now=timezone.now() - timedelta(hours=25))
    again = lock(mia)
    assert again.new
    assert again.lock.version == 2
    assert LockReason.objects.in_force().count() == 1


def test_the_effective_lock_is_the_strongest_reason_with_the_scopes_of_all_as_strong(mia, lock, olga):
    lock(mia, state=LockState.RESTRICTED, code="a", scopes=(LockScope.EVERYTHING,))
    lock(mia, code="b", scopes=(LockScope.PROFILE,))
    lock(mia, code="c", expires_at=timezone.now() + timedelta(hours=1))
    found = locks.of(mia)
    assert found.state == LockState.LOCKED
    assert found.scopes == (LockScope.PAYMENTS, LockScope.PROFILE)
    assert found.reason.code == "b"
    assert found.expires_at - found.since == timedelta(hours=24)
    lock(mia, code="staff", text="Called us", by=ActorKind.STAFF, actor=olga)
    assert locks.of(mia).reason.code == "staff"
    assert not locks.of(mia).self_unlock


def test_ending_one_reason_never_ends_another(mia, lock, olga):
    lock(mia, code="a")
    lock(mia, code="b")
    released = locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF, codes=["a"])
    assert released.done
    assert released.lock.reason.code == "b"
    assert frames()[-3:] == ["member.locked", "notice.created", "health.changed"]
    assert locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF).lock is None


def test_staff_release_everything_and_the_release_is_told_and_audited(mia, lock, olga):
    lock(mia)
    released = locks.release(mia, actor=olga, reason="she called us", by=ActorKind.STAFF)
    assert (released.done, released.lock, len(released.reasons)) == (True, None, 1)
    assert locks.of(mia) is None
    assert frames()[-3:] == ["member.unlocked", "notice.created", "health.changed"]
    assert FeedEntry.objects.get(kind="member.unlocked").payload == {"member_id": "mia", "lock": None}
    entry = AuditPending.objects.order_by("id").last().entry
    assert entry["action"] == "member.unlocked"
    assert entry["actor"]["label"] == "olga"
    assert entry["detail"]["reason"] == "she called us"
    assert AccountLock.objects.get().version == 2


def test_a_clear_member_has_nothing_to_release(mia, olga):
    assert locks.release(mia, actor=olga, reason="x", by=ActorKind.STAFF) == locks.Released(done=False, lock=None)
    assert AuditPending.objects.count() == 0


def test_a_member_lifts_no_lock_that_staff_placed(mia, lock, olga):
    lock(mia, by=ActorKind.STAFF, actor=olga, code="staff", self_unlock=True)
    refused = locks.release(mia, actor=MIA, reason="code", by=ActorKind.MEMBER)
    assert not refused.done
    assert locks.of(mia) is not None


def test_staff_who_unlock_give_self_service_back(mia, lock, olga):
    lock(mia)
    Member.objects.update(code_failures=100, self_service_off_at=timezone.now())
    locks.release(mia, actor=olga, reason="seen passport", by=ActorKind.STAFF)
    mia.refresh_from_db()
    assert (mia.code_failures, mia.self_service_off_at) == (0, None)


def test_locks_that_ran_out_are_tidied_once_and_said_live(mia, sam, lock):
    lock(mia, now=timezone.now() - timedelta(hours=25))
    lock(sam)
    assert locks.expire_due() == 1
    assert locks.expire_due() == 0
    assert frames()[-3:] == ["member.unlocked", "notice.created", "health.changed"]
    reason = LockReason.objects.get(member=mia)
    assert reason.ended_at == reason.expires_at
    assert locks.of(sam) is not None


def test_contacts_stay_frozen_for_a_day_after_a_lock(mia, lock, olga):
    lock(mia)
    assert frozen_members({mia.pk}, timezone.now()) == {mia.pk}
    locks.release(mia, actor=olga, reason="known", by=ActorKind.STAFF)
    assert frozen_members({mia.pk}, timezone.now() + timedelta(hours=23)) == {mia.pk}
    assert frozen_members({mia.pk}, timezone.now() + timedelta(hours=25)) == set()


def test_locks_of_many_members_are_read_with_one_query(mia, sam, lock):
    lock(mia)
    lock(sam, code="a")
    lock(sam, code="b")
    with CaptureQueriesContext(connection) as queries:
        found = locks.in_force([mia.pk, sam.pk, 999_999])
    assert set(found) == {mia.pk, sam.pk}
    assert len(queries) == 1
    assert locks.in_force([]) == {}


def test_a_low_key_never_locks_and_a_normal_one_only_within_its_cap(lock):
    shop = Client.objects.create(name="shop")
    normal = {"client_id": shop.pk, "trust": Trust.NORMAL}
    assert not locks.may_lock(client_id=shop.pk, trust=Trust.LOW)
    for number in range(20):
        assert locks.may_lock(**normal)
        lock(Member.objects.create(member_id=f"m{number}"), client=shop)
    assert not locks.may_lock(**normal)
    assert locks.may_lock(**normal, now=timezone.now() + timedelta(minutes=11))
    other = Client.objects.create(name="simulator")
    assert locks.may_lock(client_id=other.pk, trust=Trust.NORMAL)


def test_one_source_causes_five_locks_a_minute_at_most(lock):
    shop = Client.objects.create(name="shop")
    for number in range(5):
        lock(Member.objects.create(member_id=f"m{number}"), client=shop, source="203.0.113.7")
    asked = {"client_id": shop.pk, "trust": Trust.HIGH}
    assert not locks.may_lock(**asked, source="203.0.113.7")
    assert locks.may_lock(**asked, source="203.0.113.8")
    assert locks.may_lock(**asked, source="203.0.113.7", now=timezone.now() + timedelta(minutes=2))


def test_a_staff_lock_counts_in_nobodys_budget(lock, olga):
    shop = Client.objects.create(name="shop")
    for number in range(20):
        member = Member.objects.create(member_id=f"m{number}")
        lock(member, client=shop, by=ActorKind.STAFF, actor=olga, code="staff")
    assert locks.may_lock(client_id=shop.pk, trust=Trust.NORMAL)


def test_in_shadow_mode_no_notice_reaches_a_page(mia, lock):
    with override_settings(MODE="shadow"):
        lock(mia)
    assert not Notification.objects.filter(channel="page").exists()


@pytest.mark.django_db(transaction=True)
def test_many_placing_the_same_lock_at_once_place_one(mia, lock):
    def try_it(_):
        try:
            return lock(mia).new
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(try_it, range(16)))
    assert news.count(True) == 1
    assert LockReason.objects.count() == LockEvent.objects.count() == 1
    assert AccountLock.objects.get().version == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_clients_at_once_a_rule_locks_its_cap_and_no_more(lock, monkeypatch):
    monkeypatch.setattr(conf, "RULE_LOCK_CAP", 5)
    crowd = [
        (Client.objects.create(name=f"app-{number}"), Member.objects.create(member_id=f"m{number}"))
        for number in range(16)
    ]

    def try_it(pair):
        client, member = pair
        try:
            with unit_of_work():
                if locks.may_lock(client_id=client.pk, trust=Trust.NORMAL, code="one-rule"):
                    lock(member, client=client, code="one-rule")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(try_it, crowd))
    assert LockReason.objects.count() == 5


def test_an_unlock_by_staff_is_taken_back_whole_within_half_a_minute(mia, olga, lock):
    now = timezone.now()
    first = lock(mia).lock
    Member.objects.filter(pk=mia.pk).update(self_service_off_at=now, code_failures=7)
    released = locks.release(mia, actor=olga, reason="the wrong Mia", by=ActorKind.STAFF)
    assert released.action is not None
    mia.refresh_from_db()
    assert (mia.self_service_off_at, mia.code_failures) == (None, 0)
    assert reversals.take_back(released.action, actor=olga, now=now + timedelta(seconds=40)).late
    assert not reversals.take_back(released.action, actor=olga).late
    mia.refresh_from_db()
    assert (mia.self_service_off_at, mia.code_failures) == (now, 7)
    again = locks.of(mia)
    assert (again.reason, again.expires_at, again.since, again.state) == (
        first.reason, first.expires_at, first.since, first.state,
    )  # fmt: skip
    assert again.version > first.version
    assert reversals.take_back(uuid7(), actor=olga).member is None


def test_an_unlock_is_not_taken_back_once_somebody_moved_the_lock(mia, olga, lock):
    lock(mia)
    released = locks.release(mia, actor=olga, reason="a mistake", by=ActorKind.STAFF)
    lock(mia, code="impossible-travel")
    assert reversals.take_back(released.action, actor=olga).late
    assert [reason.code for reason in LockReason.objects.in_force()] == ["impossible-travel"]


def test_nobody_takes_back_an_unlock_of_their_own_account_and_a_members_code_leaves_nothing_to(mia, olga, lock):
    lock(mia)
    released = locks.release(mia, actor=olga, reason="fine", by=ActorKind.STAFF)
    mias = Actor(ActorKind.STAFF, "mia", mia.user_id)
    assert reversals.take_back(released.action, actor=mias).late
    assert locks.of(mia) is None
    lock(mia)
    assert locks.release(mia, actor=SYSTEM, reason="a code", by=ActorKind.MEMBER).action is None
