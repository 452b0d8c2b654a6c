"""Accepting events: what is answered "accepted" is a committed row with its work-queue row beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from detection.announcements import EventsAccepted, announce
from detection.intake.contacts import learn_contacts
from detection.intake.gate import Gate
from detection.intake.redaction import redact
from detection.intake.references import references
from detection.intake.schema import Draft, validate
from detection.intake.strict_json import Flaw, Malformed, flaws, plain
from detection.kernel.ids import uuid7
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import Trust
from detection.models import Client, Event, EventReference, InboxItem, Member, Receipt


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one event of a request. ``event`` is our id, ``status`` one of accepted, duplicate, rejected,
    conflict (the same event_id came before with another body)."""

    index: int
    event_id: str | None
    status: str
    received_at: datetime
    event: UUID | None = None
    errors: tuple[dict[str, str], ...] = ()


@dataclass(slots=True)
class _Parcel:
    index: int
    draft: Draft
    digest: str
    event: UUID


@dataclass(frozen=True, slots=True)
class _Load:
    """One request's parcels and how they are to be taken."""

    parcels: list[_Parcel]
    client: Client
    trust: Trust
    now: datetime
    historic: bool
    ring: bool


def accept(
    payloads: Sequence[Any],
    *,
    client: Client,
    trust: Trust,
    now: datetime | None = None,
    historic: bool = False,
    ring: bool = True,
) -> list[Item]:
    """Take events in, one item an event in the order given. When this returns, accepted ones are durable.

    ``historic`` takes events of any age and only teaches the features with them: nothing is alerted or locked.
    ``ring=False`` leaves the bell alone, for a caller that judges at once. A constant number of queries, shared with
    whoever else is sending at this moment.
    """
    now = now or timezone.now()
    items: dict[int, Item] = {}
    parcels: list[_Parcel] = []
    for index, payload in enumerate(payloads):
        parcel = _unpack(index, payload, now, historic)
        if isinstance(parcel, Item):
            items[index] = parcel
        else:
            parcels.append(parcel)
    if parcels:
        load = _Load(parcels, client, trust, now, historic, ring)
        # Inside somebody's transaction it is theirs to commit, and no other thread's events belong in it.
        stored = _store([load])[0] if connection.in_atomic_block else _gate.pass_through(load, len(parcels))
        for item in stored:
            items[item.index] = item
    return [items[index] for index in range(len(payloads))]


def _unpack(index: int, payload: Any, now: datetime, historic: bool) -> _Parcel | Item:
    if isinstance(payload, Malformed):
        error = {"pointer": payload.pointer, "code": "malformed", "detail": payload.detail}
        return Item(index, None, "rejected", now, errors=(error,))
    problems = flaws(payload)
    if problems:
        return Item(index, None, "rejected", now, errors=tuple(problems))
    if isinstance(payload, dict) and not any(isinstance(value, Flaw) for value in payload.values()):
        payload = redact(payload)
    draft = validate(payload, now=now, historic=historic)
    if draft.errors:
        claimed = payload.get("event_id") if isinstance(payload, dict) else None
        named = claimed if isinstance(claimed, str) and len(claimed) <= 128 else None
        return Item(index, named, "rejected", now, errors=tuple(draft.errors))
    event = uuid7()
    if draft.event_id is None:
        draft.event_id = str(event)
    return _Parcel(index, draft, _digest(payload), event)


def _digest(payload: dict[str, Any]) -> str:
    canonical = json.dumps(plain(payload), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _store(loads: Sequence[_Load]) -> list[list[Item]]:
    """Several requests in one transaction; each one's items, in order."""
    receipts = [
        Receipt(client=load.client, event_id=p.draft.event_id, digest=p.digest, event=p.event, received_at=load.now)
        for load in loads
        for p in load.parcels
    ]
    with transaction.atomic():
        Receipt.objects.bulk_create(receipts, ignore_conflicts=True)
        found = Receipt.objects.filter(
            client__in={load.client.pk for load in loads}, event_id__in={receipt.event_id for receipt in receipts}
        )
        kept = {(receipt.client_id, receipt.event_id): receipt for receipt in found}
        fresh = [
            (p, load)
            for load in loads
            for p in load.parcels
            if kept[load.client.pk, str(p.draft.event_id)].event == p.event
        ]
        if fresh:
            _insert(fresh)
            ringing = sum(load.ring for _, load in fresh)
            if ringing:
                announce(EventsAccepted(ringing))
    return [[_item(p, kept[load.client.pk, str(p.draft.event_id)]) for p in load.parcels] for load in loads]


_gate: Gate[_Load, list[Item]] = Gate(_store)


def _item(parcel: _Parcel, receipt: Receipt) -> Item:
    if receipt.event == parcel.event:
        status = "accepted"
    elif receipt.digest == parcel.digest:
        status = "duplicate"
    else:
        status = "conflict"
    item = Item(parcel.index, parcel.draft.event_id, status, receipt.received_at, receipt.event)
    if status == "conflict":
        error = {"pointer": "/event_id", "code": "conflict", "detail": "This id was used for another event."}
        item = replace(item, errors=(error,))
    return item


def _insert(fresh: Sequence[tuple[_Parcel, _Load]]) -> None:
    named = {p.draft.member_id for p, _ in fresh if p.draft.member_id}
    members: dict[str, Member] = Member.objects.ensure(named) if named else {}
    events = [_event(p, load, members) for p, load in fresh]
    Event.objects.bulk_create(events)
    InboxItem.objects.bulk_create(
        [
            InboxItem(
                event=event.pk,
                subject=event.subject,
                due_at=load.now,
                created_at=load.now,
                observe_only=load.historic,
            )
            for event, (_, load) in zip(events, fresh, strict=True)
        ]
    )
    names = [name for event in events for name in references(event)]
    if names:
        EventReference.objects.bulk_create(names)
    learn_contacts([event for event in events if event.trust > Trust.LOW])


def _event(parcel: _Parcel, load: _Load, members: dict[str, Member]) -> Event:
    draft = parcel.draft
    subject = EventRecord(
        id="",
        event_id="",
        type=draft.type,
        occurred_at=draft.occurred_at,
        received_at=load.now,
        client_id=load.client.pk,
        member_id=draft.member_id,
        **{name: draft.body.get(name) for name in ("device_id", "email", "payment_method_id", "session_id", "ip")},
    ).subject
    return Event(
        id=parcel.event,
        client=load.client,
        event_id=draft.event_id,
        type=draft.type,
        occurred_at=draft.occurred_at,
        received_at=load.now,
        member=members.get(draft.member_id) if draft.member_id else None,
        subject=subject,
        trust=int(load.trust),
        body=draft.body,
    )
