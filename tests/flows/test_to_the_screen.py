"""From an app's POST to the open screens."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.flows.stage import Screen, Shop, anybody, anywhere, at_home, happened, large_payment
from tests.live import LiveSystem, eventually

pytestmark = pytest.mark.slow


def test_an_event_becomes_an_alert_on_every_open_staff_screen(
    live_system: LiveSystem, shop: Shop, olga: httpx.Client, ada: httpx.Client
) -> None:
    mia = anybody()
    with Screen(live_system, "/ws/alerts/", olga) as first, Screen(live_system, "/ws/alerts/", ada) as second:
        event = large_payment(mia)
        shop.report(event)
        mine = [
            screen.until(lambda frame: frame["kind"] == "alert.raised" and frame["alert"]["member_id"] == mia)
            for screen in (first, second)
        ]
    assert mine[0] == mine[1]
    shown = mine[0]["alert"]
    listed = olga.get("/api/v1/alerts/", params={"member": mia}).json()["results"]
    assert [shown | {"action_taken": ""}] == [listed[0] | {"action_taken": ""}]
    assert shown["cursor"] == mine[0]["cursor"]
    assert (shown["severity"], shown["event_id"]) == ("high", event["event_id"])
    reason = next(reason for reason in shown["reasons"] if reason["code"] == "large-transaction-new-device")
    assert float(reason["observed"]) == 1900 > float(reason["threshold"])
    assert shop.judged(event)[0]["alert_id"] == shown["id"]


def test_a_quiet_life_raises_nothing(live_system: LiveSystem, shop: Shop) -> None:
    sam = anybody("sam")
    home = {"device_id": "sam-laptop", "ip": anywhere(), "session_id": "s-1"}
    day = [
        happened("login.succeeded", sam, **home),
        happened("page.viewed", sam, path="/shoes", **home),
        happened("transaction.succeeded", sam, amount="24.90", currency="EUR", order_id=f"o-{sam}", **home),
    ]
    shop.report(*day)
    assert [event["verdict"] for event in shop.judged(*day)] == ["allow"] * 3
    assert shop.alerts(sam) == []
    assert shop.member(sam)["lock"] is None


def test_a_guest_gets_an_alert_and_no_lock(live_system: LiveSystem, shop: Shop, olga: httpx.Client) -> None:
    ip = anywhere()
    tries = [happened("login.failed", None, ip=ip, account_exists=False) for _ in range(30)]
    with Screen(live_system, "/ws/alerts/", olga) as screen:
        shop.report(*tries)
        frame = screen.until(lambda frame: frame["kind"] == "alert.raised" and frame["alert"]["context"]["ip"] == ip)
    assert frame["alert"]["member_id"] is None
    assert {event["state"] for event in shop.judged(*tries)} == {"processed"}


def test_a_screen_stays_open_through_seven_idle_seconds_and_then_still_hears(
    live_system: LiveSystem, shop: Shop
) -> None:
    mia = anybody()
    shop.knows(mia)
    page = at_home(shop, mia)
    cookies = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    with connect(
        f"{live_system.ws_url}/ws/member/",
        origin=live_system.url,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookies},
        proxy=None,
    ) as line:
        assert json.loads(line.recv(timeout=5))["kind"] == "hello"
        until = time.monotonic() + 7
        while (left := until - time.monotonic()) > 0:
            try:
                assert json.loads(line.recv(timeout=left))["kind"] == "heartbeat"
            except TimeoutError:
                break
        shop.report(large_payment(mia))
        kinds = set()
        while "member.locked" not in kinds:
            kinds.add(json.loads(line.recv(timeout=10))["kind"])


def test_strangers_and_foreign_pages_hear_nothing(live_system: LiveSystem, olga: httpx.Client) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in olga.cookies.items())
    address = f"{live_system.ws_url}/ws/alerts/"
    for origin in ("http://evil.example", None):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, origin=origin, additional_headers={"Cookie": cookies}, proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
    with (
        connect(address, origin=live_system.url, proxy=None) as line,  # type: ignore[arg-type]
        pytest.raises(ConnectionClosed) as closed,
    ):
        line.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_a_signed_out_screen_is_closed(live_system: LiveSystem, shop: Shop) -> None:
    sam = anybody("sam")
    shop.knows(sam)
    page = at_home(shop, sam)
    with Screen(live_system, "/ws/member/", page) as screen:
        answer = page.post("/logout/", data={"csrfmiddlewaretoken": page.cookies["csrftoken"]})
        assert answer.status_code == 302
        assert eventually(lambda: screen.codes, within=30)[0] == 4401
    assert page.get("/member/").status_code == 302
