"""What resolving an alert changes beside it, remembered with the action so that undo puts that back as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from detection.kernel.records import Actor, iso
from detection.models import Alert, Device, Dispute, Member
from detection.response import locks

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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
