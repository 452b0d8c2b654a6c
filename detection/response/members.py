"""What a member looks like from outside: the answer of ``GET members/{id}/`` and ``GET me/``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from detection.kernel.records import iso
from detection.kernel.vocabulary import AlertStatus
from detection.models import Alert, Contact, Device, Dispute, Event, Member
from detection.response import health, standing


def overview(member: Member, *, now: datetime | None = None) -> dict[str, Any]:
    """A member's whole state, JSON-ready, contacts masked. A constant number of queries."""
    lock = standing.of(member, now=now)
    contacts = Contact.objects.filter(member=member).order_by("added_at", "pk")
    unresolved = Alert.objects.filter(member=member).exclude(status=AlertStatus.RESOLVED)
    disputes = Dispute.objects.filter(member=member, answer=Dispute.NOT_ME, closed_at=None)
    last = Event.objects.of_member(member).values_list("occurred_at", flat=True).first()
    return {
        "member_id": member.member_id,
        "health": health.of(member, now=now).wire(),
        "lock": lock.wire() if lock else None,
        "open_alerts": unresolved.count(),
        "open_disputes": list(
            disputes.exclude(alert__status=AlertStatus.RESOLVED)
            .order_by("opened_at")
            .values_list("reference", flat=True)
        ),
        "devices": Device.objects.filter(member=member, distrusted_at=None).count(),
        "contacts": [_contact(contact) for contact in contacts],
        "self_service": member.self_service_off_at is None,
        "joined_at": iso(member.joined_at),
        "created_at": iso(member.created_at),
        "last_seen_at": iso(last),
    }


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "kind": contact.kind,
        "value": contact.masked,
        "verified": contact.verified_at is not None,
        "held": contact.held,
    }
