"""A rule is tried, goes live, and is put back; lists and money are at hand: at a desk and on a phone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.browser.conftest import Person, alarm, picture
from tests.browser.test_looks import sound

pytestmark = pytest.mark.browser
RULES = "/admin_dashboard/rules/"


def test_a_change_is_tried_goes_live_and_is_put_back(person: Person) -> None:
    page = person("ada")
    page.goto(RULES)
    page.get_by_role("link", name="Repeated failed sign-ins").click()
    page.get_by_label("Limit", exact=True).fill("7")
    page.get_by_role("button", name="Try it first").click()
    page.get_by_role("heading", name="Side by side").wait_for(timeout=60_000)  # a worker ran it, the page followed
    sound(page)
    picture(page, "backtest")
    page.get_by_role("button", name="Go live like this").click()
    page.get_by_text("Saved as version").wait_for()
    page.get_by_text("by the back-test it was set with").wait_for()
    picture(page, "rule")
    page.locator("li", has_text="As it comes").get_by_role("button").click()
    page.get_by_text("is set as it comes again").wait_for()


@pytest.mark.parametrize("look", [{"size": "desktop", "theme": "light"}, {"size": "phone", "theme": "dark"}])
def test_a_list_is_kept_at_a_desk_and_on_a_phone(look: dict[str, str], person: Person, app: httpx.Client) -> None:
    name = alarm(app)
    page: Any = person("ada", **look)
    page.goto("/admin_dashboard/lists/")
    page.get_by_label("Kind", exact=True).last.select_option("device")
    page.get_by_label("What", exact=True).fill(f"tablet-{name}")
    page.get_by_label("Why", exact=True).fill("two accounts, one tablet")
    page.get_by_role("button", name="Put it on").click()
    page.get_by_text("is on the block list.").wait_for()
    sound(page)
    page.get_by_role("button", name=f"Take off tablet-{name}").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("is on the block list again").wait_for()
