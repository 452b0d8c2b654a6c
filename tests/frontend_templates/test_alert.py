"""One alert: its page, and what staff do there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.vocabulary import Role, Severity
from detection.models import Alert, AlertAction, Member
from detection.response import health, locks
from frontend_templates import wording
from tests.cast import happened, judge_all, large_payment, report, settled_life
from tests.frontend_templates.conftest import lock, member_called, raised, staff_user, text_of


def act(browser: Browser, alert: Alert, verb: str, **data: str) -> Any:
    return browser.post(f"/admin_dashboard/alerts/{alert.pk}/{verb}/", data, follow=True)


def live(browser: Browser, alert: Alert, verb: str, **data: str) -> Any:
    return browser.post(f"/admin_dashboard/alerts/{alert.pk}/{verb}/", data, headers={"X-Page": "live"})


def test_the_page_tells_the_whole_story(olga: Browser) -> None:
    settled_life()
    report(happened("login.succeeded", device_id="unheard-of", ip="2.160.0.1", session_id="s-new"), large_payment())
    judge_all()
    alert = Alert.objects.get()
    raised(7, member="sam", ip="2.160.0.1")
    page = text_of(olga.get(f"/admin_dashboard/alerts/{alert.pk}/"))
    for seen in (
        "1,900.00 EUR",
        "Threshold",
        "Payment tried",
        "Signed in",
        "Germany",
        "2.160.0.1",
        "unheard-of",
        "Locked",
    ):
        assert seen in page, seen
    assert 'href="/admin_dashboard/members/sam/"' in page, "who shares the address is named"


def test_acknowledge_escalate_resolve_and_reopen(olga: Browser) -> None:
    alert = raised(1)
    steps = [
        ("acknowledge", {}, "acknowledged"),
        ("escalate", {"note": "look at the card"}, "escalated"),
        ("resolve", {"disposition": "confirmed", "note": "called her"}, "resolved"),
        ("reopen", {"note": "too early"}, "open"),
    ]
    for verb, data, status in steps:
        response = act(olga, alert, verb, **data)
        assert response.status_code == 200
        alert.refresh_from_db()
        assert alert.status == status
    page = text_of(response)
    for seen in ("called her", "look at the card", "too early", "<bdi>olga</bdi>"):
        assert seen in page


def test_resolving_takes_a_word_on_what_it_was(olga: Browser) -> None:
    alert = raised(1)
    assert "say what it was" in text_of(act(olga, alert, "resolve"))
    assert live(olga, alert, "resolve").status_code == 400
    alert.refresh_from_db()
    assert alert.status == "open"


def test_the_same_story_is_told_beside_the_list(olga: Browser) -> None:
    alert = raised(1)
    beside = text_of(olga.get(f"/admin_dashboard/alerts/{alert.pk}/", headers={"X-Page": "live"}))
    assert f'data-alert="{alert.pk}"' in beside
    assert "<nav" not in beside
    assert "<h1" not in beside, "the list's page has its own"
    assert all("data-live" in form for form in re.findall(r"<form[^>]*post[^>]*>", beside))


def test_what_a_model_found_unusual_is_a_list_beside_what_is_usual(olga: Browser) -> None:
    settled_life()
    text = "Unlike this account's usual sign-ins: a new device; a country never seen; at 4 in the morning."
    alert = raised(1, reasons=[{"code": "unusual-sign-in", "text": text, "observed": 0.9, "threshold": 0.6}])
    page = text_of(olga.get(f"/admin_dashboard/alerts/{alert.pk}/"))
    assert "<li><bdi>a country never seen</bdi></li>" in page
    for usual in ("Usual for this member", "United Kingdom", "mia-phone 100 %", "at most 40.00", "% between"):
        assert usual in page, usual


def test_an_alert_is_taken_handed_over_and_let_go(olga: Browser) -> None:
    staff_user("ada", Role.ADMIN)
    staff_user("auditor", Role.AUDITOR)
    alert = raised(1)
    for given, expected in (("me", "olga"), ("ada", "ada"), ("", None)):
        assert live(olga, alert, "assign", assignee=given).status_code == 200
        alert = Alert.objects.select_related("assignee").get(pk=alert.pk)
        assert (alert.assignee.get_username() if alert.assignee else None) == expected
    assert live(olga, alert, "assign", assignee="auditor").status_code == 400
    assert live(olga, alert, "assign", assignee="nobody").status_code == 400


def test_an_alert_is_put_aside_and_taken_up_again(olga: Browser) -> None:
    alert = raised(1)
    answer = live(olga, alert, "snooze", hours="24")
    assert "comes back by itself if it grows worse" in answer.json()["message"]
    assert answer.json()["undo"]
    alert.refresh_from_db()
    assert timedelta(hours=23) < alert.snoozed_until - timezone.now() < timedelta(hours=25)
    assert "Put aside until" in text_of(olga.get(f"/admin_dashboard/alerts/{alert.pk}/"))
    live(olga, alert, "snooze", hours="0")
    alert.refresh_from_db()
    assert alert.snoozed_until is None
    assert live(olga, alert, "snooze", hours="9999").status_code == 400


def test_who_looks_at_the_same_alert_is_named(olga: Browser, ada: Browser) -> None:
    alert = raised(1)
    assert live(olga, alert, "looking").json() == {"others": []}
    assert live(ada, alert, "looking").json() == {"others": ["olga"]}
    live(olga, alert, "looking", gone="1")
    assert live(ada, alert, "looking").json() == {"others": []}


def test_a_note_stays_in_the_trail(olga: Browser) -> None:
    alert = raised(1)
    assert "<script>" not in text_of(act(olga, alert, "comment", note="<script>x</script>"))
    assert alert.actions.get().note == "<script>x</script>"
    assert "write a few words" in text_of(act(olga, alert, "comment", note=" "))


def test_an_override_resolves_and_lets_the_member_back_in(olga: Browser) -> None:
    alert = raised(1)
    lock("mia")
    act(olga, alert, "override", note="it was her daughter")
    alert.refresh_from_db()
    assert (alert.status, alert.disposition) == ("resolved", "false_positive")
    assert locks.of(member_called("mia")) is None


def test_an_override_takes_a_reason(olga: Browser) -> None:
    alert = raised(1)
    lock("mia")
    act(olga, alert, "override")
    assert locks.of(member_called("mia")) is not None


def test_who_comes_second_is_told_kindly_who_was_first(olga: Browser, ada: Browser) -> None:
    alert = raised(1)
    act(ada, alert, "resolve", disposition="benign")
    page = text_of(act(olga, alert, "resolve", disposition="confirmed"))
    assert "ada was quicker" in page
    answer = live(olga, alert, "acknowledge")
    assert answer.status_code == 409
    assert answer.json()["conflict"]["by"] == "ada"
    alert.refresh_from_db()
    assert alert.disposition == "benign"


def test_a_step_can_be_taken_back(olga: Browser) -> None:
    alert = raised(1)
    answer = live(olga, alert, "resolve", disposition="benign").json()
    assert answer["undo"].startswith("/admin_dashboard/actions/")
    assert olga.post(answer["undo"], headers={"X-Page": "live"}).status_code == 200
    alert.refresh_from_db()
    assert alert.status == "open"


def test_without_javascript_the_message_carries_the_way_back(olga: Browser) -> None:
    alert = raised(1)
    page = text_of(act(olga, alert, "acknowledge"))
    action = AlertAction.objects.get()
    assert f'action="/admin_dashboard/actions/{action.pk}/undo/"' in page


def test_a_step_that_somebody_built_upon_stays(olga: Browser, ada: Browser) -> None:
    alert = raised(1)
    undo = live(olga, alert, "acknowledge").json()["undo"]
    act(ada, alert, "resolve", disposition="benign")
    answer = olga.post(undo, headers={"X-Page": "live"})
    assert answer.status_code == 409
    assert "too late" in answer.json()["message"]


def test_locking_and_unlocking_ask_for_a_reason_and_keep_it(olga: Browser) -> None:
    member_called("mia")
    assert "give a reason" in text_of(
        olga.post("/admin_dashboard/lock/mia/", {"scope": "payments", "length": "0"}, follow=True)
    )
    assert locks.of(member_called("mia")) is None
    olga.post("/admin_dashboard/lock/mia/", {"scope": "everything", "length": "0", "reason": "the bank called"})
    placed = locks.of(member_called("mia"))
    assert placed is not None
    assert (placed.self_unlock, placed.expires_at, placed.reason.text) == (False, None, "the bank called")
    assert "the bank called" in text_of(olga.get("/admin_dashboard/members/mia/"))
    olga.post("/admin_dashboard/unlock/mia/", {"reason": "all is well"})
    assert locks.of(member_called("mia")) is None
    gone = olga.post("/admin_dashboard/unlock/mia/", {"reason": "again"}, headers={"X-Page": "live"})
    assert gone.status_code == 409


def test_an_unlock_is_taken_back_with_one_press_and_only_while_nobody_moved_the_lock(olga: Browser) -> None:
    mia = member_called("mia")
    live = {"X-Page": "live"}
    olga.post("/admin_dashboard/lock/mia/", {"scope": "everything", "length": "24", "reason": "the bank called"})
    placed = locks.of(mia)
    undo = olga.post("/admin_dashboard/unlock/mia/", {"reason": "oops"}, headers=live).json()["undo"]
    assert olga.post(undo, headers=live).status_code == 200
    again = locks.of(mia)
    assert placed is not None
    assert again is not None
    assert (again.reason, again.expires_at, again.since) == (placed.reason, placed.expires_at, placed.since)
    assert olga.post(undo, headers=live).status_code == 409
    assert "Undo" in text_of(olga.post("/admin_dashboard/unlock/mia/", {"reason": "no script"}, follow=True))


def test_staff_read_of_a_members_health_in_words_meant_for_them(olga: Browser) -> None:
    lock("mia")
    raised(1, severity="high")
    page = (
        text_of(olga.get("/admin_dashboard/members/mia/")).split('aria-labelledby="health"')[1].split("</section>")[0]
    )
    assert "The account is locked" in page
    assert "Serious alerts are open" in page
    assert not re.search(r"\b([Yy]ou|[Yy]our|us)\b", page.split("<template")[0])


def test_staff_have_a_word_for_whatever_lowers_a_members_health() -> None:
    facts = health._Facts(alerts=dict.fromkeys(Severity, 1), disputed=True)
    codes = {reason.code for reason in health._weigh(facts).reasons} | {"locked", "restricted"}
    assert codes == set(wording.HEALTH_FOR_STAFF) == set(wording.FIXES_FOR_STAFF)


@pytest.mark.parametrize("verb", ["lock", "unlock"])
def test_an_unknown_member_is_not_found(verb: str, olga: Browser) -> None:
    response = olga.post(f"/admin_dashboard/{verb}/nobody/", {"reason": "x", "scope": "payments", "length": "24"})
    assert response.status_code == 404
    assert not Member.objects.filter(member_id="nobody").exists()


def test_an_action_leads_back_to_a_page_of_ours_only(olga: Browser) -> None:
    alert = raised(1)
    response = olga.post(f"/admin_dashboard/alerts/{alert.pk}/acknowledge/", {"next": "https://evil.example/"})
    assert response["Location"] == f"/admin_dashboard/alerts/{alert.pk}/"


def test_a_member_who_was_let_back_in_is_not_suggested_for_a_lock_again(olga: Browser) -> None:
    fresh = raised(1, suggested_actions=["lock"])
    handled = raised(2, suggested_actions=["lock"], action_taken="lock")
    assert "Lock payments now" in text_of(olga.get(f"/admin_dashboard/alerts/{fresh.pk}/"))
    page = text_of(olga.get(f"/admin_dashboard/alerts/{handled.pk}/"))
    assert "Lock payments now" not in page
    assert "let back in since" in page
