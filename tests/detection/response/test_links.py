"""The link in a mail: one answer, about one alert, without signing in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from detection.models import Alert, AuditPending, Contact, Device, Dispute, Notification, UsedLink
from detection.response import links, locks, notifications
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def mailed(mia, alert):
    """The mail that asks mia about an alert."""
    raised = alert(mia)
    with unit_of_work() as work:
        notifications.to_member(work, mia, "alert.raised", alert=raised, context={})
    return Notification.objects.get(channel="email")


def token(notice) -> str:
    return links.token_of(notice.pk)


def test_the_mail_carries_a_link_and_the_database_does_not(mailed):
    assert notifications.deliver_due().sent == 1
    link = links.address(mailed)
    assert link in mail.outbox[0].body
    mailed.refresh_from_db()
    assert token(mailed) not in f"{mailed.body}{mailed.context}"


def test_a_notice_on_the_page_carries_none(mailed):
    page = Notification.objects.get(channel="page")
    assert not links.offered(page)
    assert links.read(token(page)) is None


def test_reading_changes_nothing(mailed):
    before = AuditPending.objects.count()
    for _ in range(3):
        asked = links.read(token(mailed))
        assert asked is not None
        assert asked.alert.status == "open"
        assert not asked.said
    assert (Dispute.objects.count(), UsedLink.objects.count()) == (0, 0)
    assert AuditPending.objects.count() == before


def test_no_contains_and_gives_a_reference(mailed, mia):
    answered = links.answer(token(mailed), was_me=False)
    assert answered.dispute.reference.startswith("SR-")
    assert locks.of(mia).reason.code == "member-disputed"
    assert Device.objects.get().distrusted_at is not None
    assert Alert.objects.get().status == "escalated"


def test_yes_closes_the_alert_and_trusts_the_device_but_opens_no_lock(mailed, mia, lock):
    lock(mia)
    links.answer(token(mailed), was_me=True)
    found = Alert.objects.get()
    assert (found.status, found.disposition) == ("resolved", "false_positive")
    assert Device.objects.get().trusted_at is not None
    assert locks.of(mia) is not None


@pytest.mark.parametrize("first", [True, False])
def test_it_works_once(mailed, first):
    assert links.answer(token(mailed), was_me=first)
    assert links.answer(token(mailed), was_me=first) is None
    assert links.answer(token(mailed), was_me=not first) is None
    assert Dispute.objects.count() == 1


def test_what_became_of_it_can_be_read_for_an_hour(mailed):
    links.answer(token(mailed), was_me=False)
    assert links.read(token(mailed)).said == "not_me"
    assert links.read(token(mailed), now=timezone.now() + timedelta(minutes=61)) is None


def test_it_is_over_after_three_days(mailed):
    late = timezone.now() + timedelta(hours=72, seconds=1)
    assert links.read(token(mailed), now=late) is None
    assert links.answer(token(mailed), was_me=False, now=late) is None


@pytest.mark.parametrize("junk", ["", "x", "A" * 43, "a" * 4000, "..%2f", "é" * 43, "\ud800"])
def test_what_is_no_link_of_ours_is_nothing(mailed, junk):
    assert links.read(junk) is None
    changed = token(mailed)
    assert links.read(changed[:-2] + ("AA" if changed[-2:] != "AA" else "BB")) is None


def test_an_address_that_is_new_may_say_no_and_not_yes(mia, alert):
    Contact.objects.create(member=mia, kind="email", value="thief@example.com", verified_at=timezone.now())
    raised = alert(mia)
    with unit_of_work() as work:
        notifications.to_member(work, mia, "alert.raised", alert=raised, context={})
    to_thief = Notification.objects.get(destination="thief@example.com")
    assert not links.read(token(to_thief)).safe
    assert links.answer(token(to_thief), was_me=True) is None
    assert Alert.objects.get().status == "open"
    assert links.answer(token(to_thief), was_me=False)


def test_marks_of_links_that_are_over_are_dropped(mailed):
    links.answer(token(mailed), was_me=False)
    assert links.forget_old() == 0
    assert links.forget_old(now=timezone.now() + timedelta(days=4)) == 1


@pytest.mark.django_db(transaction=True)
def test_pressed_many_times_at_once_it_counts_once(mailed):
    def press(_):
        try:
            return links.answer(token(mailed), was_me=False) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(press, range(16))).count(True) == 1
    assert Dispute.objects.count() == 1
