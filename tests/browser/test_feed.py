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
        row_of(watched, name).wait_for(timeout=30_000)
        assert row_of(watched, name).count() == 1
    live(watched)


@pytest.mark.slow
def test_at_most_three_hundred_rows_are_kept(watched: Any, own_system: LiveSystem) -> None:
    crowd = [large_payment(f"crowd-{number:03}") for number in range(320)]
    before = int(watched.locator('[data-count=""]').inner_text())
    with own_system.client() as client:
        assert client.post("/api/v1/events/", json={"events": crowd}).json()["accepted"] == 320
    watched.locator('[data-count=""]', has_text=str(before + 320)).wait_for(timeout=60_000)
    assert watched.locator(".feed > li").count() == 300
    shown = watched.locator(".feed > li").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert len(set(shown)) == 300
