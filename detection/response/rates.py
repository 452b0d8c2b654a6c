"""How often each detector speaks in new alerts: now, and hour by hour over the days before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour

from detection.models import AlertDetector

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHOWN = 14  # days of a trend


@dataclass(slots=True)
class Rate:
    """One detector's alerts. ``days`` are whole days that end now, oldest first; ``hours`` those that had any."""

    day: int = 0
    week: int = 0
    days: list[int] = field(default_factory=lambda: [0] * SHOWN)
    hours: dict[datetime, int] = field(default_factory=dict)


def of_all(now: datetime) -> Mapping[str, Rate]:
    """Each detector's alerts of the last two weeks. One query."""
    found: defaultdict[str, Rate] = defaultdict(Rate)
    first = now - SHOWN * DAY
    counted = (
        AlertDetector.objects.filter(alert__created_at__gt=first, alert__created_at__lte=now)
        .annotate(hour=TruncHour("alert__created_at"))
        .values_list("detector", "hour")
        .annotate(
            count=Count("pk"),
            day=Count("pk", filter=Q(alert__created_at__gt=now - DAY)),
            week=Count("pk", filter=Q(alert__created_at__gt=now - 7 * DAY)),
        )
    )
    for detector, hour, count, day, week in counted:
        rate = found[detector]
        rate.day += day
        rate.week += week
        rate.hours[hour] = count
        rate.days[min(SHOWN - 1, max(0, int((hour + HOUR / 2 - first) / DAY)))] += count
    return found


def since(moments: Mapping[str, datetime]) -> dict[str, int]:
    """How many alerts each of these detectors spoke in that were raised after its moment. One query."""
    if not moments:
        return {}
    wanted = Q()
    for detector, moment in moments.items():
        wanted |= Q(detector=detector, alert__created_at__gt=moment)
    counted = AlertDetector.objects.filter(wanted).values_list("detector").annotate(count=Count("pk"))
    return dict.fromkeys(moments, 0) | dict(counted)
