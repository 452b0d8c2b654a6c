from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from detection.models import FeedEntry, Notification
from detection.response import letters, notifications
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NOBODY_LISTENS = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_PORT": 1,
}


def told(member, alert=None, **changes):
    with unit_of_work() as work:
        notifications.to_member(work, member, "alert.raised", alert=alert, context={}, **changes)


def test_a_notice_is_on_the_page_at_once_and_in_the_mail_when_carried(mia, alert):
    told(mia, alert(mia))
    page = Notification.objects.get(channel="page")
    assert page.sent_at is not None
    assert FeedEntry.objects.get(kind="notice.created").notification == page.pk
    assert notifications.deliver_due() == notifications.Delivered(sent=1, failed=0)
    (letter,) = mail.outbox
    assert letter.to == ["mia@example.com"]
    assert letter.subject == "Was this you? Large payment from a new device"
    assert "1900.00 EUR from a device first seen a minute ago." in letter.body
    assert "London, GB" in letter.body
    assert page.body in letter.body
    assert Notification.objects.filter(sent_at=None).count() == 0


def test_what_was_carried_is_not_carried_again(mia, alert):
    told(mia, alert(mia))
    notifications.deliver_due()
    assert notifications.deliver_due(now=timezone.now() + timedelta(days=1)) == notifications.Delivered(0, 0)
    assert len(mail.outbox) == 1


def test_a_repeated_mail_has_the_same_message_id(mia, alert):
    told(mia, alert(mia))
    notifications.deliver_due()
    Notification.objects.filter(channel="email").update(sent_at=None, due_at=timezone.now())
    notifications.deliver_due()
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert str(Notification.objects.get(channel="email").pk) in first.extra_headers["Message-ID"]


def test_a_mail_server_that_is_away_is_tried_six_times_further_and_further_apart(mia, alert):
    told(mia, alert(mia))
    now = timezone.now()
    waits = []
    with override_settings(**NOBODY_LISTENS):
        for _ in range(6):
            assert notifications.deliver_due(now=now).failed == 1
            row = Notification.objects.get(channel="email")
            waits.append((row.due_at - now).total_seconds())
            now = row.due_at
        assert notifications.deliver_due(now=now + timedelta(days=1)).failed == 0
    row.refresh_from_db()
    assert waits == [30, 60, 300, 900, 3600, 3600]
    assert (row.attempts, row.sent_at, row.last_error) == (6, None, "ConnectionRefusedError")
    assert row.failed_at is not None


def test_a_mail_that_failed_once_is_carried_later(mia, alert):
    told(mia, alert(mia))
    with override_settings(**NOBODY_LISTENS):
        notifications.deliver_due()
    assert notifications.deliver_due().sent == 0
    assert notifications.deliver_due(now=timezone.now() + timedelta(seconds=31)).sent == 1
    assert Notification.objects.get(channel="email").last_error == ""


def test_a_notice_whose_carrier_died_in_every_try_is_given_up(mia, alert):
    told(mia, alert(mia))
    Notification.objects.filter(channel="email").update(attempts=6)
    notifications.deliver_due()
    assert Notification.objects.get(channel="email").failed_at is not None
    assert mail.outbox == []


def test_staff_hear_of_a_high_alert_with_its_reasons_and_where_to_look(mia, alert):
    raised = alert(mia, severity="high")
    with unit_of_work() as work:
        notifications.to_staff(work, "alert.high", alert=raised, context={})
    notifications.deliver_due()
    (letter,) = mail.outbox
    assert letter.subject == "[high] Large payment from a new device: mia"
    assert "- A large payment" in letter.body
    assert f"/admin_dashboard/alerts/{raised.pk}/" in letter.body


def test_nobody_is_written_to_when_staff_have_no_address(mia, alert):
    with override_settings(STAFF_EMAIL=""), unit_of_work() as work:
        notifications.to_staff(work, "alert.high", alert=alert(mia), context={})
    assert Notification.objects.count() == 0


def test_a_storm_is_told_once_in_ten_minutes(mia, alert):
    raised = alert(mia, severity="high")
    with unit_of_work():
        told_now = [notifications.page_once("alert.high", alert=raised) for _ in range(50)]
    assert told_now == [True] + [False] * 49
    Notification.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert notifications.page_once("alert.high", alert=raised)


def test_in_shadow_mode_nothing_is_sent_and_the_row_says_so(mia, alert):
    with override_settings(MODE="shadow"):
        told(mia, alert(mia))
        notifications.deliver_due()
    row = Notification.objects.get()
    assert (row.channel, row.sent_at, row.last_error) == ("email", None, notifications.SHADOW)
    assert row.failed_at is not None
    assert mail.outbox == []


def test_what_an_app_sends_can_add_no_line_header_or_code_to_a_letter(mia, alert):
    nasty = "Hello\r\nBcc: thief@example.com\n\n12345678\n\u202egnp.exe"
    told(mia, alert(mia, title=nasty[:120], summary=nasty))
    notifications.deliver_due()
    (letter,) = mail.outbox
    message = letter.message()
    assert "\n" not in message["Subject"]
    assert message["Bcc"] is None
    assert not [line for line in letter.body.splitlines() if line.strip().isdigit()]
    assert "\u202e" not in letter.body


@pytest.mark.parametrize("kind", ["no.such", "../../secret", "lock", "", "lock.placed\n"])
def test_a_letter_nobody_wrote_is_a_mistake_of_ours(kind):
    with pytest.raises(KeyError):
        letters.write(kind, {})


def test_times_are_told_in_the_members_own_zone(mia):
    moment = timezone.datetime(2026, 7, 1, 22, 30, tzinfo=timezone.get_default_timezone())
    assert letters.when(moment, mia) == "1 July 2026, 22:30 UTC"
    mia.time_zone = "Europe/Berlin"
    assert letters.when(moment, mia) == "2 July 2026, 00:30 CEST"
    mia.time_zone = "Nowhere/../etc"
    assert letters.when(moment, mia) == "1 July 2026, 22:30 UTC"


@pytest.mark.django_db(transaction=True)
def test_two_carriers_at_once_carry_each_mail_once(mia, sam, alert):
    words = {"reference": "SR-1", "done": []}  # of a kind that is never gathered into a digest
    for number in range(10):
        with unit_of_work() as work:
            raised = alert(mia, incident=f"i{number}")
            notifications.to_member(work, mia, "dispute.opened", alert=raised, context=words)

    def carry(_):
        try:
            return notifications.deliver_due().sent
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(carry, range(4)))
    assert sum(sent) == len(mail.outbox) == 10
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 10
