"""A member says of an alert that it was them, or that it was not."""

from __future__ import annotations

import httpx
import pytest

from tests.flows.stage import Screen, Shop, anybody, at_home, large_payment
from tests.live import LiveSystem

pytestmark = pytest.mark.slow


def test_this_was_not_me(live_system: LiveSystem, shop: Shop, olga: httpx.Client) -> None:
    mia = anybody()
    shop.knows(mia)
    page, elsewhere = at_home(shop, mia), at_home(shop, mia)
    payment = large_payment(mia)
    alert = shop.decide(payment)["alert_id"]
    with Screen(live_system, "/ws/alerts/", olga) as console:
        answer = page.post(f"/api/v1/me/alerts/{alert}/dispute/", json={})
        assert answer.status_code == 200, answer.text
        assert answer.json()["reference"]
        console.until(lambda f: f["kind"] == "alert.changed" and f["alert"]["id"] == alert and f["alert"]["disputed"])
    assert answer.json()["lock"]["state"] == "locked"
    devices = page.get("/api/v1/me/devices/").json()["results"]
    assert [device["not_mine"] for device in devices if device["device_id"] == payment["device_id"]] == [True]
    assert elsewhere.get("/api/v1/me/").status_code == 401, "another session of hers still stands"
    assert page.get("/api/v1/me/").status_code == 200
    taken_back = page.post(f"/api/v1/me/alerts/{alert}/confirm/", json={})
    assert taken_back.status_code == 409
    filtered = olga.get("/api/v1/alerts/", params={"member": mia, "disputed": "true"}).json()["results"]
    assert [found["id"] for found in filtered] == [alert]


def test_it_was_me(live_system: LiveSystem, shop: Shop) -> None:
    sam = anybody("sam")
    shop.knows(sam)
    page = at_home(shop, sam)
    payment = large_payment(sam)
    alert = shop.decide(payment)["alert_id"]
    answer = page.post(f"/api/v1/me/alerts/{alert}/confirm/", json={})
    assert answer.status_code == 200, answer.text
    found = shop.get(f"alerts/{alert}/")
    assert (found["status"], found["disposition"]) == ("resolved", "false_positive")
    assert shop.member(sam)["lock"]["state"] == "locked", "whoever presses the button has proved nothing"


def test_a_members_word_counts_on_their_own_alerts_only(live_system: LiveSystem, shop: Shop) -> None:
    mia, sam = anybody(), anybody("sam")
    shop.knows(sam)
    alert = shop.decide(large_payment(mia))["alert_id"]
    page = at_home(shop, sam)
    for verb in ("dispute", "confirm"):
        assert page.post(f"/api/v1/me/alerts/{alert}/{verb}/", json={}).status_code == 404
    assert page.get(f"/member/alerts/{alert}/").status_code == 404
    assert shop.get(f"alerts/{alert}/")["disputed"] is False
