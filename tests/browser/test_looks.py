"""Every page on a desk by day and on a phone by night: reachable for everyone, and without a complaint.

Colours depend on the theme alone and widths on the window alone, so two looks show what four would.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.template.loader import render_to_string
from django.test import RequestFactory

from frontend_templates.urls import urlpatterns
from tests.browser.conftest import SIZES, Person, alarm, live, picture
from tests.live import LiveSystem, eventually
from tests.security.matrix import rows

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param({"size": size, "theme": theme}, id=f"{size}-{theme}")
    for size, theme in (("desktop", "light"), ("phone", "dark"))
]
#: Pages with an address that never changes, by route.
STRANGERS = {
    "home": "/",
    "login": "/login/",
    "register": "/register/",
    "outbox": "/outbox/",
    "new_password": "/login/password/none/none/",
    "mail_answer": "/answer/none/",
    "portal": "/portal/none/",
}
STAFF = {
    "models": "models/", "audit": "audit/?check=all", "health": "health/", "overview": "overview/", "locked": "locked/",
    "gallery": "parts/", "desk": "desk/", "search": "find/?q=nobody-at-all", "entity": "things/country/GB/",
    "keys": "keys/", "staff": "staff/", "settings": "settings/", "messages": "messages/", "webhooks": "webhooks/",
    "storms": "storms/", "face": "face/", "presets": "rules/presets/", "rules": "rules/",
    "rule": "rules/impossible-travel/", "money": "money/",
}  # fmt: skip
MEMBERS = {
    "activity": "activity/",
    "notices": "notices/",
    "preferences": "notices/ways/",
    "safety": "devices/",
    "two_step": "two-step/",
}
#: Pages that are about something the tests make first, and where they are looked at.
MADE_FIRST = {
    "feed", "alert", "member_file", "list_entry", "webhook", "again", "second_step",  # here
    "member", "question", "unlock",  # here, with a member
    "rule_backtest", "lists",  # test_rules_at_work
}  # fmt: skip
#: What is no page: data, a style, a picture, a way out.
NO_PAGES = {"counts", "export", "export_money", "face_style", "face_logo", "logout"}
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


def test_every_page_is_looked_at() -> None:
    opened = {row.route for row in rows() if row.method == "GET"}
    every = {pattern.name for pattern in urlpatterns if str(pattern.pattern) in opened}
    assert every - NO_PAGES == {*STRANGERS, *STAFF, *MEMBERS, *MADE_FIRST}


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_strangers_are_sound(look: dict[str, str], person: Person) -> None:
    page = person(**look, expected="Failed to load resource")  # a link that is used up says so
    for name, address in STRANGERS.items():
        page.goto(address)
        sound(page)
        if name == "home" and look == {"size": "desktop", "theme": "light"}:
            picture(page, "home")
    asked: dict[str, Any] = {"picture": None, "fault": "That is not the code."}
    given: dict[str, Any] = {"recovery": ["1234 5678"], "next": "/"}
    for context in (asked, given):  # the demo asks staff for no second step, so its page is put where it would be
        shown = render_to_string("public/second_step.html", context, request=RequestFactory().get("/"))
        page.route("**/login/code/", partial(_answer_with, shown))
        page.goto("/login/code/")
        sound(page)
        page.unroute("**/login/code/")


def _answer_with(shown: str, route: Any) -> None:
    route.fulfill(body=shown, content_type="text/html")


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
    for address in (f"/admin_dashboard/members/{name}/", f"/admin_dashboard/find/?q={name[:6]}", "/login/again/"):
        page.goto(address)
        page.evaluate(UNFOLD)
        sound(page)
    for part, address in STAFF.items():
        page.goto(f"/admin_dashboard/{address}")
        page.evaluate(UNFOLD)
        sound(page)
        page.emulate_media(media="print")
        assert not page.locator("header.top").is_visible()
        assert page.locator("h1").is_visible()
        page.emulate_media(media="screen")
        shown = {"overview", "parts", "keys", "staff", "settings"}
        if part in shown and look == {"size": "desktop", "theme": "light"}:
            picture(page, part)


@pytest.mark.parametrize("address", ["/", "/admin_dashboard/", "/admin_dashboard/overview/"])
def test_a_page_is_light_on_the_wire(address: str, person: Person, app: httpx.Client) -> None:
    alarm(app)
    page = person("ada")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    loaded: list[float] = []
    session.on("Network.loadingFinished", lambda done: loaded.append(done["encodedDataLength"]))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert 0 < sum(loaded) < 150_000, (address, sum(loaded))


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_members_are_sound(
    look: dict[str, str], new_member: Callable[..., tuple[Any, str]], app: httpx.Client
) -> None:
    page, name = new_member(**look)
    live(page)
    sound(page)
    for address in MEMBERS.values():
        page.goto(f"/member/{address}")
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


def reach(page: Any, wanted: Any) -> None:
    """Go to something with the Tab key alone; what has the focus can be seen to have it."""
    for _ in range(150):
        if wanted.evaluate("it => it === document.activeElement"):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"{page.url}: {wanted} is not reached with the Tab key")
    seen = (
        "it => { const s = getComputedStyle(it); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 }"
    )
    assert wanted.evaluate(seen), f"{page.url}: the focus on {wanted} cannot be seen"


def press(page: Any, wanted: Any) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


def skip_to(page: Any, address: str) -> None:
    """Open a page and leave its head behind by the first link there is."""
    page.goto(address)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_the_pages_of_staff_are_worked_with_the_keyboard_alone(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("ada")
    skip_to(page, "/admin_dashboard/overview/")
    press(page, page.locator(".figures a", has_text="members locked"))
    page.wait_for_url("**/locked/")
    press(page, page.get_by_role("link", name=name, exact=True))
    page.wait_for_url(f"**/members/{name}/")
    press(page, page.locator("summary", has_text="Unlock"))
    reach(page, page.get_by_label("Reason, for the audit trail"))
    page.keyboard.type("She called us.")
    page.keyboard.press("Enter")
    page.get_by_text("Not locked").wait_for()
    reach(page, page.get_by_label("A note for the staff"))
    page.keyboard.type("Called back, all is well.")
    press(page, page.get_by_role("button", name="Add note"))
    page.locator("li", has_text="Called back, all is well.").wait_for()

    skip_to(page, "/admin_dashboard/money/?from=2020-01-01&to=2020-01-31")
    press(page, page.get_by_role("link", name="7 days"))
    page.wait_for_url(re.compile(r"from=(?!2020)"))
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/members/{name}/")

    skip_to(page, "/admin_dashboard/keys/")
    press(page, page.locator("summary", has_text="A new key"))
    reach(page, page.get_by_label("App", exact=True))
    page.keyboard.type(f"till {name}")
    page.keyboard.press("Enter")
    page.get_by_text("shown this once").wait_for()
    reach(page, page.get_by_role("button", name="Copy").first)

    skip_to(page, "/admin_dashboard/staff/")
    press(page, page.locator("summary", has_text="Invite somebody"))
    reach(page, page.get_by_label("Name they sign in by"))
    page.keyboard.type(f"new-{name}")
    reach(page, page.get_by_role("radio").first)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Invite", exact=True))
    page.get_by_text("shown this once").wait_for()

    skip_to(page, "/admin_dashboard/lists/")
    reach(page, page.get_by_label("What", exact=True))
    page.keyboard.type(f"{name}-listed")
    reach(page, page.get_by_label("Why", exact=True))
    page.keyboard.type("tried with the keyboard")
    page.keyboard.press("Enter")
    page.get_by_text("is on the block list.").wait_for()
    press(page, page.get_by_role("link", name=f"{name}-listed"))
    page.get_by_role("heading", name=f"{name}-listed").wait_for()
    sound(page)

    skip_to(page, "/admin_dashboard/webhooks/")
    reach(page, page.locator("summary", has_text="A new endpoint"))
    if not page.get_by_label("Address", exact=True).is_visible():
        page.keyboard.press("Enter")
    reach(page, page.get_by_label("Address", exact=True))
    page.keyboard.type("https://shop.example.com/hooks")
    page.keyboard.press("Enter")
    page.get_by_text("shown this once").wait_for()
    sound(page)

    skip_to(page, "/admin_dashboard/audit/")
    press(page, page.get_by_role("link", name="Check the whole trail"))
    page.get_by_text("were recomputed just now and fit one another").wait_for()
    skip_to(page, "/admin_dashboard/rules/")
    press(page, page.get_by_role("link", name="Impossible travel"))
    page.wait_for_url("**/rules/impossible-travel/")
    skip_to(page, "/admin_dashboard/messages/")
    press(page, page.get_by_role("button", name=re.compile("Send a test")).first)
    page.locator("[data-toasts] .toast").first.wait_for()
    skip_to(page, "/admin_dashboard/desk/")
    press(page, page.get_by_role("button", name="Keep"))
    page.get_by_role("heading", name="Your preferences").wait_for()


def test_a_live_overview_never_takes_the_focus_away(person: Person, app: httpx.Client) -> None:
    page = person("olga")
    page.goto("/admin_dashboard/overview/")
    live(page)
    figure = page.locator(".figures a", has_text="alerts a minute")
    reach(page, figure)
    drawn = page.locator(".figures").first.element_handle()
    alarm(app)
    eventually(lambda: not drawn.evaluate("it => it.isConnected"), within=60)
    assert figure.evaluate("it => it === document.activeElement")


def test_motion_is_spared_those_who_ask(browser: Any, live_system: LiveSystem) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(live_system.url)
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--calm').trim()") == "0ms"
    context.close()
