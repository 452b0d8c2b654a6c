"""What we hold about a member: handed out whole, or erased."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import QuerySet

from detection.announcements import DutyChanged, announce
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import ListKind
from detection.models import (
    AccountLock,
    Alert,
    Contact,
    Decision,
    Device,
    Dispute,
    Event,
    EventReference,
    InboxItem,
    Label,
    ListEntry,
    LockEvent,
    Member,
    Notification,
    Remark,
)
from detection.response import accounts, members, remarks, sessions
from detection.work import unit_of_work


def export(member: Member, *, actor: Actor) -> dict[str, Any]:
    """Everything of this member, JSON-ready and in clear, without what it would tell about our rules. Audited."""
    with unit_of_work(actor) as work:
        work.audit("member.exported", target=member.member_id)
    mine = {"member": member}
    alerts = Alert.objects.select_related("member", "assignee").filter(**mine).order_by("created_at", "id")
    return {
        "overview": members.overview(member),
        "locale": member.locale,
        "language": member.language,
        "time_zone": member.time_zone,
        "contacts": [
            {"kind": c.kind, "value": c.value, "added_at": iso(c.added_at), "verified_at": iso(c.verified_at)}
            for c in Contact.objects.filter(**mine).order_by("added_at", "id")
        ],
        "devices": [
            {
                "device_id": d.device_id,
                "agent": d.agent,
                "country": d.country,
                "first_seen_at": iso(d.first_seen_at),
                "last_seen_at": iso(d.last_seen_at),
            }
            for d in Device.objects.filter(**mine).order_by("first_seen_at", "id")
        ],
        "events": [
            {"event_id": e.event_id, "type": e.type, "occurred_at": iso(e.occurred_at), **e.body}
            for e in Event.objects.of_member(member).iterator(chunk_size=2000)
        ],
        "alerts": [alert.record().member_wire() for alert in alerts],
        "lock_history": [
            {"at": iso(e.at), "before": e.before, "after": e.after, "code": e.code, "text": e.text}
            for e in LockEvent.objects.filter(**mine).order_by("version")
        ],
        "disputes": [
            {"reference": d.reference, "answer": d.answer, "opened_at": iso(d.opened_at), "closed_at": iso(d.closed_at)}
            for d in Dispute.objects.filter(**mine).order_by("opened_at", "id")
        ],
        "labels": [
            {label.get_kind_display(): label.value, "label": label.label, "decided_at": iso(label.decided_at)}
            for label in Label.objects.filter(event__in=Event.objects.filter(**mine).values("pk")).order_by(
                "decided_at"
            )
        ],
        "notes_of_staff": [
            {"at": iso(r.at), "text": r.text}
            for r in Remark.objects.filter(kind=remarks.MEMBER, name=member.member_id).order_by("at", "id")
        ],
        "notifications": [n.wire() for n in Notification.objects.filter(**mine).order_by("created_at", "id")],
    }


def _erase_labels(events: QuerySet[Event]) -> None:
    """What was said of these events, and the names they were known by."""
    Label.objects.filter(event__in=events).delete()
    EventReference.objects.filter(event__in=events).delete()


def held(member: Member) -> dict[str, int]:
    """How much there is of each kind: what erasing would take."""
    tables = (Event, Alert, Device, Contact, Notification, LockEvent, Dispute)
    return {model._meta.model_name or "": model.objects.filter(member=member).count() for model in tables}


def erase(member: Member, *, actor: Actor) -> dict[str, int]:
    """Erase a member and everything that hangs on them; how much there was of each kind.

    The audit trail keeps that it happened, under a digest of the id. Entries written before keep the shop's id in them:
    the chain would not verify without it. The member's user goes too, unless it is one of the staff.
    """
    counts = held(member)
    user = member.user
    with unit_of_work(actor) as work:
        events = Event.objects.filter(member=member)
        Decision.objects.filter(event__in=events).delete()
        _erase_labels(events)
        InboxItem.objects.filter(event__in=events).delete()
        if user is not None:
            sessions.end([user.pk])
        AccountLock.objects.filter(member=member).delete()
        Remark.objects.filter(kind=remarks.MEMBER, name=member.member_id).delete()
        if ListEntry.objects.filter(kind=ListKind.MEMBER, value=member.member_id).delete()[0]:
            announce(DutyChanged())
        digest = hashlib.sha256(member.member_id.encode()).hexdigest()
        member.delete()
        if user is not None and accounts.role_of(user) is None:
            user.delete()
        work.audit("member.erased", target=f"erased:{digest[:16]}", counts=counts)
    return counts
