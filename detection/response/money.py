"""What it was worth: money stopped and lost, good orders hindered, per day and per rule.

An order is what one ``order_id`` (else one payment, else one event) names. It is bad or good by the newest label or
chargeback, else by what staff or the member said of its alert; orders nobody spoke about are not counted. A bad order
was *stopped* when a payment of it was challenged or refused and none went through afterwards; it was *lost* when one
did. A good order was *hindered* when a payment of it was challenged or refused, whatever came after. Currencies are
never added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from detection.kernel.vocabulary import PAYING, EventState, EventType, Outcome, Truth
from detection.models import Alert, Event, EventReference, Label
from detection.models.label import ORDER, PAYMENT
from detection.response import truths
from detection.response.truths import AT_A_TIME, LABELS, Known

TOLD_OF = frozenset({*PAYING, EventType.PAYMENT_FAILED, EventType.CHARGEBACK_RECEIVED})
_COLUMNS = (
    "pk",
    "client_id",
    "event_id",
    "type",
    "occurred_at",
    "outcome",
    "alert_id",
    "body",
    "signals",
    "state",
    "member_id",
)

DAY = timedelta(days=1)

Key = tuple[int, str, str]

STOPPED, LOST, HINDERED, GOOD = "stopped", "lost", "hindered", "good"


@dataclass(slots=True)
class Sum:
    """What one day or one rule was worth."""

    stopped: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lost: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def wire(self) -> dict[str, Any]:
        return {
            "amounts": [
                {"currency": name, "stopped": _plain(self.stopped[name]), "lost": _plain(self.lost[name])}
                for name in sorted({*self.stopped, *self.lost})
            ],
            **{f"{name}_orders": self.orders[name] for name in (STOPPED, LOST, GOOD, HINDERED)},
        }


@dataclass(slots=True)
class _Order:
    """The events of one order, oldest first."""

    events: list[Event]
    charged_back: bool = False

    @property
    def payments(self) -> list[Event]:
        return [event for event in self.events if event.type in PAYING]

    @property
    def refused(self) -> bool:
        return any(event.outcome in (Outcome.CHALLENGE, Outcome.DENY) for event in self.payments if _asked(event))

    @property
    def went_through(self) -> bool:
        """Money moved: we were told so, or a payment was let through and nobody said it failed."""
        if self.charged_back or any(event.type == EventType.TRANSACTION_SUCCEEDED for event in self.events):
            return True
        asked = [event for event in self.events if event.type == EventType.PAYMENT_FAILED or event in self.payments]
        return bool(asked) and asked[-1].type in PAYING and asked[-1].outcome == Outcome.ALLOW

    @property
    def amount(self) -> tuple[str, Decimal] | None:
        sums = [(e.body["currency"], Decimal(e.body["amount"])) for e in self.payments if e.body.get("amount")]
        return max(sums, key=lambda pair: pair[1], default=None)

    @property
    def rules(self) -> set[str]:
        heard = [signal for event in self.payments for signal in event.signals]
        return {signal["detector"] for signal in heard if not signal["shadow"] and signal["points"] >= 0}


@dataclass(frozen=True, slots=True)
class Told:
    """One order that was counted: what became of it, who ordered, what it was worth, which rules spoke, and the alert
    it is part of."""

    name: str
    fate: str
    by: str  # who says so
    at: datetime
    member: int | None
    amount: tuple[str, Decimal] | None
    rules: frozenset[str]
    alert: UUID | None


def told(start: datetime, end: datetime) -> list[Told]:
    """Every order that counts and was first tried in the period, the newest first."""
    found = [
        Told(
            name=_key(order.payments[0])[2],
            fate=fate,
            by=known.by,
            at=order.payments[0].occurred_at,
            member=next((event.member_id for event in order.payments if event.member_id), None),
            amount=order.amount,
            rules=frozenset(order.rules),
            alert=next((event.alert_id for event in reversed(order.payments) if event.alert_id), None),
        )
        for order, known in _orders(start, end)
        if start <= order.payments[0].occurred_at < end and (fate := _fate(order, known))
    ]
    return sorted(found, key=lambda order: (order.at, order.name), reverse=True)


def report(start: datetime, end: datetime, orders: Iterable[Told] | None = None) -> dict[str, Any]:
    """Days and rules of the period, by when an order was first tried, and all of it together."""
    whole = Sum()
    days: defaultdict[date, Sum] = defaultdict(Sum)
    rules: defaultdict[str, Sum] = defaultdict(Sum)
    for order in told(start, end) if orders is None else orders:
        for total in (whole, days[order.at.astimezone(UTC).date()], *(rules[rule] for rule in order.rules)):
            _count(total, order)
    return {
        "total": whole.wire(),
        "days": [{"day": day.isoformat(), **total.wire()} for day, total in sorted(days.items())],
        "rules": [{"rule": rule, **total.wire()} for rule, total in sorted(rules.items())],
    }


def _fate(order: _Order, known: Known) -> str:
    """What became of it, "" for a bad order that failed by itself."""
    if not known.bad:
        return HINDERED if order.refused else GOOD
    return LOST if order.went_through else STOPPED if order.refused else ""


def _count(total: Sum, order: Told) -> None:
    total.orders[order.fate] += 1
    if order.fate == HINDERED:
        total.orders[GOOD] += 1
    elif order.fate != GOOD and order.amount is not None:
        currency, amount = order.amount
        (total.lost if order.fate == LOST else total.stopped)[currency] += amount


def _orders(start: datetime, end: datetime) -> list[tuple[_Order, Known]]:
    alerts = Alert.objects.filter(last_seen_at__gte=start, first_seen_at__lt=end)
    of_alerts = truths.of_alerts(alerts)
    events = _with_siblings(_spoken_of(start, end, of_alerts))
    labels = truths.of_events(events)
    groups: defaultdict[Key, list[Event]] = defaultdict(list)
    for event in events.values():
        groups[_key(event)].append(event)
    found = []
    for members in groups.values():
        order = _Order(sorted(members, key=lambda event: (event.occurred_at, event.pk)))
        known = _known(order, labels, of_alerts)
        if order.payments and known is not None:
            found.append((order, known))
    return found


def _spoken_of(start: datetime, end: datetime, alerts: Iterable[UUID]) -> dict[UUID, Event]:
    """Events of the period that somebody said something about: a label, a chargeback, an answered alert. A day more,
    for what was said may be about an order's later try."""
    period = {"occurred_at__gte": start, "occurred_at__lt": end + DAY}
    labelled = Label.objects.filter(event_at__gte=start, event_at__lt=end + DAY, event__isnull=False)
    rows = _load(labelled.values_list("event", flat=True))
    back = Event.objects.filter(type=EventType.CHARGEBACK_RECEIVED, occurred_at__gte=start)
    rows |= {event.pk: event for event in back.only(*_COLUMNS)}
    wanted = sorted(alerts)
    for first in range(0, len(wanted), AT_A_TIME):
        part = Event.objects.filter(alert_id__in=wanted[first : first + AT_A_TIME], type__in=PAYING, **period)
        rows |= {event.pk: event for event in part.only(*_COLUMNS)}
    return rows


def _with_siblings(events: dict[UUID, Event]) -> dict[UUID, Event]:
    """The same with every other event of their orders, and nothing that is no payment or word of one."""
    keys = {_key(event) for event in events.values()}
    siblings: set[UUID] = set()
    for kind in (ORDER, PAYMENT):
        values = sorted({value for _, of_kind, value in keys if of_kind == kind})
        for first in range(0, len(values), AT_A_TIME):
            named = EventReference.objects.filter(kind=kind, value__in=values[first : first + AT_A_TIME])
            named = named.filter(client__in={client for client, *_ in keys})
            siblings |= {row.event for row in named if (row.client_id, row.kind, row.value) in keys}
    whole = events | _load(siblings - set(events))
    return {pk: event for pk, event in whole.items() if event.type in TOLD_OF and event.state != EventState.PENDING}


def _load(ids: Iterable[UUID]) -> dict[UUID, Event]:
    wanted = sorted(set(ids))
    rows: dict[UUID, Event] = {}
    for first in range(0, len(wanted), AT_A_TIME):
        part = Event.objects.filter(pk__in=wanted[first : first + AT_A_TIME]).only(*_COLUMNS)
        rows |= {event.pk: event for event in part}
    return rows


def _known(order: _Order, labels: Any, alerts: dict[UUID, Known]) -> Known | None:
    said = [labels[event.pk] for event in order.events if event.pk in labels]
    said += [
        (event.occurred_at, Truth.CHARGEBACK) for event in order.events if event.type == EventType.CHARGEBACK_RECEIVED
    ]
    order.charged_back = any(truth is Truth.CHARGEBACK for _, truth in said)
    if said:
        return Known(max(said)[1].bad, LABELS)
    answered = [alerts[event.alert_id] for event in order.payments if event.alert_id in alerts]
    return min(answered, key=lambda known: truths.SOURCES.index(known.by), default=None)


def _key(event: Event) -> Key:
    order, payment = event.body.get("order_id"), (event.body.get("payment") or {}).get("psp_payment_id")
    if order:
        return event.client_id, ORDER, order
    return (event.client_id, PAYMENT, payment) if payment else (event.client_id, "event", event.event_id)


def _asked(event: Event) -> bool:
    """Whether there was something to refuse: a payment that is reported has happened."""
    return event.type != EventType.TRANSACTION_SUCCEEDED


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f") if amount else "0"
