"""What it was worth: money stopped and lost, good orders hindered, by day and by rule, down to the orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from api.errors import Problem
from api.views.outcomes import USUAL_PERIOD, period
from detection.kernel.detector import registered
from detection.models import Member
from detection.response import money, sheets
from detection.response.money import GOOD, HINDERED, LOST, STOPPED, Told
from frontend_templates import worth
from frontend_templates.access import staff_page

COLUMNS = ("day", "currency", "stopped", "lost", "stopped_orders", "lost_orders", "good_orders", "hindered_orders")
PERIODS = (7, 30, 90, 365)
FATES = (STOPPED, LOST, HINDERED)
ORDERS = 50


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """The period's sums, drawn by day, with days, rules and orders in tables. The period stands in the address."""
    start, end, fault = _period(request)
    orders = money.told(start, end)
    found = money.report(start, end, orders)
    currencies = [one["currency"] for one in found["total"]["amounts"]]
    currency = request.GET.get("currency", "")
    currency = currency if currency in currencies else worth.busiest(found["total"])
    titles = {cls.id: cls.title for cls in registered()}
    today = timezone.now().date()
    fate = request.GET.get("fate", "")
    fate = fate if fate in FATES else ""
    fitting = [order for order in orders if (order.fate == fate if fate else order.fate != GOOD)]
    context = {
        **worth.shown(found, start, end, currency),
        "section": "money",
        "start": start,
        "fault": fault,
        "currencies": currencies,
        "days": found["days"][::-1],
        "rules": sorted(
            (
                {**row, "title": titles.get(row["rule"], row["rule"]), "known": row["rule"] in titles}
                for row in found["rules"]
            ),
            key=lambda row: (-row["stopped_orders"] - row["lost_orders"], row["rule"]),
        ),
        "orders": _lines(fitting[:ORDERS], titles),
        "more": max(len(fitting) - ORDERS, 0),
        "fate": fate,
        "fates": FATES,
        "periods": [{"days": days, "from": today - timedelta(days=days - 1)} for days in PERIODS],
        "today": today,
        "query": f"from={start.date()}&to={worth.last_day(end)}",
    }
    return render(request, "operator/money.html", context)


@staff_page
def export(request: HttpRequest) -> HttpResponse:
    """The days of the period as a table, a line for each currency."""
    start, end, _ = _period(request)
    rows = []
    for day in money.report(start, end)["days"]:
        counts = [str(day[f"{name}_orders"]) for name in (STOPPED, LOST, GOOD, HINDERED)]
        amounts = day["amounts"] or [{"currency": "", "stopped": "0", "lost": "0"}]
        rows += [[day["day"], amount["currency"], amount["stopped"], amount["lost"], *counts] for amount in amounts]
    sheet = HttpResponse(sheets.written(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    sheet["Content-Disposition"] = f'attachment; filename="money-{start.date()}-{end.date()}.csv"'
    return sheet


def _lines(orders: Sequence[Told], titles: dict[str, str]) -> list[dict[str, Any]]:
    """Orders with the names of their members and rules."""
    members = Member.objects.only("member_id").in_bulk({order.member for order in orders if order.member})
    return [
        {
            "order": order,
            "member": members.get(order.member) if order.member else None,
            "rules": ", ".join(sorted(titles.get(rule, rule) for rule in order.rules)),
        }
        for order in orders
    ]


def _period(request: HttpRequest) -> tuple[datetime, datetime, str]:
    """The period of the address, else the last thirty days; and what was wrong with it."""
    params = {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    params = params or {"from": (timezone.now().date() - USUAL_PERIOD + timedelta(days=1)).isoformat()}
    try:
        return *period(params), ""
    except Problem as problem:
        end = timezone.now()
        return end - USUAL_PERIOD, end, problem.errors[0]["detail"]
