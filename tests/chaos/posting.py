"""An app that posts through trouble: what gets no answer is sent again under the same ids."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from tests.flows.stage import anywhere, happened, large_payment, now
from tests.live import LiveSystem

JSON = dict[str, Any]
MEMBERS, THIEVES = 98, 40
HOURS = 20


def a_day(run: str) -> tuple[list[JSON], set[str]]:
    """2,000 events: members with quiet days, and thieves whose one payment each has to be seen; their ids."""
    events: list[JSON] = []
    start = now() - timedelta(hours=HOURS + 1)
    for number in range(MEMBERS):
        name = f"{run}-member-{number}"
        home = {"device_id": f"{name}-phone", "ip": f"81.2.69.{number + 1}", "session_id": f"s-{name}"}
        for hour in range(HOURS):
            kind = "login.succeeded" if hour % 4 == 0 else "page.viewed"
            path = {} if hour % 4 == 0 else {"path": f"/shoes/{hour}"}
            events.append(happened(kind, name, occurred_at=start + timedelta(hours=hour), **home, **path))
    thieves = {f"{run}-thief-{number}" for number in range(THIEVES)}
    for place, name in enumerate(sorted(thieves)):
        theft = large_payment(name, ip=anywhere(), occurred_at=now())
        events.insert(place * (len(events) // THIEVES), theft)
    for number, event in enumerate(events):
        event["event_id"] = f"{run}-{number}"
    return events, thieves


@dataclass
class App:
    """Posts events in batches and singly from several threads, and never gives one up before it is acknowledged."""

    system: LiveSystem
    key: str
    acknowledged: set[str] = field(default_factory=set)
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _half: threading.Event = field(default_factory=threading.Event)

    def post(self, events: Sequence[JSON], *, threads: int = 4, within: float = 120) -> threading.Thread:
        """Begin posting; the thread ends when all is acknowledged. Every fifth batch of 20 goes out one by one."""
        self._wanted = len(events)
        self._until = time.monotonic() + within
        parcels: list[tuple[JSON, ...]] = []
        for number, first in enumerate(range(0, len(events), 20)):
            parcel = tuple(events[first : first + 20])
            parcels += [(event,) for event in parcel] if number % 5 == 0 else [parcel]

        def work() -> None:
            with self._client() as client, ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda parcel: self._deliver(client, parcel), parcels))

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def wait_for_half(self) -> None:
        assert self._half.wait(60), f"only {len(self.acknowledged)} were taken in a minute"

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.system.url, headers=headers, timeout=10, trust_env=False)

    def _deliver(self, client: httpx.Client, parcel: Sequence[JSON]) -> None:
        body = parcel[0] if len(parcel) == 1 else {"events": list(parcel)}
        while time.monotonic() < self._until:
            try:
                answer = client.post("/api/v1/events/", json=body)
            except httpx.TransportError:
                self._again()
                continue
            if answer.status_code in (429, 503):
                self._again()
                continue
            self._note(parcel, answer)
            return

    def _again(self) -> None:
        with self._lock:
            self.repeated += 1
        time.sleep(0.1)  # a client's pause between two tries

    def _note(self, parcel: Sequence[JSON], answer: httpx.Response) -> None:
        with self._lock:
            if answer.status_code != 202 or answer.json().get("rejected"):
                self.refused.append(f"{answer.status_code}: {answer.text[:300]}")
                return
            self.acknowledged |= {event["event_id"] for event in parcel}
            if len(self.acknowledged) * 2 >= self._wanted:
                self._half.set()
