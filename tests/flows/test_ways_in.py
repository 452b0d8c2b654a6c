"""How a member comes to their page: the shop's link, and in the demo by becoming one."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.flows.stage import Shop, anybody, browser, submit
from tests.live import LiveSystem

pytestmark = pytest.mark.slow


def test_the_shops_link_works_once_and_looking_spends_nothing(live_system: LiveSystem, shop: Shop) -> None:
    mia = anybody()
    shop.knows(mia)
    address = shop.link(mia)
    assert address.startswith(f"{live_system.url}/portal/")
    path = urlsplit(address).path
    page = browser(live_system)
    for _ in range(3):
        shown = page.get(path)
        assert shown.status_code == 200
        assert "sessionid" not in page.cookies
    entered = submit(page, path)
    assert (entered.status_code, entered.headers["location"]) == (302, "/member/")
    assert page.get("/api/v1/me/").json()["member_id"] == mia
    other = browser(live_system)
    assert other.get(path).status_code == 410
    form = {"csrfmiddlewaretoken": other.cookies.get("csrftoken") or page.cookies["csrftoken"]}
    assert other.post(path, data=form).status_code in (403, 410)
    assert other.get("/api/v1/me/").status_code == 401


def test_no_link_for_a_member_nobody_knows(live_system: LiveSystem, shop: Shop) -> None:
    assert shop.post(f"members/{anybody()}/portal-session/", {}).status_code == 404


def test_becoming_a_member_never_takes_an_existing_name(live_system: LiveSystem) -> None:
    names = set()
    for _ in range(3):
        page = browser(live_system)
        entered = submit(page, "/register/", member_id="mia", username="mia")
        assert (entered.status_code, entered.headers["location"]) == (302, "/member/")
        names.add(page.get("/api/v1/me/").json()["member_id"])
    assert len(names) == 3
    assert all(name.startswith("web_") for name in names)


def test_a_stranger_gets_the_sign_in_page_and_each_world_is_its_own(live_system: LiveSystem, shop: Shop) -> None:
    stranger = browser(live_system)
    for path in ("/member/", "/member/unlock/", "/admin_dashboard/"):
        assert stranger.get(path).headers["location"].startswith("/login/?next="), path
    mia = anybody()
    shop.knows(mia)
    page = browser(live_system)
    submit(page, urlsplit(shop.link(mia)).path)
    assert page.get("/admin_dashboard/").status_code == 403
    assert page.get("/api/v1/alerts/").status_code == 403
