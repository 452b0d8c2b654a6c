"""People in front of a real Chromium, looking at a real system. Whatever a page complains about fails its test."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.live import LiveSystem, eventually

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 320, "height": 700}}
SCREENSHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"

Person = Callable[..., Any]


@pytest.fixture(scope="session")
def sign_ins(live_system: LiveSystem) -> Callable[[str], list[dict[str, str]]]:
    """Cookies of a demo person who signed in once for all tests."""
    kept: dict[str, list[dict[str, str]]] = {}

    def of(name: str) -> list[dict[str, str]]:
        if name not in kept:
            client = live_system.signed_in(name)
            kept[name] = [{"name": c.name, "value": c.value or "", "url": live_system.url} for c in client.cookies.jar]
            client.close()
        return kept[name]

    return of


@pytest.fixture(scope="module")
def app(live_system: LiveSystem) -> Iterator[httpx.Client]:
    """An app of this module's own, so that its locks are counted apart from everybody else's."""
    scopes = "events:write,decisions:write,portal:create"
    key = live_system.manage("create_api_key", f"app-{uuid4().hex[:8]}", "--scopes", scopes).stdout.split()[-1]
    with httpx.Client(base_url=live_system.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


def large_payment(member: str) -> dict[str, str]:
    """What raises a high alert and locks: a payment from a device nobody has seen."""
    return {
        "event_id": uuid4().hex,
        "type": "transaction.attempted",
        "member_id": member,
        "amount": "1900.00",
        "currency": "EUR",
        "device_id": f"device-{uuid4().hex[:6]}",
        "session_id": uuid4().hex,
        "ip": f"81.2.69.{random.randrange(1, 255)}",  # one address may cause five locks a minute and no more
    }


def alarm(client: httpx.Client, *, member: str | None = None) -> str:
    """Have an alert raised about a member, one nobody has heard of when not told; returns the member."""
    name = member or f"shopper-{uuid4().hex[:8]}"
    answer = client.post("/api/v1/decisions/", json=large_payment(name))
    assert answer.status_code == 200, answer.text
    assert answer.json()["alert_id"]
    return name


@pytest.fixture
def person(live_system: LiveSystem, browser: Any, sign_ins: Callable[[str], list[dict[str, str]]]) -> Iterator[Person]:
    """A page of somebody's own: ``person("ada", size="phone", theme="dark")``, ``person()`` for a stranger."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(
        name: str = "", *, size: str = "desktop", theme: str = "light", script: bool = True, expected: str = "\0"
    ) -> Any:
        """``expected`` is a complaint the test means to cause."""
        context = browser.new_context(
            viewport=SIZES[size], color_scheme=theme, java_script_enabled=script, base_url=live_system.url
        )
        contexts.append(context)
        if name:
            context.add_cookies(sign_ins(name))
        page = context.new_page()
        page.set_default_timeout(45_000)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: (
                said.type in ("error", "warning")
                and expected not in said.text
                and complaints.append(f"{page.url}: {said.text}")
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def new_member(person: Person) -> Callable[..., tuple[Any, str]]:
    """Somebody who became a member just now, on their own page, with the name they got."""

    def become(**looks: Any) -> tuple[Any, str]:
        page = person(**looks)
        page.goto("/register/")
        page.get_by_role("button", name="Make my account").click()
        page.wait_for_url("**/member/")
        greeting = page.locator("h1").inner_text()
        return page, greeting.removeprefix("Hello, ")

    return become


def live(page: Any) -> None:
    """Wait until the page's connection is open."""
    page.locator('[data-connection][data-state="live"]').wait_for()


def play(page: Any, story: str) -> str:
    """Press a button of the simulator and return what the API answered."""
    page.get_by_role("button", name=story, exact=True).click()
    box = page.locator("[data-played]")
    box.filter(has=page.get_by_role("heading", name=story, exact=True)).wait_for()
    return str(box.inner_text())


def code_in_outbox(page: Any, member: str) -> str:
    """The newest code mailed to a member, as the outbox page shows it."""

    def look() -> str | None:
        page.goto("/outbox/")
        mails = page.locator(".mail", has_text=f"To {member}@example.com").filter(has_text="Your code to unlock")
        found = re.search(r"^(\d{8})$", mails.first.inner_text(), re.MULTILINE) if mails.count() else None
        return found[1] if found else None

    return str(eventually(look, within=15, every=0.3))


def picture(page: Any, name: str) -> None:
    """Keep a picture for the README, when asked to (SCREENSHOTS=1)."""
    if os.environ.get("SCREENSHOTS") == "1":
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))
