"""Accepting events: what is answered "accepted" is a committed row with its work-queue row beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from detection.announcements import EventsAccepted, announce
from detection.intake import entry
from detection.intake.contacts import learn_contacts
from detection.intake.gate import Gate
from detection.intake.redaction import redact
from detection.intake.references import references
from detection.intake.schema import Draft, validate
from detection.intake.strict_json import Flaw, Malformed, flaws
from detection.intake.taken import Taken
from detection.kernel.ids import uuid7
from detection.kernel.records import subject_of
from detection.kernel.vocabulary import Trust
from detection.models import Client, EventReference, Member, Receipt


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
    return hashlib.sha256(_canonical(payload).encode()).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=float).encode
_text = msgspec.json.Encoder().encode


def _store(loads: Sequence[_Load]) -> list[list[Item]]:
    """Several requests in one transaction; each one's items, in order."""
    sent = [(p, load) for load in loads for p in load.parcels]
    at_once = connection.vendor == "postgresql"
    # A statement is a transaction of its own; one that teaches contacts, or is part of somebody's, is not all there is.
    alone = at_once and not connection.in_atomic_block and not any(_teaches_contacts(p, load) for p, load in sent)
    with nullcontext() if alone else transaction.atomic():
        fresh = _enter(sent) if at_once else _insert_in_turn(sent)
        kept = _kept(sent) if len(fresh) < len(sent) else {}
        ringing = sum(load.ring for _, load in fresh)
        if ringing:
            announce(EventsAccepted(ringing))
    return [[_item(p, load, kept) for p in load.parcels] for load in loads]


def _teaches_contacts(parcel: _Parcel, load: _Load) -> bool:
    body = parcel.draft.body
    return load.trust > Trust.LOW and bool(body.get("email") or body.get("phone"))


def _enter(sent: Sequence[tuple[_Parcel, _Load]]) -> list[tuple[_Parcel, _Load]]:
    """Take in what is new by one statement; which that was."""
    events = {p.event: _taken(p, load, {}) for p, load in sent}
    entries = [
        entry.Entry(events[p.event], p.digest, p.draft.member_id, _text(p.draft.body).decode(), load.historic)
        for p, load in sent
    ]
    members = entry.insert(entries)
    fresh = [(p, load) for p, load in sent if p.event in members]
    teaching = [events[p.event] for p, load in fresh if _teaches_contacts(p, load)]
    for event in teaching:
        event.member_id = members[event.pk]
    learn_contacts(teaching)
    return fresh


def _insert_in_turn(sent: Sequence[tuple[_Parcel, _Load]]) -> list[tuple[_Parcel, _Load]]:
    """The same table by table, for a database that cannot put it into one statement."""
    taken = entry.RECEIPTS.insert_new(
        [(load.client.pk, p.draft.event_id, p.digest, p.event, load.now) for p, load in sent], returning="event"
    )
    fresh = [(p, load) for p, load in sent if p.event in taken or p.event.hex in taken]
    if fresh:
        _insert(fresh)
    return fresh


def _kept(sent: Sequence[tuple[_Parcel, _Load]]) -> dict[tuple[int, str], Receipt]:
    """The receipts of these ids, for a request that repeats some."""
    found = Receipt.objects.filter(
        client__in={load.client.pk for _, load in sent}, event_id__in={str(p.draft.event_id) for p, _ in sent}
    )
    return {(receipt.client_id, receipt.event_id): receipt for receipt in found}


_gate: Gate[_Load, list[Item]] = Gate(_store)


def _item(parcel: _Parcel, load: _Load, kept: Mapping[tuple[int, str], Receipt]) -> Item:
    receipt = kept.get((load.client.pk, str(parcel.draft.event_id)))
    if receipt is None or receipt.event == parcel.event:
        return Item(parcel.index, parcel.draft.event_id, "accepted", load.now, parcel.event)
    if receipt.digest == parcel.digest:
        return Item(parcel.index, parcel.draft.event_id, "duplicate", receipt.received_at, receipt.event)
    error = {"pointer": "/event_id", "code": "conflict", "detail": "This id was used for another event."}
    return Item(parcel.index, parcel.draft.event_id, "conflict", receipt.received_at, receipt.event, errors=(error,))


def _insert(fresh: Sequence[tuple[_Parcel, _Load]]) -> None:
    named = {p.draft.member_id for p, _ in fresh if p.draft.member_id}
    members = Member.objects.keys_of(named) if named else {}
    taken = [_taken(p, load, members) for p, load in fresh]
    entry.EVENTS.insert(
        [
            (e.pk, e.client_id, e.event_id, e.type, e.occurred_at, e.received_at, e.member_id, e.subject, e.trust, text)
            for e in taken
            for text in (_text(e.body).decode(),)
        ]
    )
    entry.INBOX.insert(
        [(e.pk, e.subject, load.now, load.now, load.historic) for e, (_, load) in zip(taken, fresh, strict=True)]
    )
    names = [name for event in taken for name in references(event)]
    if names:
        EventReference.objects.bulk_create(names)
    learn_contacts([event for event in taken if event.trust > Trust.LOW])


def _taken(parcel: _Parcel, load: _Load, members: Mapping[str, int]) -> Taken:
    draft = parcel.draft
    body = draft.body
    subject = subject_of(
        draft.member_id,
        body.get("device_id"),
        body.get("email"),
        body.get("payment_method_id"),
        body.get("session_id"),
        body.get("ip"),
        load.client.pk,
    )
    return Taken(
        parcel.event,
        load.client.pk,
        str(draft.event_id),
        draft.type,
        draft.occurred_at,
        load.now,
        members.get(draft.member_id or ""),
        subject,
        int(load.trust),
        body,
    )
