"""Whose a device is, once somebody has proved or denied it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from detection.announcements import DeviceDisowned, announce
from detection.kernel.records import Actor
from detection.models import Alert, Device, Dispute, Member
from detection.work import unit_of_work


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


def of(member: Member) -> list[Device]:
    """The devices the member has used, the one used last first; without those forgotten and not seen since."""
    gone = Q(forgotten_at__isnull=False, last_seen_at__lte=F("forgotten_at"))
    return list(Device.objects.filter(member=member).exclude(gone).order_by("-last_seen_at", "pk"))


def name(device_pk: int, member: Member, *, name: str) -> bool:
    """Call one of the member's devices by a name; whether there is such a one."""
    return bool(Device.objects.filter(pk=device_pk, member=member).update(name=" ".join(name.split())[:120]))


def forget(device_pk: int, member: Member, *, actor: Actor, now: datetime | None = None) -> bool:
    """Make a device new again: what it did until now proves nothing any more. A disowned one stays disowned."""
    with unit_of_work(actor) as work:
        device = Device.objects.filter(pk=device_pk, member=member).first()
        if device is None:
            return False
        Device.objects.filter(pk=device.pk).update(forgotten_at=now or timezone.now(), trusted_at=None, name="")
        announce(DeviceDisowned(member.member_id, device.device_id))
        work.audit("device.forgotten", target=member.member_id, actor=actor)
        return True


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
