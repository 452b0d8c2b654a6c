"""The main job in two windows: a payment is stopped, staff see it, the member locks and lets themselves back in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Person, code_in_outbox, live, picture, play
from tests.live import LiveSystem

pytestmark = pytest.mark.browser

STORY = "A large payment from a new device"


def score(page: Any) -> int:
    return int(page.locator("[data-health-meter]").get_attribute("aria-valuenow"))


def test_a_large_payment_locks_is_seen_and_is_unlocked_with_a_mailed_code(
    person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    staff = person("ada")
    staff.goto("/admin_dashboard/")
    live(staff)
    member, name = new_member()
    live(member)
    healthy = score(member)

    assert "Deny" in play(member, STORY)
    member.locator(".lock.locked").wait_for()
    assert "paying" in member.locator("[data-lock-scopes]").inner_text()
    member.wait_for_function(
        "before => document.querySelector('[data-health-meter]').ariaValueNow < before", arg=healthy
    )
    row = staff.locator(".feed > li", has_text=name)
    row.wait_for()
    assert "Locked" in row.inner_text()
    assert "payment" in row.inner_text()
    row.locator(".badge.locked").wait_for()
    staff.locator(".feed > li:not(.fresh)", has_text=name).wait_for()
    member.evaluate("scrollTo(0, 0)")
    picture(member, "member-locked")
    picture(staff, "feed")

    member.get_by_role("link", name="Unlock with a code").click()
    member.get_by_role("button", name="Send me a code").click()
    member.get_by_label("Code from the mail").wait_for()
    picture(member, "unlock")
    post = person()
    code = code_in_outbox(post, name)
    picture(post, "outbox")
    member.get_by_label("Code from the mail").fill(f"{code[:4]} {code[4:]}")
    member.get_by_role("button", name="Unlock", exact=True).click()
    member.wait_for_url("**/member/")
    member.get_by_text("Welcome back").wait_for()
    assert member.locator(".lock").is_hidden()
    assert score(member) > healthy - 40
    row.locator('[data-slot="lock"]').wait_for(state="hidden")

    row.locator("a.title").click()
    staff.get_by_role("heading", name="What happened").wait_for()
    assert "Denied" in staff.locator(".timeline").inner_text()
    picture(staff, "alert")


def test_what_staff_do_to_a_member_shows_on_the_members_open_page_within_a_second(
    person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member(size="phone", theme="dark")
    live(member)
    staff = person("olga")
    staff.goto(f"/admin_dashboard/members/{name}/")
    staff.locator("summary", has_text="Lock").click()
    staff.get_by_label("Reason, shown to the member").fill("We could not reach you.")
    begun = time.monotonic()
    staff.get_by_role("button", name="Lock the member").click()
    member.locator(".lock.locked").wait_for()
    assert time.monotonic() - begun < 20
    assert "We could not reach you." in member.locator(".lock").inner_text()
    assert "A code does not open this lock" in member.locator(".lock").inner_text()

    staff.locator("summary", has_text="Unlock").click()
    staff.get_by_label("Reason, for the audit trail").fill("She called us.")
    staff.get_by_role("button", name="Unlock the member").click()
    member.locator(".lock").wait_for(state="hidden")
    member.get_by_text("Welcome back").wait_for()


def test_not_me_secures_the_account_and_staff_are_told(
    person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member()
    live(member)
    play(member, "A sign-in from a new country")
    card = member.locator("[data-questions] [data-question]").first
    card.wait_for()
    picture(member, "was-this-you")
    card.get_by_role("button", name="No, secure my account").click()
    member.get_by_role("heading", name="Thank you for telling us").wait_for()
    reference = member.locator("[data-copy-text]").inner_text()
    assert reference.startswith("SR-")
    staff = person("olga")
    staff.goto(f"/admin_dashboard/?member={name}")
    row = staff.locator(".feed > li", has_text=name).first
    assert "Disputed" in row.inner_text()
    assert "Escalated" in row.inner_text()
    row.locator("a.title").click()
    staff.get_by_text(reference).first.wait_for()


def test_what_the_shop_tells_is_on_the_open_page_and_it_was_me_settles_the_question_there(
    new_member: Callable[..., tuple[Any, str]], app: httpx.Client
) -> None:
    member, name = new_member()
    live(member)
    member.locator(".timeline").get_by_text("Nothing yet").wait_for()
    calm = {"type": "logout", "member_id": name, "session_id": "s-1"}
    assert app.post("/api/v1/events/", json=calm).status_code == 202
    member.locator(".timeline").get_by_text("Signed out").wait_for()
    play(member, "A sign-in from a new country")
    member.get_by_role("button", name="Yes, it was me").first.click()
    member.get_by_text("We will not ask about this again").wait_for()
    member.locator("[data-questions-section]").wait_for(state="hidden")


@pytest.mark.slow
def test_the_main_stories_of_the_simulator_are_answered(
    live_system: LiveSystem, new_member: Callable[..., tuple[Any, str]]
) -> None:
    first, _ = new_member()
    stories = first.locator("[data-story] button").all_inner_texts()
    assert len(stories) >= 20
    for story in stories[
        :8
    ]:  # the main ones; every one of them is told to the engine in tests/detection/test_stories.py
        member, _ = new_member()
        answer = play(member, story.strip())
        assert "No answer" not in answer, answer
        assert "through the API" in answer
        assert "risk 0" not in answer, f"{story} was judged harmless"
