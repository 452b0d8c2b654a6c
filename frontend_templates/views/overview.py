"""What matters now, drawn by the server and drawn anew as things happen."""

from __future__ import annotations

from datetime import timedelta

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from detection import feed as live
from detection.enrich import geoip
from detection.kernel.detector import registered
from detection.kernel.records import iso
from detection.models import cursor_text
from detection.response import overview
from detection.response.overview import Standing
from frontend_templates import charts, worth
from frontend_templates.access import staff_page
from frontend_templates.views.entity import shown_name

KEPT_FOR = 3  # seconds: many who look at once ask the database once
UNRESOLVED = "open,acknowledged,escalated"
LEVELS = ("high", "medium", "low")


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Open alerts, locks, pace, money, trends, and where it comes from; every number leads to what it counts."""
    cursor = live.latest(live.StaffViewer())
    standing: Standing = cache.get_or_set("overview", overview.now_standing, KEPT_FOR)
    titles = {cls.id: cls.title for cls in registered()}
    hourly = _hourly(standing)
    context = {
        "section": "overview",
        "cursor": cursor_text(cursor),
        "standing": standing,
        "levels": [(level, overview.shown(standing.open[level])) for level in LEVELS],
        "unresolved": UNRESOLVED,
        "locked": overview.shown(standing.locked),
        "events": overview.shown(standing.events_a_minute, overview.EVENTS_COUNTED),
        "to_act": length(standing.to_act),
        "to_alert": length(standing.to_alert),
        "hourly": hourly,
        "hours": list(zip(hourly.columns, _hours(standing), strict=True)),
        "worth": worth.lately(),
        "rules": [
            (rule, titles.get(rule, rule.replace("-", " ").capitalize()), spoken, rule in titles)
            for rule, spoken in standing.rules
        ],
        "world": charts.world(dict(standing.countries), geoip.countries()),
        "countries": _named("country", standing.countries),
        "networks": _named("network", standing.networks),
        "devices": _named("device", standing.devices),
    }
    return render(request, "operator/overview.html", context)


def length(span: timedelta | None) -> str:
    """A duration, short: "240 ms", "12 s", "5 min", "3 h"; a dash for none."""
    if span is None:
        return "–"
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _hourly(standing: Standing) -> charts.Stack:
    local = timezone.localtime(standing.at)
    labels = [f"{local - timedelta(hours=age):%H:%M}" for age in reversed(range(overview.HOURS))]
    series = [(level, standing.hourly[level]) for level in LEVELS]
    return charts.stacked(series, labels, what="Alerts of a day by the hour", height=64)


def _hours(standing: Standing) -> list[tuple[str, str]]:
    """From when to when each column of the trend reaches, as the feed's filters take it."""
    hour = timedelta(hours=1)
    ends = [standing.at - hour * age for age in reversed(range(overview.HOURS))]
    return [(iso(end - hour) or "", iso(end) or "") for end in ends]


def _named(kind: str, pairs: list[tuple[str, int]]) -> list[tuple[str, str, int, int]]:
    most = max((number for _, number in pairs), default=1)
    return [(name, shown_name(kind, name), number, round(100 * number / most)) for name, number in pairs]
