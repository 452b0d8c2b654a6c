"""Every page on a desk by day and on a phone by night: reachable for everyone, and without a complaint.

Colours depend on the theme alone and widths on the window alone, so two looks show what four would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import SIZES, Person, alarm, live, picture
from tests.live import LiveSystem

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param({"size": size, "theme": theme}, id=f"{size}-{theme}")
    for size, theme in (("desktop", "light"), ("phone", "dark"))
]
#: Open what is folded, so that it is looked at too.
UNFOLD = "document.querySelectorAll('details').forEach(found => { found.removeAttribute('name'); found.open = true; })"


def sound(page: Any) -> None:
    """No serious finding, nothing wider than the window, one first heading."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    bad = [
        f"{issue['id']}: {issue['help']}\n  " + "\n  ".join(node["html"][:160] for node in issue["nodes"][:3])
        for issue in found
        if issue["impact"] in ("serious", "critical")
    ]
    assert not bad, f"{page.url}\n" + "\n".join(bad)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], f"{page.url} is {width} pixels wide"
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_strangers_are_sound(look: dict[str, str], person: Person) -> None:
    page = person(**look, expected="410")  # a link that is used up says so
    for address in ("/", "/login/", "/register/", "/outbox/", "/login/password/none/none/"):
        page.goto(address)
        sound(page)
        if address == "/" and look == {"size": "desktop", "theme": "light"}:
            picture(page, "home")


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_staff_are_sound(look: dict[str, str], person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("ada", **look)
    page.goto("/admin_dashboard/")
    live(page)
    sound(page)
    page.goto(f"/admin_dashboard/?member={name}")
    live(page)
    page.locator(".feed summary", has_text="Resolve").click()
    sound(page)
    page.goto("/admin_dashboard/?member=nobody-at-all")
    sound(page)
    page.goto(f"/admin_dashboard/?member={name}")
    page.locator(".feed a.title").first.click()
    page.get_by_role("heading", name="What happened").wait_for()
    page.evaluate(UNFOLD)
    sound(page)
    page.reload()
    page.evaluate(UNFOLD)
    sound(page)
    page.goto(f"/admin_dashboard/members/{name}/")
    page.evaluate(UNFOLD)
    sound(page)
    for part in (
        "models", "audit", "health", "overview", "parts", "desk", f"find/?q={name[:6]}", "things/country/GB",
        "things/network/nowhere", "keys", "staff", "settings", "messages", "webhooks", "storms", "face",
    ):  # fmt: skip
        page.goto(f"/admin_dashboard/{part}{'' if '?' in part else '/'}")
        page.evaluate(UNFOLD)
        sound(page)
        if part in ("overview", "parts", "keys", "staff", "settings") and look == {"size": "desktop", "theme": "light"}:
            picture(page, part)


def test_a_page_is_light_on_the_wire_and_prints(person: Person, app: httpx.Client) -> None:
    alarm(app)
    for address in (
        "/admin_dashboard/",
        "/admin_dashboard/overview/",
        "/admin_dashboard/parts/",
        "/admin_dashboard/keys/",
        "/",
    ):
        page = person("ada")
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        loaded: list[float] = []
        session.on("Network.loadingFinished", lambda done, loaded=loaded: loaded.append(done["encodedDataLength"]))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert 0 < sum(loaded) < 150_000, (address, sum(loaded))
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
        page.emulate_media(media="print")
        assert not page.locator("header.top").is_visible()
        assert page.locator("h1").is_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_members_are_sound(
    look: dict[str, str], new_member: Callable[..., tuple[Any, str]], app: httpx.Client
) -> None:
    page, name = new_member(**look)
    live(page)
    sound(page)
    for part in ("activity", "notices", "devices", "two-step"):
        page.goto(f"/member/{part}/")
        page.evaluate(UNFOLD)
        sound(page)
    page.goto("/member/")
    live(page)
    alarm(app, member=name)
    page.locator(".lock.locked").wait_for()
    sound(page)
    page.goto("/member/unlock/")
    page.evaluate(UNFOLD)
    sound(page)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the mail").fill("12345678")
    page.get_by_role("button", name="Unlock", exact=True).click()
    page.get_by_text("That is not the code").wait_for()
    sound(page)
    page.goto("/member/")
    page.get_by_role("button", name="No, secure my account").first.click()
    page.get_by_role("heading", name="Thank you for telling us").wait_for()
    sound(page)


@pytest.mark.parametrize("look", LOOKS)
def test_a_page_that_does_not_exist_is_sound_too(look: dict[str, str], browser: Any, live_system: LiveSystem) -> None:
    context = browser.new_context(viewport=SIZES[look["size"]], color_scheme=look["theme"])
    page = context.new_page()
    page.goto(f"{live_system.url}/nowhere/")
    sound(page)
    context.close()


def test_the_colours_are_chosen_once_and_kept(person: Person) -> None:
    page = person(theme="light")
    page.goto("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    button = page.locator("[data-theme-button]")
    button.click()
    assert page.locator("html").get_attribute("data-theme") == "light"
    button.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    dark = page.evaluate(paper)
    assert dark != light
    page.goto("/login/")
    assert page.evaluate(paper) == dark
    page.locator("[data-theme-button]").click()
    assert page.locator("html").get_attribute("data-theme") is None
    assert page.evaluate(paper) == light


def test_the_feed_is_worked_with_the_keyboard_alone(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("olga")
    page.goto(f"/admin_dashboard/?member={name}")
    live(page)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    row = page.locator(".feed > li").first
    row.locator("summary", has_text="Resolve").focus()
    page.keyboard.press("Enter")
    row.get_by_label("Confirmed fraud").wait_for()
    page.keyboard.press("Escape")
    row.get_by_label("Confirmed fraud").wait_for(state="hidden")
    assert "Resolve" in page.locator(":focus").inner_text()


def test_motion_is_spared_those_who_ask(browser: Any, live_system: LiveSystem) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(live_system.url)
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--calm').trim()") == "0ms"
    context.close()
