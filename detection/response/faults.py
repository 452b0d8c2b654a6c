"""Detectors that raise are skipped; here it is counted, so that nobody thinks they listen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, Sum

from detection.kernel.records import Verdict
from detection.models import DetectorFault
from detection.response import letters, notifications, rules

LATELY = timedelta(days=1)


def note(verdicts: Sequence[Verdict], now: datetime) -> None:
    """Count, for each detector, the events it could not judge, and tell staff. No query while all is well."""
    for detector, events in Counter(name for verdict in verdicts for name in verdict.broken).items():
        today = {"detector": detector, "day": now.date()}
        DetectorFault.objects.get_or_create(**today, defaults={"last_at": now})
        DetectorFault.objects.filter(**today).update(events=F("events") + events, last_at=now)
        page = letters.page(
            f"/admin_dashboard/rules/{detector}/" if rules.find(detector) else "/admin_dashboard/models/"
        )
        notifications.page_once("detector.broken", context={"detector": detector, "rule_page": page})


def lately(now: datetime) -> dict[str, datetime]:
    """The detectors that failed within a day, and when last."""
    found = DetectorFault.objects.filter(last_at__gt=now - LATELY).order_by("last_at")
    return dict(found.values_list("detector", "last_at"))


def counted() -> dict[str, int]:
    """How many events each detector has failed on since its faults are kept."""
    found = DetectorFault.objects.values("detector").annotate(all=Sum("events")).order_by("detector")
    return dict(found.values_list("detector", "all"))
