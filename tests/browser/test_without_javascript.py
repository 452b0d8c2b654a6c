"""Every job is done without a line of JavaScript too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Person, alarm, code_in_outbox
from tests.live import LiveSystem

pytestmark = pytest.mark.browser


def test_signing_in_and_out(person: Person, live_system: LiveSystem) -> None:
    who = live_system.user("sam")
    page = person(script=False)
    page.goto("/member/")
    page.get_by_label("Name", exact=True).fill(who["username"])
    page.get_by_label("Password", exact=True).fill("wrong")
    page.locator("main form.card button").click()
    assert page.get_by_role("alert").inner_text().startswith("That name and password")
    page.get_by_label("Password", exact=True).fill(who["password"])
    page.locator("main form.card button").click()
    page.get_by_role("heading", name="Hello, sam").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in", exact=True).first.wait_for()


def test_a_member_is_locked_and_lets_themselves_back_in(
    person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    page, name = new_member(script=False)
    page.get_by_role("button", name="A large payment from a new device", exact=True).click()
    page.get_by_text("through the API").wait_for()
    assert page.locator(".lock.locked").is_visible()
    page.get_by_role("link", name="Unlock with a code").click()
    page.get_by_role("button", name="Send me a code").click()
    code = code_in_outbox(person(), name)
    page.get_by_label("Code from the mail").fill(code)
    page.get_by_role("button", name="Unlock", exact=True).click()
    assert "Welcome back" in page.locator("body").inner_text()
    assert page.locator(".lock").is_hidden()


def test_staff_resolve_and_take_it_back(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("olga", script=False)
    page.goto(f"/admin_dashboard/?member={name}")
    row = page.locator(".feed > li").first
    row.locator("summary", has_text="Resolve").click()
    row.get_by_label("False alarm").check()
    row.get_by_label("Also unlock the member").check()
    row.get_by_role("button", name="Resolve", exact=True).click()
    assert page.url.endswith(f"?member={name}")
    row = page.locator(".feed > li").first
    assert "Resolved" in row.inner_text()
    assert "Locked" not in row.inner_text()
    page.get_by_role("button", name="Undo").click()
    assert "Taken back" in page.locator("body").inner_text()
    assert "Open" in page.locator("h1 + .badge + .badge").inner_text()


def test_the_shops_link_opens_the_members_page(person: Person, app: httpx.Client) -> None:
    answer = app.post("/api/v1/members/mia/portal-session/", json={})
    assert answer.status_code == 201, answer.text
    page = person(script=False)
    page.goto(answer.json()["url"])
    page.get_by_role("button", name="Open my security page").click()
    page.get_by_role("heading", name="Hello, mia").wait_for()
