"""What resolving an alert or lifting a lock changes, remembered with the action so that undo puts that back as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor, iso
from detection.models import Alert, Device, Dispute, LockEvent, Member
from detection.response import locks
from detection.work import unit_of_work

#: Under this name an action keeps it, beside the alert's own fields.
KEPT = "beside"


def noted(alert: Alert) -> dict[str, Any]:
    """How everything stands that resolving may change, JSON-ready. Ask before changing it."""
    open_disputes = Dispute.objects.filter(alert=alert, closed_at=None)
    kept: dict[str, Any] = {"disputes": list(open_disputes.values_list("pk", flat=True))}
    if alert.member is not None:
        row = Member.objects.values("self_service_off_at", "code_failures").get(pk=alert.member_id)
        kept["self_service"] = [iso(row["self_service_off_at"]), row["code_failures"]]
        device = Device.objects.filter(member=alert.member, device_id=alert.device).first() if alert.device else None
        kept["trusted_at"] = iso(device.trusted_at) if device else None
    return kept


def released(kept: dict[str, Any], reasons: Sequence[int]) -> None:
    """Remember the reasons of the lock that was lifted as well."""
    kept["reasons"] = list(reasons)


def put_back(alert: Alert, kept: dict[str, Any], *, actor: Actor) -> None:
    """Everything as it was noted; the lock with the ends it had."""
    Dispute.objects.filter(pk__in=kept.get("disputes", ())).update(closed_at=None)
    member = alert.member
    if member is None or "reasons" not in kept:
        return  # no override
    off_at, failures = kept["self_service"]
    Member.objects.filter(pk=member.pk).update(self_service_off_at=_moment(off_at), code_failures=failures)
    mine = Device.objects.filter(member=member, device_id=alert.device).exclude(device_id="")
    mine.update(trusted_at=_moment(kept["trusted_at"]))
    locks.restore(member, kept["reasons"], actor=actor)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """``member`` is None when there is no such unlock, ``late`` when half a minute has passed or the lock was moved
    since."""

    member: Member | None = None
    late: bool = False


def take_back(action: UUID, *, actor: Actor, now: datetime | None = None) -> TakenBack:
    """Undo an unlock by staff: the lock with the ends it had, and what the member had lost by wrong codes."""
    now = now or timezone.now()
    with unit_of_work(actor) as work:
        event = LockEvent.objects.select_related("member").filter(action=action).first()
        if event is None:
            return TakenBack()
        member = event.member
        row = locks.hold(member)
        if row.version != event.version or now > event.at + conf.UNDO_FOR or locks.own(member, actor):
            return TakenBack(member, late=True)
        off_at, failures = event.kept["self_service"]
        Member.objects.filter(pk=member.pk).update(self_service_off_at=_moment(off_at), code_failures=failures)
        locks.restore(member, event.kept["reasons"], actor=actor, now=now)
        work.audit("unlock.undone", target=member.member_id)
        return TakenBack(member)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
