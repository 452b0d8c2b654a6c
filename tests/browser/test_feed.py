"""The feed under a person's hands: it never moves what they look at, and it never loses an alert."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.browser.conftest import Person, alarm, large_payment, live, picture
from tests.live import LiveSystem, eventually

pytestmark = pytest.mark.browser


def row_of(page: Any, member: str) -> Any:
    return page.locator(".feed > li", has_text=member)


def test_a_new_alert_comes_to_the_top_by_itself(person: Person, app: httpx.Client) -> None:
    page = person("ada")
    page.goto("/admin_dashboard/")
    live(page)
    name = alarm(app)
    row_of(page, name).wait_for()
    assert name in page.locator(".feed > li").first.inner_text()
    page.locator("[data-summary]", has_text="1 new alert, 1 high").wait_for(state="attached")


def test_rows_under_the_pointer_stay_and_new_ones_wait_behind_a_button(person: Person, app: httpx.Client) -> None:
    alarm(app)
    page = person("ada")
    page.goto("/admin_dashboard/")
    live(page)
    page.locator(".feed > li").first.hover()
    before = page.locator(".feed > li").first.get_attribute("data-id")
    names = [alarm(app) for _ in range(3)]
    button = page.get_by_role("button", name="3 new alerts")
    button.wait_for()
    assert page.title().startswith("(3)")
    assert page.locator(".feed > li").first.get_attribute("data-id") == before
    picture(page, "feed-waiting")
    button.click()
    for name in names:
        row_of(page, name).wait_for()
    assert not page.title().startswith("(")


def test_pausing_holds_everything_until_going_on(person: Person, app: httpx.Client) -> None:
    page = person("olga")
    page.goto("/admin_dashboard/")
    live(page)
    page.get_by_role("button", name="Pause").click()
    assert "Paused" in page.locator("[data-connection]").inner_text()
    name = alarm(app)
    page.get_by_role("button", name="1 new alert").wait_for()
    assert row_of(page, name).count() == 0
    page.get_by_role("button", name="Go on").click()
    row_of(page, name).wait_for()


def test_a_filtered_feed_shows_what_fits_and_nothing_else(person: Person, app: httpx.Client) -> None:
    mine, other = f"shopper-{uuid4().hex[:8]}", f"shopper-{uuid4().hex[:8]}"
    page = person("ada")
    page.goto(f"/admin_dashboard/?member={mine}&status=open")
    live(page)
    alarm(app, member=other)
    alarm(app, member=mine)
    row_of(page, mine).wait_for()
    assert page.locator(".feed > li").count() == 1


def test_resolving_in_the_row_can_be_undone_from_the_message(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("olga")
    page.goto(f"/admin_dashboard/?member={name}")
    live(page)
    row = row_of(page, name)
    row.locator("summary", has_text="Resolve").click()
    row.get_by_label("False alarm").check()
    row.get_by_role("button", name="Resolve", exact=True).click()
    row.locator(".badge.resolved").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    row.locator(".badge.open").wait_for()


def test_one_click_and_a_reason_unlock_from_the_row(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page = person("ada")
    page.goto(f"/admin_dashboard/?member={name}")
    live(page)
    row = row_of(page, name)
    row.locator("summary", has_text="Unlock").click()
    row.get_by_label("Reason, for the audit trail").fill("The owner called.")
    row.get_by_role("button", name="Unlock", exact=True).click()
    row.locator('[data-slot="lock"]').wait_for(state="hidden")


def test_who_is_second_is_told_who_was_first(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    # The refusal is an answer with status 409, which Chromium writes into its console as well.
    ada, olga = person("ada"), person("olga", expected="409 (Conflict)")
    for page in (ada, olga):
        page.goto(f"/admin_dashboard/?member={name}")
        live(page)
    olga.get_by_role("button", name="Pause").click()
    row_of(ada, name).get_by_role("button", name="Acknowledge").click()
    ada.get_by_text("You are on it").wait_for()
    row_of(olga, name).get_by_role("button", name="Acknowledge").click()
    olga.get_by_text("ada was quicker").wait_for()


def test_an_open_alert_says_that_it_has_changed_and_keeps_what_is_typed(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    ada, olga = person("ada"), person("olga")
    ada.goto(f"/admin_dashboard/?member={name}")
    row_of(ada, name).locator("a.title").click()
    ada.get_by_label("Add a note").fill("half a thought")
    ada.wait_for_load_state("networkidle")
    olga.goto(ada.url)
    olga.get_by_role("button", name="I am looking at it").click()
    ada.get_by_text("This alert has changed since you opened it").wait_for()
    assert ada.get_by_label("Add a note").input_value() == "half a thought"


def test_an_alert_opens_beside_the_list_with_an_address_of_its_own(person: Person, app: httpx.Client) -> None:
    first, second = alarm(app), alarm(app)
    page = person("olga")
    page.goto("/admin_dashboard/?severity=high")
    live(page)
    listed = page.url
    panel = page.locator("[data-panel]")
    row_of(page, first).click(position={"x": 300, "y": 8})
    panel.get_by_role("heading", name="Why").wait_for()
    assert "/admin_dashboard/alerts/" in page.url
    opened = page.url
    assert panel.get_by_text("Threshold").first.is_visible()
    picture(page, "alert-beside")
    page.keyboard.press("k")
    panel.get_by_role("link", name=second).wait_for()
    assert page.url != opened
    page.go_back()
    panel.wait_for(state="hidden")
    assert page.url == listed
    page.goto(opened)
    page.get_by_role("heading", name="Why").wait_for()
    assert page.locator("[data-panel]").count() == 0, "opened by its address it is a page"


def test_keys_walk_choose_and_act_but_never_while_typing(person: Person, app: httpx.Client) -> None:
    names = [alarm(app) for _ in range(3)]
    page = person("ada")
    page.goto("/admin_dashboard/")
    live(page)
    page.keyboard.press("/")
    page.keyboard.type("jxr?")
    assert page.locator("[data-search]").input_value() == "jxr?"
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.type("gj")
    assert page.locator("#f-q").input_value() == "gj"
    page.keyboard.press("Escape")
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    page.get_by_text("3 chosen:").wait_for()
    page.get_by_role("button", name="Acknowledge", exact=True).first.click()
    page.get_by_text("3 alerts acknowledged.").wait_for()
    for name in names:
        row_of(page, name).locator(".badge.acknowledged").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back: 3 alerts").wait_for()
    row_of(page, names[0]).locator("a.title").focus()
    page.keyboard.press("a")
    page.get_by_text("It is yours.").wait_for()
    row_of(page, names[0]).locator('[data-slot="assignee"]', has_text="ada").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("v")
    page.get_by_role("heading", name="Overview").wait_for()


def test_who_else_looks_is_named_and_their_step_shows_at_once(person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    ada, olga = person("ada"), person("olga")
    for page in (ada, olga):
        page.goto(f"/admin_dashboard/?member={name}")
        live(page)
        row_of(page, name).locator("a.title").click()
        page.locator("[data-panel]").get_by_role("heading", name="Why").wait_for()
    olga.get_by_text("ada is looking too").wait_for()
    ada.get_by_role("button", name="I am looking at it").click()
    olga.locator("[data-panel] .badge.acknowledged").first.wait_for()
    ada.locator("[data-panel]").get_by_role("button", name="Mute for 24 h").click()
    row_of(olga, name).and_(olga.locator(".left")).wait_for()
    assert olga.locator('[data-count="snoozed"]', has_text="1").count() <= 1


def test_many_that_match_are_confirmed_by_typing(person: Person, app: httpx.Client) -> None:
    name = f"device-{uuid4().hex[:6]}"
    for _ in range(2):
        answer = app.post("/api/v1/decisions/", json=large_payment(f"shopper-{uuid4().hex[:8]}") | {"device_id": name})
        assert answer.status_code == 200
    # Asking for a reason is an answer with status 422, which Chromium writes into its console as well.
    page = person("ada", expected="422")
    page.goto(f"/admin_dashboard/?device={name}")
    live(page)
    page.get_by_label("all that match").check()
    page.get_by_role("button", name="Resolve…").click()
    page.get_by_role("heading", name="2 alerts will be resolved").wait_for()
    page.get_by_label("Unusual but harmless").check()
    page.get_by_label("Reason").fill("Two test orders")
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("2 alerts resolved.").wait_for()
    assert f"device={name}" in page.url


def test_the_overview_is_drawn_anew_as_things_happen(person: Person, app: httpx.Client) -> None:
    page = person("olga")
    page.goto("/admin_dashboard/overview/")
    live(page)
    figure = page.locator(".figures .high .figure")
    before = int(figure.inner_text())
    alarm(app)
    page.wait_for_function(
        "before => Number(document.querySelector('.figures .high .figure').textContent) > before", arg=before
    )


SPIES = """
  window.told = []; window.tones = 0;
  window.Notification = class extends window.Notification {
    constructor(title, options) { super(title, options); window.told.push([title, options.body]); }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
  Object.defineProperty(document, "hidden", { get: () => window.away === true });
"""


def test_a_sound_and_a_notice_of_the_computer_come_only_when_asked_for(person: Person, app: httpx.Client) -> None:
    page = person("olga")
    page.context.grant_permissions(["notifications"])
    page.add_init_script(SPIES)
    page.goto("/admin_dashboard/")
    live(page)
    row_of(page, alarm(app)).wait_for()
    assert page.evaluate("[window.told.length, window.tones]") == [0, 0], "nobody asked yet"
    page.locator("[data-notes] summary").click()
    page.get_by_label("with a notice of this computer").check()
    page.get_by_label("with a sound").check()
    assert page.evaluate("window.tones") == 1, "one to hear how it sounds"
    page.keyboard.press("Escape")
    page.reload()
    live(page)
    page.locator("h1").click()  # browsers let a page sound once somebody touched it
    page.evaluate("window.away = true")
    name = alarm(app)
    row_of(page, name).wait_for()
    assert page.evaluate("window.told") == [["Large payment from a new device", name]]
    assert page.evaluate("window.tones") == 1


def test_a_panel_that_is_slow_shows_its_bones_and_one_that_fails_can_be_tried_again(
    person: Person, app: httpx.Client
) -> None:
    name = alarm(app)
    page = person("olga", expected="net::ERR_FAILED")
    page.goto(f"/admin_dashboard/?member={name}")
    live(page)
    held: list[Any] = []
    page.route("**/admin_dashboard/alerts/*/", lambda route: held.append(route))  # noqa: PLW0108 - playwright needs a function
    row_of(page, name).locator("a.title").click()
    page.locator("[data-panel-wait]").wait_for()
    picture(page, "alert-coming")
    held[0].abort()
    page.locator("[data-panel-fault]", has_text="could not be loaded").wait_for()
    assert page.locator("[data-panel-wait]").is_hidden()
    page.unroute("**/admin_dashboard/alerts/*/")
    page.get_by_role("button", name="Try again").click()
    page.locator("[data-panel]").get_by_role("heading", name="Why").wait_for()
    assert page.locator("[data-panel-fault]").is_hidden()


def test_what_may_be_old_is_said_and_what_was_missed_is_counted(person: Person, app: httpx.Client) -> None:
    page = person("olga", expected="net::ERR_")
    page.clock.install()
    page.goto("/admin_dashboard/")
    live(page)
    page.context.set_offline(True)
    page.locator('[data-connection][data-state="offline"]').wait_for()
    assert page.locator("[data-stale]").is_hidden()
    page.clock.fast_forward("01:30")
    page.locator("[data-stale]", has_text="You see the alerts as they were at").wait_for()
    picture(page, "feed-stale")
    name = alarm(app)
    page.context.set_offline(False)
    page.clock.resume()
    row_of(page, name).wait_for()
    live(page)
    page.locator("[data-gap]", has_text="The connection was away from").wait_for()
    page.locator("[data-stale]").wait_for(state="hidden")


@pytest.fixture(scope="module")
def own_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSystem]:
    """A system of this module's own, whose parts may be killed."""
    system = LiveSystem.start(tmp_path_factory.mktemp("own") / "data")
    yield system
    assert system.stop() == 0


@pytest.fixture
def watched(browser: Any, own_system: LiveSystem) -> Iterator[Any]:
    """The feed of the module's own system."""
    client = own_system.signed_in("ada")
    context = browser.new_context(base_url=own_system.url)
    context.add_cookies([{"name": c.name, "value": c.value, "url": own_system.url} for c in client.cookies.jar])
    client.close()
    page = context.new_page()
    page.goto("/admin_dashboard/")
    live(page)
    yield page
    context.close()


@pytest.mark.slow
def test_after_the_server_was_gone_the_feed_has_every_alert_once(watched: Any, own_system: LiveSystem) -> None:
    with own_system.client() as client:
        before = alarm(client)
    row_of(watched, before).wait_for()
    os.kill(own_system.pid_of("web"), signal.SIGKILL)
    watched.locator('[data-connection][data-state="waiting"]').wait_for()
    eventually(lambda: own_system.status()[0] == 200, within=60)
    with own_system.client() as client:
        missed = [alarm(client) for _ in range(3)]
    for name in missed:
        row_of(watched, name).wait_for(timeout=120_000)
        assert row_of(watched, name).count() == 1
    live(watched)


@pytest.mark.slow
def test_of_a_flood_the_newest_three_hundred_are_shown_and_none_of_them_is_missing(
    watched: Any, own_system: LiveSystem
) -> None:
    crowd = [large_payment(f"crowd-{number:03}") for number in range(320)]
    before = int(watched.locator('[data-count=""]').inner_text())
    with own_system.client() as client:
        assert client.post("/api/v1/events/", json={"events": crowd}).json()["accepted"] == 320
    watched.locator('[data-count=""]', has_text=str(before + 320)).wait_for(timeout=180_000)
    newest = newest_of(own_system, 300)
    eventually(lambda: shown_on(watched) == newest, within=180, every=0.5)
    assert watched.locator(".feed > li").count() == 300


def shown_on(page: Any) -> list[str]:
    return page.locator(".feed > li").evaluate_all("rows => rows.map(row => row.dataset.id)")


def newest_of(system: LiveSystem, number: int) -> list[str]:
    """The newest alerts in the feed's order, as the API tells them."""
    found: list[str] = []
    ada = system.signed_in("ada")
    address = "/api/v1/alerts/?ordering=-created_at&limit=100"
    while len(found) < number:
        page = ada.get(address).json()
        found += [alert["id"] for alert in page["results"]]
        address = page["next"]
    ada.close()
    return found[:number]
