"""How often each detector speaks in new alerts: now, and hour by hour over the days before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import CharField, Count, Q
from django.db.models.functions import Cast, Substr

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
        .annotate(hour=Substr(Cast("alert__created_at", CharField()), 1, 13))  # "2026-11-22 19", in UTC
        .values_list("detector", "hour")
        .annotate(
            count=Count("pk"),
            day=Count("pk", filter=Q(alert__created_at__gt=now - DAY)),
            week=Count("pk", filter=Q(alert__created_at__gt=now - 7 * DAY)),
        )
    )
    for detector, text, count, day, week in counted:
        hour = datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)
        rate = found[detector]
        rate.day += day
        rate.week += week
        rate.hours[hour] = count
        rate.days[min(SHOWN - 1, max(0, int((hour + HOUR / 2 - first) / DAY)))] += count
    return found


def of_the_day(now: datetime) -> Mapping[str, tuple[int, int]]:
    """Each detector's alerts of the last hour and of the last day. One query."""
    lately = AlertDetector.objects.filter(alert__created_at__gt=now - DAY, alert__created_at__lte=now)
    hour, day = Count("pk", filter=Q(alert__created_at__gt=now - HOUR)), Count("pk")
    return {row[0]: row[1:] for row in lately.values_list("detector").annotate(hour=hour, day=day)}


def since(moments: Mapping[str, datetime]) -> dict[str, int]:
    """How many alerts each of these detectors spoke in that were raised after its moment. One query."""
    if not moments:
        return {}
    wanted = Q()
    for detector, moment in moments.items():
        wanted |= Q(detector=detector, alert__created_at__gt=moment)
    counted = AlertDetector.objects.filter(wanted).values_list("detector").annotate(count=Count("pk"))
    return dict.fromkeys(moments, 0) | dict(counted)
