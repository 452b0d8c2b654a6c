"""Alerts that were put aside come back when their time is up. They are back by comparison; this tells open pages."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import FrameKind
from detection.models import Alert
from detection.work import unit_of_work


def wake_due(*, now: datetime | None = None, limit: int = 500) -> int:
    """Take up again what was put aside until now, and say so live to staff; how many."""
    due = Alert.objects.filter(snoozed_until__lte=now or timezone.now())
    if not due.exists():
        return 0  # a look takes nobody's turn to write
    with unit_of_work(SYSTEM) as work:
        held = due.select_related("member", "assignee").select_for_update(of=("self",)).order_by("snoozed_until", "pk")
        woken = list(held[:limit])
        for alert in woken:
            alert.snoozed_until = None
            work.tell(FrameKind.ALERT_CHANGED, alert=alert, member=alert.member, for_member=False)
        Alert.objects.bulk_update(woken, ["snoozed_until"])
    return len(woken)
