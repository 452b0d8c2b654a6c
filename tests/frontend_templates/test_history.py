"""What happened within 90 days and what we wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from detection.models import Alert, Dispute, Event
from detection.response import locks
from tests.cast import LONDON, happened, judge_all, report
from tests.frontend_templates.conftest import lock, member_called, text_of

pytestmark = pytest.mark.django_db


def test_it_is_told_in_the_members_words_and_filtered(mia: Browser) -> None:
    report(
        happened("login.succeeded", ip=LONDON, device_id="d-1"),
        happened("transaction.succeeded", amount="20", currency="EUR", device_id="d-1"),
        happened("page.viewed", device_id="d-1", path="/shoes"),
    )
    judge_all()
    page = text_of(mia.get("/member/activity/"))
    assert "Signed in" in page
    assert "20.00 EUR" in page
    assert "Looked at a page" not in page
    assert "login.succeeded" not in page
    payments = text_of(mia.get("/member/activity/?kind=payments"))
    assert "20.00 EUR" in payments
    assert "<b>Signed in</b>" not in payments
    assert "Nothing of this kind" in text_of(mia.get("/member/activity/?stopped=1"))
    assert "<b>Signed in</b>" in text_of(mia.get("/member/activity/?kind=nonsense&page=77"))


def test_it_reaches_back_90_days_in_pages(mia: Browser) -> None:
    report(*(happened("login.succeeded", device_id="d-1") for _ in range(31)))
    judge_all()
    old = Event.objects.order_by("pk").first()
    assert "Page 1 of 2" in text_of(mia.get("/member/activity/"))
    Event.objects.filter(pk=old.pk).update(occurred_at=timezone.now() - timedelta(days=91))
    assert "Page 1 of" not in text_of(mia.get("/member/activity/"))


def test_every_row_can_be_disputed_and_then_says_so_until_it_is_closed(mia: Browser, sam: Browser) -> None:
    report(happened("login.succeeded", ip=LONDON, device_id="d-1"))
    judge_all()
    event = Event.objects.get()
    assert sam.post(f"/member/events/{event.pk}/dispute/").status_code == 404
    page = text_of(mia.post(f"/member/events/{event.pk}/dispute/", follow=True))
    reference = Dispute.objects.get().reference
    assert reference in page
    assert locks.of(member_called("mia")) is not None
    page = text_of(mia.get("/member/activity/"))
    assert "we are looking into it" in page
    assert reference in page
    Alert.objects.update(status="resolved")
    Dispute.objects.update(closed_at=timezone.now())
    assert "Not you: closed" in text_of(mia.get("/member/activity/"))


def test_notices_stand_whole_as_they_were_sent(mia: Browser) -> None:
    lock("mia")
    page = text_of(mia.get("/member/notices/"))
    assert "Your account is locked for your safety" in page
    assert "Why: A large payment from a new device." in page


def test_a_suggestion_is_put_away(mia: Browser) -> None:
    assert "Set up an authenticator app" in text_of(mia.get("/member/"))
    assert mia.post("/member/suggestions/set-up-app/dismiss/").status_code == 302
    assert "Set up an authenticator app" not in text_of(mia.get("/member/"))
    assert mia.post("/member/suggestions/nonsense/dismiss/").status_code == 404


@pytest.mark.parametrize("page", ["unlock", "devices", "activity", "notices", "two-step"])
def test_every_page_of_a_member_hears_of_a_lock(mia: Browser, page: str) -> None:
    text = text_of(mia.get(f"/member/{page}/"))
    assert "data-guard" in text
    assert "js/guard.js" in text


def test_the_main_page_hears_of_it_by_itself(mia: Browser) -> None:
    assert "js/guard.js" not in text_of(mia.get("/member/"))
