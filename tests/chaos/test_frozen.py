"""Parts that hang or stay dead: intake goes on, and says the truth about the rest."""

from __future__ import annotations

import os
import signal
import statistics
import time
from uuid import uuid4

import httpx
import pytest

from tests.chaos.books import Books
from tests.chaos.conftest import Victim
from tests.flows.stage import Screen, Shop, anybody, happened, large_payment
from tests.live import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def test_a_frozen_valkey_holds_no_answer_and_costs_only_time(victim: Victim, olga: httpx.Client) -> None:
    shop = Shop(victim.system)
    run = f"frozen-{uuid4().hex[:6]}"
    books = Books(victim.system, run)
    mia = anybody()

    def post(count: int) -> list[float]:
        took = []
        for _ in range(count):
            event = happened("page.viewed", mia, device_id="mia-phone", path="/")
            event["event_id"] = f"{run}-{uuid4().hex}"
            began = time.perf_counter()
            assert shop.post("events/", event).status_code == 202
            took.append(time.perf_counter() - began)
        return took

    usual = post(40)
    with Screen(victim.system, "/ws/alerts/", olga) as screen:
        victim.freeze(victim.system.pid_of("valkey"))
        try:
            frozen = post(80)
            theft = large_payment(anybody("thief"))
            theft["event_id"] = f"{run}-theft"
            assert shop.post("events/", theft).status_code == 202
            assert httpx.get(f"{victim.system.url}/readyz").status_code == 200
            decision = shop.decide(large_payment(anybody("thief")))
            assert decision["verdict"] == "deny"
            assert decision["degraded"] == ["features"]
            eventually(lambda: victim.system.status()[0] == 503, within=20)
        finally:
            victim.thaw()
        assert max(frozen) < max(1.0, 5 * max(usual)), "an answer waited for Valkey"
        assert statistics.median(frozen) < max(0.1, 5 * statistics.median(usual))
        eventually(lambda: books.states() == {"processed": 121}, within=60)
        screen.until(lambda frame: "alert" in frame and frame["alert"]["event_id"] == theft["event_id"], within=30)
    print(f"\nfrozen: median {statistics.median(frozen) * 1000:.0f} ms, most {max(frozen) * 1000:.0f} ms", end="")
    print(f"; before: median {statistics.median(usual) * 1000:.0f} ms, most {max(usual) * 1000:.0f} ms")


def test_the_web_stays_ready_while_everything_behind_it_is_dead(victim: Victim) -> None:
    system = victim.system
    shop = Shop(system)
    books = Books(system, "dead")
    event = large_payment(anybody("thief"))
    event["event_id"] = f"dead-{uuid4().hex}"
    victim.freeze(system.process.pid)  # so that nobody starts them again
    try:
        for part in ("worker", "beat", "valkey"):
            os.killpg(system.pid_of(part), signal.SIGKILL)
        eventually(lambda: not any(system.find(part) for part in ("worker", "beat", "valkey")))
        eventually(lambda: system.status()[0] == 503, within=30)
        parts = system.status()[1]["parts"]
        assert [parts[part]["ok"] for part in ("database", "valkey", "worker", "beat")] == [True, False, False, False]
        for page in ("/readyz", "/healthz", "/", "/login/"):
            assert httpx.get(f"{system.url}{page}").status_code == 200, page
        assert shop.post("events/", event).status_code == 202
        assert shop.get(f"events/{event['event_id']}/")["state"] == "pending"
    finally:
        victim.thaw()
    victim.wait_until_whole()
    eventually(lambda: books.states() == {"processed": 1}, within=30)
    assert shop.get(f"events/{event['event_id']}/")["alert_id"]


def test_a_screen_ends_with_exactly_the_alerts_of_the_database_after_valkey_came_back(
    victim: Victim, olga: httpx.Client
) -> None:
    shop = Shop(victim.system)
    run = f"viewer-{uuid4().hex[:6]}"
    books = Books(victim.system, run)
    with Screen(victim.system, "/ws/alerts/", olga) as screen:
        shop.report(*(large_payment(f"{run}-before-{number}") for number in range(5)))
        eventually(lambda: len(books.alerts()) == 5)
        victim.kill("valkey")
        shop.report(*(large_payment(f"{run}-during-{number}") for number in range(5)))
        victim.wait_until_whole()
        shop.report(*(large_payment(f"{run}-after-{number}") for number in range(5)))
        eventually(lambda: len(books.alerts()) == 15, within=60)
        eventually(lambda: books.raised() == dict.fromkeys(books.alerts(), 1))
        stored = set(books.alerts())
        eventually(lambda: stored <= {alert.replace("-", "") for alert in screen.alerts()}, within=25)
        shown = [alert.replace("-", "") for alert in screen.raised() if alert.replace("-", "") in stored]
        assert sorted(shown) == sorted(stored)
        assert screen.connections == 1, "the socket itself outlives Valkey"
    listed = olga.get("/api/v1/alerts/", params={"limit": "200"}).json()["results"]
    rest = {alert["id"]: alert for alert in listed if (alert["member_id"] or "").startswith(run)}
    assert {name: screen.alerts()[name] for name in rest} == rest
