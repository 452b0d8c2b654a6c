"""Locked to told: under a second on an open page, ninety-nine times of a hundred."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.flows.stage import Screen, Shop, anybody, at_home
from tests.live import LiveSystem, eventually

pytestmark = pytest.mark.slow

TIMES = 50


def test_a_lock_is_on_the_members_open_page_within_a_second(
    live_system: LiveSystem, shop: Shop, olga: httpx.Client
) -> None:
    member = anybody()
    shop.knows(member)
    page = at_home(shop, member)
    waits = []
    with Screen(live_system, "/ws/member/", page) as screen:
        for number in range(TIMES):
            reason = f"call {number}"
            began = time.monotonic()
            answer = olga.post(f"/api/v1/members/{member}/lock/", json={"reason": reason})
            assert answer.status_code == 200, answer.text
            eventually(lambda reason=reason: _told(screen, reason), within=10, every=0.002)
            waits.append(time.monotonic() - began)  # with the request that locked: more than the promise is about
            assert olga.post(f"/api/v1/members/{member}/unlock/", json={"reason": reason}).status_code == 200
    slowest = sorted(waits)
    print(f"locked to told: median {slowest[TIMES // 2] * 1000:.0f} ms, p99 {slowest[-1] * 1000:.0f} ms")
    assert slowest[-1] < 1.0


def _told(screen: Screen, reason: str) -> bool:
    locked = [frame for frame in list(screen.frames) if frame["kind"] == "member.locked"]
    return any(frame["lock"]["reason"]["text"] == reason for frame in locked)
