"""The live alert feed, as the server draws it; live.js carries on from its cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from api import filters
from detection import feed as live
from detection.kernel.detector import registered
from detection.kernel.records import LockRecord, iso
from detection.kernel.vocabulary import AlertStatus, Role
from detection.models import Alert, AlertDetector, Event, cursor_text
from detection.response import alerts, locks
from frontend_templates.access import role_of, staff_page

PAGE = 40
IN_THE_FORM = frozenset({"status", "q", "severity", "detector", "member", "country"})


@dataclass(frozen=True, slots=True)
class Row:
    """An alert and its member's lock, as one line of the feed."""

    alert: Alert
    lock: LockRecord | None


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Alerts, newest first. The cursor is read before the rows, so nothing falls between page and socket."""
    cursor = live.latest(live.StaffViewer())
    chosen = _chosen(request)
    mark = request.GET.get("older", "")
    shown = _before(_filtered(alerts.visible(), chosen), mark)
    page_of = list(shown.order_by("-created_at", "-id")[: PAGE + 1])
    older = _mark(page_of[PAGE - 1]) if len(page_of) > PAGE else ""
    context = {
        "section": "alerts",
        "rows": with_locks(page_of[:PAGE]),
        "cursor": cursor_text(cursor),
        "filter": chosen,
        "more_filters": {name: text for name, text in chosen.items() if name not in IN_THE_FORM},
        "tabs": _tabs(chosen),
        "older": _address(chosen | {"older": older}) if older else "",
        "newest": _address(chosen) if mark else "",
        "narrowed": any(name != "status" for name in chosen),
        "first_run": not page_of and not chosen and not Event.objects.exists(),
        "detectors": _detectors(),
        "can_write": role_of(request) != Role.AUDITOR,
    }
    return render(request, "operator/feed.html", context)


def with_locks(found: list[Alert]) -> list[Row]:
    """Alerts beside the locks their members are under, in two queries for all."""
    standing = locks.in_force({alert.member_id for alert in found if alert.member_id})
    return [Row(alert, standing.get(alert.member_id) if alert.member_id else None) for alert in found]


def _chosen(request: HttpRequest) -> dict[str, str]:
    """The filters in the address that mean something; they are those of the REST list, word for word."""
    chosen = {}
    for name, parse in filters.FILTERS.items():
        text = request.GET.get(name, "").strip()
        if not text:
            continue
        try:
            parse(text)
        except filters.Unfit:
            continue
        chosen[name] = text
    return chosen


def _filtered(found: QuerySet[Alert], chosen: dict[str, str]) -> QuerySet[Alert]:
    for name, text in chosen.items():
        found = found.filter(filters.FILTERS[name](text))
    return found


def _before(found: QuerySet[Alert], mark: str) -> QuerySet[Alert]:
    """What is older than a mark; a mark that is none of ours is left aside."""
    moment_text, _, key_text = mark.partition("~")
    try:
        moment, key = datetime.fromisoformat(moment_text), UUID(key_text)
    except ValueError:
        return found
    if moment.tzinfo is None:
        return found
    return found.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__lt=key))


def _mark(alert: Alert) -> str:
    return f"{iso(alert.created_at)}~{alert.pk}"


def _tabs(chosen: dict[str, str]) -> list[dict[str, Any]]:
    """One tab a status with how many it holds under the other filters."""
    others = {name: text for name, text in chosen.items() if name != "status"}
    counts = dict(_filtered(Alert.objects.all(), others).values_list("status").annotate(count=Count("pk")))
    current = chosen.get("status", "")
    tabs = [("", sum(counts.values())), *((status.value, counts.get(status.value, 0)) for status in AlertStatus)]
    return [
        {
            "name": status.capitalize() or "All",
            "count": count,
            "url": _address(others | ({"status": status} if status else {})),
            "status": status,
            "current": current == status,
        }
        for status, count in tabs
    ]


def _address(chosen: dict[str, str]) -> str:
    return f"?{urlencode(chosen)}" if chosen else "."


def _detectors() -> list[tuple[str, str]]:
    """Every rule by id and title, and whatever else has spoken."""
    known = {cls.id: cls.title for cls in registered()}
    for detector in AlertDetector.objects.values_list("detector", flat=True).distinct():
        known.setdefault(detector, detector.replace("-", " ").capitalize())
    return sorted(known.items(), key=lambda pair: pair[1])
