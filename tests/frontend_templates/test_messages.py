"""The staff's page of messages and ways, and the members' choice."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from detection.kernel.records import SYSTEM
from detection.models import Carrier, Contact, NoticeAttempt, NoticePreference, Notification
from detection.response import notifications
from frontend_templates.views import messages
from tests.frontend_templates.conftest import lock, member_called, text_of

pytestmark = pytest.mark.django_db

PAGE = "/admin_dashboard/messages/"
SETTING = {"floor": "low", "quiet_from": "22:00", "quiet_until": "07:00", "time_zone": "Europe/Berlin", "after": "10"}


def test_every_message_is_told_with_what_the_carrier_answered(ada) -> None:
    lock("mia")
    notice = Notification.objects.get(channel="email")
    NoticeAttempt.objects.create(notification=notice, carried=False, answer="ConnectionRefusedError", duration_ms=12)
    Notification.objects.filter(pk=notice.pk).update(attempts=1)
    page = text_of(ada.get(PAGE))
    assert "Your account is locked for your safety" in page
    assert "mia, m•••@example.com" in page
    assert "mia@example.com" not in page
    assert "ConnectionRefusedError, 12 ms" in page
    assert "On the way" in page
    assert "Nothing like that yet." in text_of(ada.get(f"{PAGE}?state=sent"))


def test_a_way_is_set_tested_and_shown_when_it_is_in_trouble(ada) -> None:
    assert ada.post(f"{PAGE}ways/email/change/", SETTING).status_code == 302
    shown = text_of(ada.get(PAGE))
    assert "low or above, when nobody has looked for 10 minutes" in shown
    assert "from 22:00 to 07:00 (Europe/Berlin) only of what is high" in shown
    ada.post(f"{PAGE}ways/email/test/")
    assert Notification.objects.get().kind == "carrier.test"
    Carrier.objects.update(failures=3, open_until=timezone.now() + timedelta(minutes=1))
    assert "Failed 3 times in a row." in text_of(ada.get(PAGE))


@pytest.mark.parametrize(
    "fault", [{"floor": "loud"}, {"quiet_from": "late"}, {"after": "soon"}, {"after": "9999"}, {"time_zone": "Nowhere"}]
)
def test_what_cannot_be_taken_is_said_and_changes_nothing(ada, fault) -> None:
    answer = ada.post(f"{PAGE}ways/email/change/", {**SETTING, **fault})
    assert answer.status_code == 400
    assert "Nothing was saved yet." in text_of(answer)
    assert not Carrier.objects.exclude(floor="high").exists()


def test_what_was_given_up_is_sent_again_but_never_a_code(ada) -> None:
    for challenge in ("", "c" * 32):
        Notification.objects.create(
            channel="email", carrier="email", kind="x", title="T", challenge=challenge, failed_at=timezone.now()
        )
    assert ada.post(f"{PAGE}replay/").status_code == 302
    assert Notification.objects.get(failed_at=None).challenge == ""
    assert ada.post(f"{PAGE}replay/", {"notice": "nonsense"}).status_code == 302


def test_a_member_chooses_and_safety_stays_reachable(mia) -> None:
    Contact.objects.get_or_create(member=member_called("mia"), kind="email", value="mia@example.com")
    where = reverse("pages:preferences")
    assert "When your account is in danger" in text_of(mia.get(where))
    refused = mia.post(where, {"questions": "email"})
    assert refused.status_code == 400
    assert "leave at least one way open" in text_of(refused)
    assert not NoticePreference.objects.exists()
    assert mia.post(where, {"security": "email"}).status_code == 302
    assert NoticePreference.objects.get(topic="questions").channels == []
    assert "How we reach you" in text_of(mia.get(where))


def test_an_analyst_has_no_business_there(olga) -> None:
    assert olga.get(PAGE).status_code == 403
    notifications.test("email", actor=SYSTEM)
    assert olga.post(f"{PAGE}replay/").status_code == 403


def test_older_messages_are_a_page_further_back(ada, monkeypatch) -> None:
    monkeypatch.setattr(messages, "SHOWN", 2)
    for number in range(3):
        Notification.objects.create(channel="email", carrier="email", kind="x", title=f"Letter {number}")
    newest = ada.get(f"{PAGE}?state=waiting").content.decode()
    assert "Letter 2" in newest
    assert "Letter 0" not in newest
    older = re.search(r'rel="next" href="([^"#]+)', newest)[1].replace("&amp;", "&")
    assert older.startswith("?state=waiting&before=")
    assert "Letter 0" in ada.get(PAGE + older).content.decode()
