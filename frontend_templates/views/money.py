"""What it was worth: money stopped and lost, good orders hindered, by day and by rule."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from api.errors import Problem
from api.views.outcomes import USUAL_PERIOD, period
from detection.kernel.detector import registered
from detection.response import money, sheets
from detection.response.money import DAY
from frontend_templates import drawing
from frontend_templates.access import staff_page

COLUMNS = ("day", "currency", "stopped", "lost", "stopped_orders", "lost_orders", "good_orders", "hindered_orders")
PERIODS = (7, 30, 90, 365)
MOST_DAYS = 92  # beyond that the drawing goes by weeks


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """The period's sums, drawn by day, with days and rules in tables. The period stands in the address."""
    start, end, fault = _period(request)
    found = money.report(start, end)
    currencies = [one["currency"] for one in found["total"]["amounts"]]
    currency = request.GET.get("currency", "")
    currency = currency if currency in currencies else _busiest(found["total"])
    titles = {cls.id: cls.title for cls in registered()}
    today = timezone.now().date()
    context = {
        "section": "money",
        "start": start,
        "end": end,
        "last_day": (end - timedelta(microseconds=1)).date(),
        "fault": fault,
        "total": found["total"],
        "hindered": _percent(found["total"]),
        "empty": not any(found["total"][f"{name}_orders"] for name in ("stopped", "lost", "good")),
        "currencies": currencies,
        "currency": currency,
        "chart": _chart(found["days"], start, end, currency),
        "days": found["days"][::-1],
        "rules": sorted(
            ({**row, "title": titles.get(row["rule"], row["rule"]), "share": _percent(row)} for row in found["rules"]),
            key=lambda row: (-row["stopped_orders"] - row["lost_orders"], row["rule"]),
        ),
        "periods": [{"days": days, "from": today - timedelta(days=days - 1)} for days in PERIODS],
        "today": today,
        "query": f"from={start.date()}&to={(end - timedelta(microseconds=1)).date()}",
    }
    return render(request, "operator/money.html", context)


@staff_page
def export(request: HttpRequest) -> HttpResponse:
    """The days of the period as a table, a line for each currency."""
    start, end, _ = _period(request)
    rows = []
    for day in money.report(start, end)["days"]:
        counts = [str(day[f"{name}_orders"]) for name in ("stopped", "lost", "good", "hindered")]
        amounts = day["amounts"] or [{"currency": "", "stopped": "0", "lost": "0"}]
        rows += [[day["day"], amount["currency"], amount["stopped"], amount["lost"], *counts] for amount in amounts]
    sheet = HttpResponse(sheets.written(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    sheet["Content-Disposition"] = f'attachment; filename="money-{start.date()}-{end.date()}.csv"'
    return sheet


def _period(request: HttpRequest) -> tuple[datetime, datetime, str]:
    """The period of the address, else the last thirty days; and what was wrong with it."""
    params = {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    params = params or {"from": (timezone.now().date() - USUAL_PERIOD + timedelta(days=1)).isoformat()}
    try:
        return *period(params), ""
    except Problem as problem:
        end = timezone.now()
        return end - USUAL_PERIOD, end, problem.errors[0]["detail"]


def _busiest(total: dict[str, Any]) -> str:
    amounts = sorted(total["amounts"], key=lambda one: -(Decimal(one["stopped"]) + Decimal(one["lost"])))
    return str(amounts[0]["currency"]) if amounts else ""


def _chart(days: list[dict[str, Any]], start: datetime, end: datetime, currency: str) -> dict[str, Any]:
    """Stopped beside lost for every day of the period, empty ones too; for every week of a long one."""
    step = 1 if end - start <= MOST_DAYS * DAY else 7
    worth: dict[str, tuple[float, float]] = {}
    for row in days:
        for amount in row["amounts"]:
            if amount["currency"] == currency:
                worth[row["day"]] = float(amount["stopped"]), float(amount["lost"])
    rows = []
    day, last = start.date(), (end - timedelta(microseconds=1)).date()
    while day <= last:
        part = [worth.get((day + timedelta(days=n)).isoformat(), (0.0, 0.0)) for n in range(step)]
        rows.append((day.isoformat(), sum(good for good, _ in part), sum(bad for _, bad in part)))
        day += timedelta(days=step)
    drawn = drawing.pairs(rows)
    for bar, (_, good, bad) in zip(drawn["rows"], rows, strict=True):
        bar |= {"stopped": f"{good:,.2f}", "lost": f"{bad:,.2f}"}
    return drawn | {"weekly": step == 7, "first": rows[0][0], "end": rows[-1][0], "top": f"{drawn['most']:,.0f}"}


def _percent(row: dict[str, Any]) -> float | None:
    """How many of the good orders were hindered, in percent."""
    return 100 * row["hindered_orders"] / row["good_orders"] if row["good_orders"] else None
