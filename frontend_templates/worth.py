"""Money reports as pages show them: the busiest currency, the share that was hindered, columns day by day."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from detection.response import money
from detection.response.money import DAY
from frontend_templates import drawing

MOST_DAYS = 92  # beyond that the drawing goes by weeks
LATELY = timedelta(days=30)
#: A count is kept for this long, and for this many times as long as it took: at most a fiftieth of the time is spent
#: on it, however many orders a shop has.
KEPT_FOR, TIMES_ITS_COST = 15, 50


def lately() -> dict[str, Any]:
    """What the last thirty days were worth, as it was counted a moment ago."""
    kept: dict[str, Any] | None = cache.get("worth")
    if kept is None:
        begun = time.perf_counter()
        until = timezone.now()
        start = datetime.combine(until.date() - LATELY + DAY, datetime.min.time(), tzinfo=until.tzinfo)
        found = money.report(start, until)
        kept = shown(found, start, until, busiest(found["total"]))
        cache.set("worth", kept, max(KEPT_FOR, TIMES_ITS_COST * (time.perf_counter() - begun)))
    return kept


def shown(found: dict[str, Any], start: datetime, end: datetime, currency: str) -> dict[str, Any]:
    """A report with its drawing in one currency, and its first and last day."""
    return {
        "total": found["total"],
        "hindered": percent(found["total"]),
        "empty": not any(found["total"][f"{name}_orders"] for name in ("stopped", "lost", "good")),
        "currency": currency,
        "others": [one for one in found["total"]["amounts"] if one["currency"] != currency],
        "chart": chart(found["days"], start, end, currency),
        "first_day": start.date(),
        "last_day": last_day(end),
    }


def busiest(total: dict[str, Any]) -> str:
    """The currency most was at stake in."""
    amounts = sorted(total["amounts"], key=lambda one: -(Decimal(one["stopped"]) + Decimal(one["lost"])))
    return str(amounts[0]["currency"]) if amounts else ""


def percent(row: dict[str, Any]) -> float | None:
    """How many of the good orders were hindered, in percent."""
    return 100 * row["hindered_orders"] / row["good_orders"] if row["good_orders"] else None


def last_day(end: datetime) -> date:
    """The last day a period touches."""
    return (end - timedelta(microseconds=1)).date()


def chart(days: list[dict[str, Any]], start: datetime, end: datetime, currency: str) -> dict[str, Any]:
    """Stopped beside lost for every day of the period, empty ones too; for every week of a long one."""
    step = 1 if end - start <= MOST_DAYS * DAY else 7
    worth: dict[str, tuple[float, float]] = {}
    for row in days:
        for amount in row["amounts"]:
            if amount["currency"] == currency:
                worth[row["day"]] = float(amount["stopped"]), float(amount["lost"])
    rows = []
    day, last = start.date(), last_day(end)
    while day <= last:
        part = [worth.get((day + timedelta(days=n)).isoformat(), (0.0, 0.0)) for n in range(step)]
        rows.append((day.isoformat(), sum(good for good, _ in part), sum(bad for _, bad in part)))
        day += timedelta(days=step)
    drawn = drawing.pairs(rows)
    for bar, (first, good, bad) in zip(drawn["rows"], rows, strict=True):
        until = min(date.fromisoformat(first) + timedelta(days=step - 1), last).isoformat()
        bar |= {"until": until, "stopped": f"{good:,.2f}", "lost": f"{bad:,.2f}", "some": bool(good or bad)}
    return drawn | {"weekly": step == 7, "first": rows[0][0], "end": rows[-1][0], "top": f"{drawn['most']:,.0f}"}
