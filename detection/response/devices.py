"""Whose a device is, once somebody has proved or denied it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from detection.announcements import DeviceDisowned, announce
from detection.models import Alert, Device, Dispute, Member


def disown(alert: Alert, member: Member) -> bool:
    """The member says the alert's device is not theirs; whether there is one."""
    if not alert.device:
        return False
    _mark(alert, member, trusted_at=None, distrusted_at=timezone.now())
    announce(DeviceDisowned(member.member_id, alert.device))
    return True


def trust(alerts: Collection[UUID], member: Member) -> None:
    """The devices of these alerts are the member's: a one-time code or staff have shown it. Without this the payment
    that was stopped would be stopped again the moment the lock is gone. A disowned device stays disowned."""
    denied = Dispute.objects.filter(alert__in=alerts, answer=Dispute.NOT_ME, closed_at=None).values("alert")
    for alert in Alert.objects.filter(pk__in=alerts, member=member).exclude(device="").exclude(pk__in=denied):
        if not Device.objects.filter(member=member, device_id=alert.device, distrusted_at__isnull=False).exists():
            _mark(alert, member, trusted_at=timezone.now(), distrusted_at=None)


def trusted(members: Collection[int]) -> dict[tuple[int, str], datetime]:
    """Since when each of these members' proved devices is trusted. One query."""
    found = Device.objects.filter(member__in=members, trusted_at__isnull=False, distrusted_at=None)
    return {(member, device): since for member, device, since in found.values_list("member", "device_id", "trusted_at")}


def _mark(alert: Alert, member: Member, *, trusted_at: datetime | None, distrusted_at: datetime | None) -> None:
    Device.objects.update_or_create(
        member=member,
        device_id=alert.device,
        defaults={"trusted_at": trusted_at, "distrusted_at": distrusted_at},
        create_defaults={
            "country": alert.country,
            "first_seen_at": alert.first_seen_at,
            "last_seen_at": alert.last_seen_at,
            "trusted_at": trusted_at,
            "distrusted_at": distrusted_at,
        },
    )
