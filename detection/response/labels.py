"""Labels: what turned out to be fraud and what did not, joined to the event, its order and its alert.

An app labels its own events only. A label that comes before its event waits: it is looked for again after a minute, and
then each time twice as long after it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from detection.conf import NEWEST
from detection.intake.redaction import redact
from detection.intake.schema import Wrong, moment, text
from detection.intake.strict_json import Malformed, escape, flaws
from detection.kernel.records import Actor
from detection.kernel.vocabulary import SPENDING, EventState, EventType, Truth
from detection.models import Client, Event, EventReference, Label, Receipt
from detection.models.label import EVENT, ORDER, PAYMENT
from detection.work import unit_of_work

LOOK_AGAIN = timedelta(minutes=1)
_AT_A_TIME = 400
#: Of an order's events, the one a label is about: the newest try to pay comes first.
_WEIGHT: dict[str, int] = {
    EventType.TRANSACTION_ATTEMPTED: 4,
    EventType.TRANSACTION_SUCCEEDED: 3,
    EventType.PAYMENT_FAILED: 1,
}

Key = tuple[str, str]


@dataclass(slots=True)
class Noted:
    """What became of one label: accepted, duplicate or rejected; ``matched`` says whether its event is known."""

    index: int
    status: str
    label: Label | None = None
    errors: tuple[dict[str, str], ...] = ()

    @property
    def matched(self) -> bool:
        return self.label is not None and self.label.event is not None


def add_many(payloads: Sequence[Any], *, client: Client, actor: Actor, now: datetime | None = None) -> list[Noted]:
    """Take labels in, each on its own; the same key, label and source again is a duplicate. A constant number of
    queries."""
    now = now or timezone.now()
    results: list[Noted] = []
    fresh: dict[tuple[str, ...], Label] = {}
    for index, payload in enumerate(payloads):
        label, errors = _read(payload, client, now)
        if label is None:
            results.append(Noted(index, "rejected", errors=tuple(errors)))
            continue
        mine = fresh.setdefault(_identity(label), label)
        results.append(Noted(index, "accepted" if mine is label else "duplicate", mine))
    if fresh:
        with unit_of_work(actor) as work:
            stored = _store(fresh, client)
            for line in results:
                if line.label is not None:
                    kept = stored[_identity(line.label)]
                    if kept.received_at != now:
                        line.status = "duplicate"
                    line.label = kept
            match([label for label in stored.values() if label.event is None], now=now)
            statuses = [line.status for line in results]
            work.audit(
                "labels.received",
                target=f"client:{client.name}",
                accepted=statuses.count("accepted"),
                duplicates=statuses.count("duplicate"),
            )
    return results


def match_waiting(*, now: datetime | None = None, most: int = 2000) -> int:
    """Look again for the events of labels that wait; how many were found."""
    now = now or timezone.now()
    waiting = list(Label.objects.waiting(now)[:most])
    return sum(match(waiting[start : start + _AT_A_TIME], now=now) for start in range(0, len(waiting), _AT_A_TIME))


def match(labels: Sequence[Label], *, now: datetime) -> int:
    """Join labels to the events they are about, once these are judged; how many were joined."""
    if not labels:
        return 0
    events_of = _candidates(labels)
    rows = _judged({event for events in events_of.values() for event in events})
    joined = 0
    for label in labels:
        found = [
            rows[event] for event in events_of.get((label.client_id, label.kind, label.value), ()) if event in rows
        ]
        if found:
            found.sort(key=_weight, reverse=True)
            about = found[0]
            label.event, label.event_at = about.pk, about.occurred_at
            label.alert = next((row.alert_id for row in found if row.alert_id), None)
            joined += 1
        label.due_at = now + max(LOOK_AGAIN, now - label.received_at)
    Label.objects.bulk_update(labels, ["event", "event_at", "alert", "due_at"], batch_size=_AT_A_TIME)
    return joined


def _candidates(labels: Sequence[Label]) -> dict[tuple[int, str, str], set[UUID]]:
    """The events each label may be about, by client, kind and name."""
    found: dict[tuple[int, str, str], set[UUID]] = {}
    clients = {label.client_id for label in labels}
    names = {kind: {label.value for label in labels if label.kind == kind} for kind in (EVENT, ORDER, PAYMENT)}
    wanted = Q()
    for kind, values in names.items():
        if values:
            wanted |= Q(kind=kind, value__in=values)
    for row in EventReference.objects.filter(wanted, client__in=clients):
        found.setdefault((row.client_id, row.kind, row.value), set()).add(row.event)
    if names[EVENT]:
        for receipt in Receipt.objects.filter(client__in=clients, event_id__in=names[EVENT]):
            found.setdefault((receipt.client_id, EVENT, receipt.event_id), set()).add(receipt.event)
    return found


def _judged(ids: Iterable[UUID]) -> dict[UUID, Event]:
    wanted = sorted(ids)
    rows: dict[UUID, Event] = {}
    for start in range(0, len(wanted), _AT_A_TIME):
        part = Event.objects.filter(pk__in=wanted[start : start + _AT_A_TIME]).exclude(state=EventState.PENDING)
        rows |= {row.pk: row for row in part.only("pk", "type", "occurred_at", "alert_id")}
    return rows


def _weight(event: Event) -> tuple[int, datetime]:
    return _WEIGHT.get(event.type, 2 if event.type in SPENDING else 0), event.occurred_at


def _store(fresh: dict[tuple[str, ...], Label], client: Client) -> dict[tuple[str, ...], Label]:
    Label.objects.bulk_create(fresh.values(), ignore_conflicts=True)
    values = {label.value for label in fresh.values()}
    kept = {_identity(row): row for row in Label.objects.filter(client=client, value__in=values)}
    return {identity: kept[identity] for identity in fresh}


def _identity(label: Label) -> tuple[str, ...]:
    return label.kind, label.value, str(label.label), label.source


# --- what a label may say -----------------------------------------------------------------------------------


def _truth(value: Any) -> str:
    if not isinstance(value, str) or value not in {truth.value for truth in Truth}:
        raise Wrong("invalid_choice", f"One of {', '.join(truth.value for truth in Truth)}.")
    return value


def _payment(value: Any) -> str:
    if not isinstance(value, dict) or set(value) != {"psp_payment_id"}:
        raise Wrong("not_a_payment", "An object with nothing but psp_payment_id.")
    try:
        return text(128)(value["psp_payment_id"])
    except Wrong as wrong:
        raise Wrong(wrong.code, wrong.detail, "/psp_payment_id") from None


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "event_id": text(128),
    "order_id": text(128),
    "psp_payment_id": text(128),
    "payment": _payment,
    "label": _truth,
    "decided_at": moment,
    "source": text(64, 0),
}
_KINDS = {"event_id": EVENT, "order_id": ORDER, "psp_payment_id": PAYMENT, "payment": PAYMENT}


def _read(payload: Any, client: Client, now: datetime) -> tuple[Label | None, list[dict[str, str]]]:
    """A label as a row, or what is wrong with it."""
    if isinstance(payload, Malformed):
        return None, [_error(payload.pointer, "malformed", payload.detail)]
    errors = flaws(payload)
    if errors:
        return None, errors
    if not isinstance(payload, dict):
        return None, [_error("", "not_an_object", "A label is a JSON object.")]
    clean: dict[str, Any] = {}
    for name, value in payload.items():
        checker = _FIELDS.get(name)
        try:
            if checker is None:
                raise Wrong("unknown_field", "Unknown field.")
            if value is not None:
                clean[name] = checker(value)
        except Wrong as wrong:
            errors.append(_error(f"/{escape(name)}{wrong.below}", wrong.code, wrong.detail))
    given = [name for name in _KINDS if payload.get(name) is not None]
    if len(given) != 1:
        errors.append(
            _error("", "required", "Exactly one of event_id, order_id and psp_payment_id says what is meant.")
        )
    if payload.get("label") is None:
        errors.append(_error("/label", "required", "Every label says what it was."))
    if clean.get("decided_at", now) > now + NEWEST:
        errors.append(_error("/decided_at", "in_the_future", "More than two minutes ahead of our clock."))
    if errors:
        return None, errors
    kind = _KINDS[given[0]]
    label = Label(
        client=client,
        kind=kind,
        value=_as_kept(kind, clean[given[0]]),
        label=clean["label"],
        source=clean.get("source", ""),
        decided_at=clean.get("decided_at", now),
        received_at=now,
        due_at=now + LOOK_AGAIN,
    )
    return label, []


def _as_kept(kind: str, value: str) -> str:
    """A name as intake keeps it: one that is a card number is no longer one."""
    if kind == ORDER:
        return str(redact({"order_id": value})["order_id"])
    if kind == PAYMENT:
        return str(redact({"payment": {"psp_payment_id": value}})["payment"]["psp_payment_id"])
    return value


def _error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}
