"""What is known to have been fraud, joined to what was said about it: precision by rule, and money."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

from detection.backtest.running import Step
from detection.intake.strict_json import Malformed, lines
from detection.kernel.records import EventRecord, Verdict
from detection.kernel.vocabulary import PAYING, EventType, Outcome
from detection.kernel.words import PER_EURO

BAD = frozenset({"fraud", "chargeback", "early_warning"})
GOOD = frozenset({"legitimate"})
TOLD_OF = frozenset({*PAYING, EventType.PAYMENT_FAILED, EventType.CHARGEBACK_RECEIVED})


class BadLabels(ValueError):
    """A label that can't be used. The text says which line and why."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels by what they name; ``fraud`` is True or False. An event without one is unknown."""

    events: dict[str, bool] = field(default_factory=dict)
    orders: dict[str, bool] = field(default_factory=dict)
    payments: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Labels:
        """One label a line, as ``POST labels/`` takes them. Later lines win. Raises BadLabels, OSError."""
        labels = cls()
        for number, label in enumerate(lines(path.read_bytes()), 1):
            if isinstance(label, Malformed) or not isinstance(label, dict):
                raise BadLabels(f"label {number} is not a JSON object")
            said = label.get("label")
            if said not in BAD | GOOD:
                raise BadLabels(f"label {number}: label is one of {', '.join(sorted(BAD | GOOD))}")
            payment = label.get("payment")
            named = payment.get("psp_payment_id") if isinstance(payment, dict) else label.get("psp_payment_id")
            places = ((labels.events, label.get("event_id")), (labels.orders, label.get("order_id")))
            used = False
            for known, name in (*places, (labels.payments, named)):
                if isinstance(name, str) and name:
                    known[name], used = said in BAD, True
            if not used:
                raise BadLabels(f"label {number} names no event_id, order_id or payment.psp_payment_id")
        return labels

    def fraud(self, event: EventRecord) -> bool | None:
        """Whether an event was fraud, None where nobody said."""
        for known, name in (
            (self.events, event.event_id),
            (self.orders, event.order_id),
            (self.payments, event.payment.get("psp_payment_id")),
        ):
            if name in known:
                return known[name]
        return None

    def bad_events(self) -> frozenset[str]:
        return frozenset(name for name, fraud in self.events.items() if fraud)


@dataclass(slots=True)
class Sum:
    """What one day, one rule or all of it was worth, in euros or their like."""

    stopped: Decimal = Decimal(0)
    lost: Decimal = Decimal(0)
    good: int = 0
    hindered: int = 0

    def wire(self) -> dict[str, Any]:
        return {
            "stopped_eur": f"{self.stopped:.2f}",
            "lost_eur": f"{self.lost:.2f}",
            "good_orders": self.good,
            "good_orders_hindered": self.hindered,
        }


@dataclass(slots=True)
class _Order:
    """One order as it was tried: what was said of it, and whether it would have been refused before money moved."""

    day: str
    fraud: bool | None = None
    charged_back: bool = False
    worth: Decimal = Decimal(0)
    refused: bool = False
    went_through: bool = False
    rules: frozenset[str] = frozenset()

    @property
    def bad(self) -> bool | None:
        return True if self.fraud is None and self.charged_back else self.fraud

    def take_in(self, verdict: Verdict, fraud: bool | None) -> None:
        event = verdict.event
        self.fraud = self.fraud if fraud is None else fraud
        self.charged_back |= event.type == EventType.CHARGEBACK_RECEIVED
        if event.type in PAYING:
            self.rules |= {signal.detector for signal in verdict.signals}
            worth = (event.amount or Decimal(0)) / Decimal(str(PER_EURO.get(event.currency or "", 1)))
            self.worth = max(self.worth, worth)
            self.refused |= verdict.outcome is not Outcome.ALLOW and event.type != EventType.TRANSACTION_SUCCEEDED
        self.went_through = event.type != EventType.PAYMENT_FAILED

    def count(self, total: Sum) -> None:
        if not self.bad:
            total.good += 1
            total.hindered += self.refused
        elif self.refused:
            total.stopped += self.worth
        elif self.went_through:
            total.lost += self.worth


@dataclass(slots=True)
class Report:
    """What labels say about what was said: precision by rule, and money by day and by rule.

    An order is what one ``order_id`` (else one payment, else one event) names. A bad one was stopped when a payment of
    it would have been challenged or refused, lost when none was and it went through; a good one was hindered when one
    was. A chargeback in the file is a label where nobody says otherwise."""

    labels: Labels
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    _orders: dict[tuple[str, str], _Order] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Take one step in."""
        verdict = step.verdict
        event, fraud = verdict.event, self.labels.fraud(verdict.event)
        if fraud is not None:
            (self.right if fraud else self.wrong).update({signal.detector for signal in verdict.signals})
        if event.type in TOLD_OF:
            order = self._orders.setdefault(_key(event), _Order(event.occurred_at.astimezone(UTC).date().isoformat()))
            order.take_in(verdict, fraud)

    def wire(self) -> dict[str, Any]:
        whole = Sum()
        days: defaultdict[str, Sum] = defaultdict(Sum)
        rules: defaultdict[str, Sum] = defaultdict(Sum)
        for order in self._orders.values():
            if order.bad is not None:
                for total in (whole, days[order.day], *(rules[rule_id] for rule_id in order.rules)):
                    order.count(total)
        spoke = sorted({*self.right, *self.wrong, *rules})
        return {
            "rules": [self._precision(rule_id) | rules[rule_id].wire() for rule_id in spoke],
            "days": [{"day": day, **days[day].wire()} for day in sorted(days)],
            **whole.wire(),
        }

    def _precision(self, rule_id: str) -> dict[str, Any]:
        right, wrong = self.right[rule_id], self.wrong[rule_id]
        precision = round(right / (right + wrong), 4) if right + wrong else None
        return {"rule": rule_id, "fraud": right, "legitimate": wrong, "precision": precision}


def _key(event: EventRecord) -> tuple[str, str]:
    payment = event.payment.get("psp_payment_id")
    if event.order_id:
        return "order", event.order_id
    return ("payment", payment) if payment else ("event", event.event_id)
