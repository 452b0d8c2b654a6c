"""A member's own page, and their word on an alert."""

from __future__ import annotations

from typing import Any

from django.test import Client as Browser

from detection.kernel.vocabulary import ActorKind
from detection.models import Alert
from detection.response import locks
from tests.cast import happened, judge_all, report
from tests.frontend_templates.conftest import lock, member_called, raised, text_of


def test_the_page_says_how_safe_the_account_is_and_why(mia: Browser) -> None:
    lock("mia")
    page = text_of(mia.get("/member/"))
    assert 'role="meter"' in page
    assert 'aria-valuetext="60 of 100, fair"' in page
    assert "\u221240" in page
    assert "Unlock it with a one-time code." in page


def test_a_lock_says_what_why_since_until_and_the_two_ways_out(mia: Browser) -> None:
    lock("mia")
    page = text_of(mia.get("/member/"))
    notice = page.split('class="lock locked"')[1].split("</section>")[0]
    for seen in (
        "A large payment from a new device.",
        "paying, gift cards",
        "Since",
        "Until",
        "Two ways out",
        "/member/unlock/",
    ):
        assert seen in notice, seen


def test_a_lock_by_staff_offers_no_code(mia: Browser) -> None:
    lock("mia", by=ActorKind.STAFF)
    page = text_of(mia.get("/member/"))
    assert "data-lock-self hidden" in page
    assert "A code does not open this lock" in page


def test_history_is_told_in_the_members_words_without_calm_browsing(mia: Browser) -> None:
    report(
        happened("login.succeeded", session_id="s-1", ip="81.2.69.142"),
        happened("page.viewed", path="/shoes", session_id="s-1"),
        happened("transaction.succeeded", amount="47.70", currency="EUR", session_id="s-1"),
    )
    judge_all()
    page = text_of(mia.get("/member/"))
    assert "Signed in" in page
    assert "47.70 EUR" in page
    assert "United Kingdom" in page
    assert "login.succeeded" not in page
    assert "Looked at a page" not in page


def test_only_what_is_ones_own_is_shown(mia: Browser) -> None:
    raised(1, member="sam", summary="Something about sam.")
    report(happened("transaction.succeeded", "sam", amount="999.00", currency="EUR"))
    page = text_of(mia.get("/member/"))
    assert "sam" not in page.split("<main")[1]
    assert "999.00" not in page


def test_an_alert_is_a_question_without_what_staff_see(mia: Browser) -> None:
    raised(1, summary="A payment of 2,400.00 EUR from a new device.")
    page = text_of(mia.get("/member/")).split("<main")[1]
    assert "Was this you?" in page
    assert "Yes, it was me" in page
    assert "large-transaction-new-device" not in page
    assert "risk" not in page.split("Event simulator")[0].lower().replace("at risk", "")


def test_reading_the_question_answers_nothing(mia: Browser) -> None:
    alert = raised(1)
    mia.get(f"/member/alerts/{alert.pk}/")
    alert.refresh_from_db()
    assert (alert.status, alert.disputed) == ("open", False)


def deny(browser: Browser, alert: Alert) -> Any:
    return browser.post(f"/member/alerts/{alert.pk}/dispute/", follow=True)


def test_no_secures_the_account_and_says_what_happens_next(mia: Browser) -> None:
    alert = raised(1)
    page = text_of(deny(mia, alert))
    alert.refresh_from_db()
    assert alert.disputed
    assert locks.of(member_called("mia")) is not None
    reference = alert.disputes.get().reference
    assert reference in page
    assert "Change your password" in page


def test_yes_closes_the_question(mia: Browser) -> None:
    alert = raised(1)
    response = mia.post(f"/member/alerts/{alert.pk}/confirm/", follow=True)
    assert "Thank you" in text_of(response)
    alert.refresh_from_db()
    assert (alert.status, alert.disposition) == ("resolved", "false_positive")
    assert "Was this you?" not in text_of(mia.get("/member/")).split("<template")[0]


def test_no_cannot_be_taken_back_by_yes(mia: Browser) -> None:
    alert = raised(1)
    deny(mia, alert)
    response = mia.post(f"/member/alerts/{alert.pk}/confirm/", headers={"X-Page": "live"})
    assert response.status_code == 409
    alert.refresh_from_db()
    assert alert.status == "escalated"


def test_the_simulator_is_part_of_the_demo_alone(mia: Browser, settings: Any) -> None:
    assert "Event simulator" not in text_of(mia.get("/member/"))
    settings.DEMO = True
    page = text_of(mia.get("/member/"))
    assert "Event simulator" in page
    assert "A large payment from a new device" in page
    assert "This is demo data" in page


def test_a_simulator_without_a_key_says_what_to_do(mia: Browser, settings: Any) -> None:
    settings.DEMO = True
    story = "large-transaction-new-device.1"
    page = text_of(mia.post("/member/simulate/", {"story": story}, follow=True))
    assert "manage.py seed_demo" in page
    assert mia.post("/member/simulate/", {"story": "nonsense"}).status_code == 404
