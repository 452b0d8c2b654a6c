"""A small shop's month, measured by a real store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.forest import Forest
from detection.anomaly.trainer import Row, Trained
from detection.anomaly.vector import Kind
from detection.features.memory_store import MemoryStore
from detection.kernel.records import EventRecord

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
_numbers = count(1)


def event(type_: str, at: datetime, **fields: Any) -> EventRecord:
    name = f"e{next(_numbers)}"
    if fields.get("amount") is not None:
        fields["amount"] = Decimal(str(fields["amount"]))
        fields.setdefault("currency", "EUR")
    return EventRecord(id=name, event_id=name, type=type_, occurred_at=at, received_at=at, **fields)


class Shop:
    """Members with habits, seen by an in-memory store."""

    def __init__(self, kind: Kind, members: int = 60) -> None:
        self.kind = kind
        self.store = MemoryStore(kind.needs().values(), complete=True)
        self.now = START
        self._random = random.Random(7)
        self._members = [f"shopper-{number}" for number in range(members)]

    def sees(self, happened: EventRecord) -> dict[str, Any]:
        """Observe an event and answer with what a detector is given."""
        self.now = max(self.now, happened.occurred_at)
        needs = self.kind.needs()
        granted = self.store.observe_and_measure([happened], [list(needs.values())]).seen[0]
        return {name: granted[wish] for name, wish in needs.items()}

    def month(self) -> Iterator[EventRecord]:
        """Thirty days of visits: a sign-in, some browsing, an attempt, a success."""
        for day in range(30):
            for number, member in enumerate(self._members):
                if self._random.random() < 0.35:
                    yield from self.visit(member, number, START + timedelta(days=day))

    def visit(self, member: str, number: int, day: datetime) -> Iterator[EventRecord]:
        chance = self._random
        at = day + timedelta(seconds=chance.randrange(36_000))
        who = {
            "member_id": member,
            "device_id": f"{member}-phone",
            "ip": f"81.2.{number}.{1 if chance.random() < 0.8 else chance.randrange(2, 250)}",
            "country": "GB",
            "agent": "Mobile Safari on iPhone",
            "session_id": f"{member}-{day:%d}",
        }
        amount = round((20 + number) * chance.lognormvariate(0, 0.4), 2)
        card = {"amount": amount, "payment_method_id": f"{member}-card"}
        yield event("login.succeeded", at, **who)
        yield event("page.viewed", at + timedelta(minutes=1), **who)
        yield event("transaction.attempted", at + timedelta(minutes=4), **who, **card)
        yield event("transaction.succeeded", at + timedelta(minutes=5), **who, **card)

    def rows(self) -> list[Row]:
        """The month as training reads it."""
        found = []
        for happened in self.month():
            seen = self.sees(happened)
            if happened.type in self.kind.listens_to:
                measured = self.kind.measure(happened, seen)
                found.append(Row(measured, happened.occurred_at, happened.subject, happened.ip))
        return found


def on_duty(trained: Trained) -> AnomalyDetector:
    forest = Forest.of(trained.detector)
    known = (trained.names, trained.medians, trained.threshold, forest, trained.ordinary)
    return AnomalyDetector(trained.kind, Model(trained.kind, 1, *known))
