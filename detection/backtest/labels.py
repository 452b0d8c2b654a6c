"""What is known to have been fraud, joined to what was said about it: precision by rule, and money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from detection.backtest.running import Step
from detection.intake.strict_json import Malformed, lines
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import SPENDING, EventType, Outcome
from detection.kernel.words import PER_EURO

BAD = frozenset({"fraud", "chargeback", "early_warning"})
GOOD = frozenset({"legitimate"})


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
class Report:
    """Counts of what labels say about what was said. Money is in euros or their like."""

    labels: Labels
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    stopped: Decimal = Decimal(0)
    lost: Decimal = Decimal(0)
    good: int = 0
    hindered: int = 0
    _stopped_orders: set[str] = field(default_factory=set)

    def add(self, step: Step) -> None:
        """Take one step in."""
        verdict = step.verdict
        event, fraud = verdict.event, self.labels.fraud(verdict.event)
        if fraud is None:
            return
        (self.right if fraud else self.wrong).update({signal.detector for signal in verdict.signals})
        stopped = verdict.outcome is not Outcome.ALLOW
        if event.type in SPENDING and event.type != EventType.CHECKOUT_STARTED:
            self.good += not fraud
            self.hindered += stopped and not fraud
            if stopped and event.order_id:
                self._stopped_orders.add(event.order_id)
            if fraud and (stopped or event.type != EventType.TRANSACTION_ATTEMPTED):
                self._count(event, stopped=stopped)
        elif event.type == EventType.TRANSACTION_SUCCEEDED and fraud and event.order_id not in self._stopped_orders:
            self._count(event, stopped=False)

    def _count(self, event: EventRecord, *, stopped: bool) -> None:
        worth = (event.amount or Decimal(0)) / Decimal(str(PER_EURO.get(event.currency or "", 1)))
        if stopped:
            self.stopped += worth
        else:
            self.lost += worth

    def wire(self) -> dict[str, Any]:
        return {
            "rules": [self._rule(rule_id) for rule_id in sorted(set(self.right) | set(self.wrong))],
            "stopped_eur": f"{self.stopped:.2f}",
            "lost_eur": f"{self.lost:.2f}",
            "good_orders": self.good,
            "good_orders_hindered": self.hindered,
        }

    def _rule(self, rule_id: str) -> dict[str, Any]:
        right, wrong = self.right[rule_id], self.wrong[rule_id]
        return {"rule": rule_id, "fraud": right, "legitimate": wrong, "precision": round(right / (right + wrong), 4)}
