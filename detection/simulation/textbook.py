"""What a textbook would put on duty, and what the first idea would: the yardsticks our rules are measured beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from detection.kernel.detector import Rule, Seen
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Known, Last, Wish, types
from detection.kernel.geo import distance_km
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import from_euros

FAILED, ENTERED = types(EventType.LOGIN_FAILED), types(EventType.LOGIN_SUCCEEDED)
PAID, TRIED, REFUSED = (
    types(EventType.TRANSACTION_SUCCEEDED),
    types(EventType.TRANSACTION_ATTEMPTED),
    types(EventType.PAYMENT_FAILED),
)
VIEWED = types(EventType.PAGE_VIEWED)
MONEY = TRIED | types(EventType.GIFT_CARD_REDEEMED, EventType.PAYOUT_REQUESTED)
RESET = types(EventType.PASSWORD_CHANGED, EventType.PASSWORD_RESET)
TEN = timedelta(minutes=10)


@dataclass(frozen=True)
class Limit(Rule):
    """So much is enough."""

    id: str  # type: ignore[misc]
    listens_to: frozenset[str]  # type: ignore[misc]
    wish: Wish
    limit: int
    family: Family = Family.CREDENTIALS  # type: ignore[misc]
    severity: Severity = Severity.MEDIUM  # type: ignore[misc]
    suggests: Action = Action.CHALLENGE  # type: ignore[misc]

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.id

    def needs(self) -> dict[str, Wish]:
        return {"count": self.wish}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if seen["count"] < self.limit:
            return None
        return self.signal("Too many.", observed=seen["count"], threshold=self.limit)


@dataclass(frozen=True)
class NewValue(Rule):
    """Never seen before on this member, who is known by something else."""

    id: str  # type: ignore[misc]
    field: str
    family: Family  # type: ignore[misc]
    listens_to = ENTERED
    severity = Severity.MEDIUM
    suggests = Action.CHALLENGE
    title = "Something new"

    def needs(self) -> dict[str, Wish]:
        return {"since": FirstSeen(self.field), "known": Known(self.field)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        new = seen["since"] is not None and seen["since"] >= event.occurred_at and seen["known"] >= 1
        return self.signal("New.") if new else None


@dataclass(frozen=True)
class Large(Rule):
    """A payment above a fixed amount or many times the usual one."""

    id: str = "textbook-large-payment"  # type: ignore[misc]
    euros: Decimal = Decimal(500)
    times: float | None = 5.0
    severity: Severity = Severity.HIGH  # type: ignore[misc]
    suggests: Action = Action.CHALLENGE  # type: ignore[misc]
    listens_to = MONEY
    family = Family.AMOUNT
    title = "Large payment"

    def needs(self) -> dict[str, Wish]:
        return {"habit": Baseline(PAID)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        most = from_euros(self.euros, event.currency)
        if event.amount is None or most is None:
            return None
        if self.times and seen["habit"]:
            most = min(most, Decimal(str(seen["habit"]["median"] * self.times)))
        return self.signal("Large.", observed=event.amount, threshold=most) if event.amount >= most else None


@dataclass(frozen=True)
class Travel(Rule):
    """Faster than a plane."""

    id = "textbook-impossible-travel"
    title = "Impossible travel"
    severity = Severity.HIGH
    family = Family.PLACE
    listens_to = ENTERED
    suggests = Action.LOCK

    def needs(self) -> dict[str, Wish]:
        return {"before": Last(ENTERED, timedelta(days=1))}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        before = seen["before"]
        if before is None or before["latitude"] is None or event.latitude is None or event.longitude is None:
            return None
        apart = distance_km(before["latitude"], before["longitude"], event.latitude, event.longitude)
        hours = max((event.occurred_at - before["occurred_at"]) / timedelta(hours=1), 0.02)
        return self.signal("Too fast.") if apart / hours > 900 else None


@dataclass(frozen=True)
class PaidAfterChange(Rule):
    """Money moves within an hour of a new password."""

    id = "textbook-change-then-payment"
    title = "Payment after a new password"
    severity = Severity.HIGH
    family = Family.CREDENTIALS
    listens_to = MONEY
    suggests = Action.LOCK

    def needs(self) -> dict[str, Wish]:
        return {"change": Last(RESET, timedelta(hours=1))}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        return self.signal("Right after.") if seen["change"] else None


def textbook() -> list[Rule]:
    """A sensible set as it stands in many books: thresholds, new device, new country, travel, velocity."""
    quarter = timedelta(minutes=15)
    return [
        Limit("textbook-failed-logins", FAILED, Count(FAILED, TEN), 5),
        Limit("textbook-success-after-failures", ENTERED, Count(FAILED, TEN), 3),
        Limit("textbook-stuffing", FAILED, Count(FAILED, quarter, per="ip"), 25, severity=Severity.HIGH),
        Limit("textbook-password-changes", RESET, Count(RESET, timedelta(days=1)), 3),
        Limit("textbook-failed-payments", REFUSED, Count(REFUSED, TEN, per="subject"), 3, Family.PAYMENT),
        Limit("textbook-velocity", TRIED, Count(TRIED, TEN, per="subject"), 4, Family.PAYMENT),
        Limit(
            "textbook-many-cards",
            TRIED,
            Distinct("payment_method_id", TRIED, timedelta(hours=1), per="subject"),
            3,
            Family.PAYMENT,
        ),
        Limit("textbook-pages", VIEWED, Count(VIEWED, timedelta(minutes=1), per="ip"), 60, Family.BROWSING),
        NewValue("textbook-new-device", "device_id", Family.DEVICE),
        NewValue("textbook-new-country", "country", Family.PLACE),
        Large(),
        Travel(),
        PaidAfterChange(),
    ]


def naive() -> list[Rule]:
    """The first five rules anybody writes."""
    minute = timedelta(minutes=1)
    return [
        Limit("naive-failed-logins", FAILED, Count(FAILED, TEN), 5, severity=Severity.HIGH, suggests=Action.LOCK),
        Limit("naive-password-changes", RESET, Count(RESET, timedelta(days=1)), 3, severity=Severity.HIGH),
        Limit("naive-failed-payments", REFUSED, Count(REFUSED, TEN), 3, Family.PAYMENT),
        Limit("naive-pages", VIEWED, Count(VIEWED, minute, per="subject"), 30, Family.BROWSING),
        Large("naive-large-payment", Decimal(1000), None, Severity.HIGH, Action.LOCK),
    ]
