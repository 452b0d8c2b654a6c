"""Plays a world to a running system as a shop's app would: events in batches, every payment asked about first."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from detection.kernel.vocabulary import SPENDING, EventType
from detection.simulation.tape import Happening

BATCH = 100
PATIENCE = 20.0  # seconds one answer may take
TRIES = 6
ASKED = SPENDING - {EventType.CHECKOUT_STARTED}
#: What a shop does not do any more once an order was refused.
FOLLOWS = frozenset({EventType.TRANSACTION_SUCCEEDED, EventType.PAYMENT_FAILED})


class Unreachable(Exception):
    """The system gave no usable answer. The text says what it said."""


class Api:
    """The public REST API of a running system, over one connection."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._root = parts.path.rstrip("/") + "/api/v1/"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._line: HTTPConnection | None = None

    def send(self, events: list[Happening]) -> dict[str, Any]:
        """Report a batch; the answer counts what was taken."""
        return self._ask("POST", "events/", {"events": events})

    def decide(self, event: Happening) -> dict[str, Any]:
        """May this happen?"""
        return self._ask("POST", "decisions/", event)

    def alerts(self, path: str = "alerts/?ordering=-created_at") -> dict[str, Any]:
        """A page of alerts. Raises Unreachable when the key may not read them."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """Patient with a system that is busy or restarting; an event's id makes asking again harmless."""
        said = "nothing"
        for attempt in range(TRIES):
            try:
                status, wait, answer = self._once(method, path, body)
            except (OSError, HTTPException) as error:
                self._line, said, wait = None, type(error).__name__, 0.2 * 2**attempt
            else:
                if status < 300:
                    return answer
                said = f"{status}: {answer.get('detail') or answer.get('title') or ''}"
                if status not in (429, 503):
                    break
            time.sleep(min(wait, 5.0))
        raise Unreachable(f"{method} {self._root}{path} was answered with {said}")

    def _once(self, method: str, path: str, body: Any) -> tuple[int, float, dict[str, Any]]:
        if self._line is None:
            self._line = self._kind(self._host, timeout=PATIENCE)
        raw = None if body is None else json.dumps(body).encode()
        self._line.request(method, self._root + path, raw, self._headers)
        response = self._line.getresponse()
        text = response.read()
        wait = response.getheader("Retry-After") or ""
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        return response.status, float(wait) if wait.isdigit() else 1.0, answer if isinstance(answer, dict) else {}


@dataclass(slots=True)
class Score:
    """What was sent and what became of it."""

    sent: int = 0
    rejected: int = 0
    skipped: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)  # events and orders that were refused: none of it happened
    hindered: int = 0  # honest payments that were asked about or refused
    honest: int = 0
    errors: list[str] = field(default_factory=list)


class Player:
    """Sends events in order and heeds the answers. ``bad`` names the attackers' events: an attacker cannot pass a
    challenge, a member can."""

    def __init__(self, api: Api, bad: frozenset[str]) -> None:
        self.score = Score()
        self._api, self._bad = api, bad
        self._waiting: list[Happening] = []

    def play(self, events: Iterable[Happening], *, seconds: float, total: int, seen: Callable[[int], None]) -> Score:
        """Everything, spread evenly over ``seconds`` (0: as fast as it goes). ``seen`` hears how far it is."""
        began = time.monotonic()
        for number, event in enumerate(events, 1):
            due = began + seconds * number / max(total, 1)
            if self._waiting and (time.monotonic() < due - 0.5 or len(self._waiting) >= BATCH):
                self._flush()
            time.sleep(max(0.0, due - time.monotonic()))
            self._one(event)
            seen(number)
        self._flush()
        return self.score

    def _one(self, event: Happening) -> None:
        order = event.get("order_id")
        if order in self.score.stopped and event["type"] in FOLLOWS:
            self.score.skipped += 1
        elif event["type"] in ASKED:
            self._flush()
            self._decide(event)
        else:
            self._waiting.append(event)

    def _decide(self, event: Happening) -> None:
        verdict = self._api.decide(event)["verdict"]
        bad = event["event_id"] in self._bad
        self.score.sent += 1
        self.score.answers[verdict] += 1
        self.score.honest += not bad
        if verdict == "allow":
            return
        self.score.hindered += not bad
        if bad or verdict == "deny":
            self.score.stopped.add(event["event_id"])
            if event.get("order_id"):
                self.score.stopped.add(event["order_id"])

    def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            answer = self._api.send(batch)
            self.score.sent += answer["accepted"] + answer["duplicates"]
            self.score.rejected += answer["rejected"]
            for result in answer["results"]:
                if result.get("errors") and len(self.score.errors) < 5:
                    self.score.errors.append(f"{result['event_id']}: {result['errors'][0]['detail']}")


def amounts(events: Iterable[Happening]) -> Decimal:
    """What payments come to in euros, roughly enough to compare."""
    from detection.kernel.words import PER_EURO

    total = Decimal(0)
    for event in events:
        if event.get("amount"):
            total += Decimal(event["amount"]) / Decimal(str(PER_EURO.get(event.get("currency", ""), 1)))
    return total.quantize(Decimal("0.01"))
