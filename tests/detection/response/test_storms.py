"""Storms: what was only restricted because there were too many, settled with one decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test.utils import override_settings
from django.utils import timezone

from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, LockState, Trust
from detection.models import AuditPending, Client, LockBatch, LockReason, Member, Notification
from detection.response import budgets, locks, storms

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CODE = "large-transaction-new-device"


@pytest.fixture
def shop() -> Client:
    return Client.objects.create(name="shop")


@pytest.fixture
def ada(db) -> Actor:
    return Actor(ActorKind.STAFF, "ada", get_user_model().objects.create_user("ada").pk)


@pytest.fixture
def olga(db) -> Actor:
    return Actor(ActorKind.STAFF, "olga", get_user_model().objects.create_user("olga").pk)


@pytest.fixture
def storm(shop, lock):
    """So many members restricted because the cap was reached."""

    def blow(count: int, **changes) -> list[Member]:
        members = [Member.objects.create(member_id=f"m{number}") for number in range(count)]
        for member in members:
            lock(member, **{"state": LockState.RESTRICTED, "capped": True, "client": shop, **changes})
        return members

    return blow


def worked(asked: storms.Asked) -> LockBatch:
    """The decision once all of it is done, however slow the machine is."""
    storms.settle_due(seconds=120)
    asked.batch.refresh_from_db()
    return asked.batch


def test_what_was_capped_stands_together_by_client_and_rule(storm, shop, mia, lock):
    members = storm(3)
    lock(mia, client=shop)
    found = storms.standing()
    assert [(each.client, each.code, each.count) for each in found] == [(shop, CODE, 3)]
    assert set(found[0].members) == {member.member_id for member in members}


def test_up_to_twenty_are_released_with_one_click(storm, shop, ada):
    members = storm(20)
    asked = storms.ask(shop.pk, CODE, verb="release", reason="a test run", actor=ada)
    assert (asked.refused, worked(asked).settled) == ("", 20)
    assert asked.batch.closed_at is not None
    assert locks.in_force([member.pk for member in members]) == {}
    assert storms.standing() == []
    assert LockReason.objects.filter(ended_by="ada").count() == 20


def test_or_locked_and_that_uses_up_nobodys_budget(storm, shop, ada):
    members = storm(5)
    worked(storms.ask(shop.pk, CODE, verb="confirm", reason="a real raid", actor=ada))
    found = locks.in_force([member.pk for member in members])
    assert {lock.state for lock in found.values()} == {LockState.LOCKED}
    assert all(lock.self_unlock and lock.by == ActorKind.SYSTEM for lock in found.values())
    assert storms.standing() == []
    assert locks.may_lock(client_id=shop.pk, trust=Trust.NORMAL, code=CODE)


def test_more_than_twenty_take_two_administrators(storm, shop, ada, olga):
    members = storm(21)
    asked = storms.ask(shop.pk, CODE, verb="release", reason="a leaked key", actor=ada)
    assert asked.batch.approved_at is None
    assert storms.settle_due() == 0
    assert storms.approve(asked.batch.pk, actor=ada).refused == "own-request"
    assert len(locks.in_force([member.pk for member in members])) == 21
    done = storms.approve(asked.batch.pk, actor=olga)
    assert worked(done).settled == 21
    assert locks.in_force([member.pk for member in members]) == {}
    assert storms.approve(asked.batch.pk, actor=olga).refused == "gone"


def test_two_decisions_about_twenty_each_take_two_administrators_as_well(storm, shop, ada, olga):
    """Halving what is asked is no way around the second one, however the halves are made."""
    other = Client.objects.create(name="till")
    storm(12)
    rest = [Member.objects.create(member_id=f"t{number}") for number in range(12)]
    for member in rest:
        locks.place(
            member, state=LockState.RESTRICTED, code=CODE, text="!", by=ActorKind.SYSTEM, actor=SYSTEM,
            client=other, capped=True,
        )  # fmt: skip
    first = storms.ask(shop.pk, CODE, verb="release", reason="one half", actor=ada)
    assert first.batch.approved_by == "ada"
    worked(first)
    second = storms.ask(other.pk, CODE, verb="release", reason="the other", actor=ada)
    assert second.batch.approved_by == ""
    assert len(locks.in_force([member.pk for member in rest])) == 12
    assert not budgets.alone(ada, 9)
    assert budgets.alone(ada, 8)
    assert budgets.alone(olga, 20), "it counts for each of them"
    assert budgets.alone(ada, 20, now=timezone.now() + timedelta(minutes=11))


def test_what_was_decided_and_is_not_done_yet_counts_too(storm, shop, ada):
    storm(15)
    storms.LockBatch.objects.create(
        client=shop, code="another", verb="release", reason="?", count=15, settled=5, asked_by="ada",
        approved_by="ada", asked_at=timezone.now(), approved_at=timezone.now(),
    )  # fmt: skip
    assert not budgets.alone(ada, 11)
    assert budgets.alone(ada, 10)


def test_one_decision_at_a_time_and_it_can_be_withdrawn(storm, shop, ada, olga):
    storm(21)
    first = storms.ask(shop.pk, CODE, verb="release", reason="one", actor=ada)
    assert storms.ask(shop.pk, CODE, verb="confirm", reason="two", actor=olga).refused == "undecided"
    assert not storms.withdraw(first.batch.pk, actor=olga).refused
    assert storms.withdraw(first.batch.pk, actor=olga).refused == "gone"
    assert storms.ask(shop.pk, CODE, verb="confirm", reason="two", actor=olga).batch


def test_who_was_restricted_later_is_not_part_of_it(storm, shop, ada, sam, lock):
    olga = Actor(ActorKind.STAFF, "olga", get_user_model().objects.create_user("olga").pk)
    storm(21)
    asked = storms.ask(shop.pk, CODE, verb="release", reason="a leaked key", actor=ada)
    lock(sam, state=LockState.RESTRICTED, capped=True, client=shop, now=timezone.now() + timedelta(seconds=1))
    worked(storms.approve(asked.batch.pk, actor=olga))
    assert locks.of(sam) is not None


def test_who_let_themselves_back_in_meanwhile_is_not_locked_again(storm, shop, ada, olga):
    members = storm(21)
    asked = storms.ask(shop.pk, CODE, verb="confirm", reason="a raid", actor=ada)
    locks.release(members[0], actor=SYSTEM, reason="a code", by=ActorKind.MEMBER)
    assert worked(storms.approve(asked.batch.pk, actor=olga)).settled == 20
    assert locks.of(members[0]) is None


def test_nobody_decides_about_their_own_account(storm, shop, ada):
    own = storm(2)[0]
    Member.objects.filter(pk=own.pk).update(user=ada.user_id)
    assert storms.ask(shop.pk, CODE, verb="release", reason="hm", actor=ada).batch.settled == 1
    assert locks.of(own) is not None


def test_work_that_stopped_half_way_goes_on(storm, shop, ada, olga):
    members = storm(21)
    asked = storms.ask(shop.pk, CODE, verb="release", reason="a leaked key", actor=ada)
    LockBatch.objects.update(approved_by="olga", approved_at=timezone.now())
    assert storms.settle_due(seconds=0) == 1
    done = worked(asked)
    assert (done.settled, done.closed_at is not None) == (21, True)
    assert locks.in_force([member.pk for member in members]) == {}


def test_nothing_there_is_said(shop, ada):
    assert storms.ask(shop.pk, CODE, verb="release", reason="hm", actor=ada).refused == "nothing-there"


def test_every_decision_is_audited(storm, shop, ada, olga):
    storm(21)
    asked = storms.ask(shop.pk, CODE, verb="release", reason="a leaked key", actor=ada)
    worked(storms.approve(asked.batch.pk, actor=olga))
    actions = [row.entry["action"] for row in AuditPending.objects.order_by("id")]
    assert actions.count("storm.decided") == actions.count("storm.approved") == 1
    assert actions.count("member.unlocked") == 21


def test_one_rule_causes_no_more_than_its_cap_over_all_clients(lock, monkeypatch):
    monkeypatch.setattr("detection.conf.RULE_LOCK_CAP", 3)
    for number in range(3):
        lock(Member.objects.create(member_id=f"m{number}"), client=Client.objects.create(name=f"app{number}"))
    other = Client.objects.create(name="other")
    assert not locks.may_lock(client_id=other.pk, trust=Trust.HIGH, code=CODE)
    assert locks.may_lock(client_id=other.pk, trust=Trust.HIGH, code="impossible-travel")


@override_settings(STAFF_EMAIL="staff@example.com")
def test_the_page_to_staff_leads_to_the_decision(mia, alert):
    from detection.response import letters, notifications

    assert notifications.page_once("lock.storm", alert=alert(mia), context={"storm_page": letters.page("/x/")})
    assert "/x/" in Notification.objects.filter(member=None).first().body
