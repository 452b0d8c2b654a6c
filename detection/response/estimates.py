"""What to expect of a rule: how many alerts, how sure that is, and from where on it has run away.

An estimate comes from a back-test, or from the rule's own past week when that says enough. The busiest hour and day
that were seen count too, for alerts come in bursts and not evenly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from detection.kernel.intervals import byar
from detection.kernel.records import iso
from detection.response.rates import DAY, HOUR, Rate

BACKTEST, PAST_WEEK = "backtest", "past_week"
#: A rule never trips below so many alerts, whatever was expected of it.
LEAST_AN_HOUR, LEAST_A_DAY = 20, 50
#: How far beyond what was expected or seen it may go.
TIMES_AN_HOUR, TIMES_A_DAY = 3, 2
#: A past week with fewer alerts than this expects nothing in particular.
ENOUGH = 20

Estimate = dict[str, Any]


def of_moments(
    moments: Iterable[datetime], *, start: datetime, end: datetime, source: str, made_at: datetime
) -> Estimate:
    """The estimate of alerts raised at these moments between start and end."""
    hours: Counter[int] = Counter()
    days: Counter[int] = Counter()
    for moment in moments:
        hours[int((moment - start) / HOUR)] += 1
        days[int((moment - start) / DAY)] += 1
    return _estimate(hours, days, length=end - start) | {"source": source, "made_at": iso(made_at)}


def of_past_week(rate: Rate, now: datetime) -> Estimate | None:
    """The estimate of a rule's seven days before the last one; None when they say too little."""
    end = now - DAY
    start = end - 7 * DAY
    within = {hour: count for hour, count in rate.hours.items() if start <= hour < end}
    if sum(within.values()) < ENOUGH:
        return None
    moments = (hour for hour, count in within.items() for _ in range(count))
    return of_moments(moments, start=start, end=end, source=PAST_WEEK, made_at=now)


def kept(estimate: Estimate | None) -> Estimate | None:
    """An estimate as it was stored, if it is one."""
    return estimate if isinstance(estimate, Mapping) and "hour_limit" in estimate else None


def _estimate(hours: Counter[int], by_day: Counter[int], *, length: timedelta) -> Estimate:
    alerts, days = hours.total(), max(length / DAY, HOUR / DAY)
    low, high = (bound / days for bound in byar(alerts))
    an_hour = max(byar(high / 24)[1], max(hours.values(), default=0))
    a_day = max(byar(high)[1], max(by_day.values(), default=0))
    return {
        "alerts": alerts,
        "days": round(days, 2),
        "per_day": round(alerts / days, 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "hour_limit": max(LEAST_AN_HOUR, ceil(TIMES_AN_HOUR * an_hour)),
        "day_limit": max(LEAST_A_DAY, ceil(TIMES_A_DAY * a_day)),
    }
