"""The live alert feed, as the server draws it; live.js carries on from its cursor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from detection import feed as live
from detection.kernel.detector import registered
from detection.kernel.records import LockRecord, iso
from detection.kernel.vocabulary import Role
from detection.models import Alert, AlertDetector, Event, cursor_text
from detection.response import alerts, desks, locks, sheets
from detection.work import unit_of_work
from frontend_templates import narrowing, wording
from frontend_templates.access import actor_of, role_of, staff_page
from frontend_templates.views import bulk

PAGE = 40
DETECTORS_KEPT = 30  # seconds
MOST_EXPORTED = 5000
IN_THE_FORM = frozenset({"status", "snoozed", "q", "severity", "detector", "member", "country", "network", "within"})
COLUMNS = (
    "id", "created_at", "last_seen_at", "severity", "risk_score", "status", "disposition", "title", "summary",
    "member_id", "subject", "event_count", "detectors", "country", "network", "ip", "device", "assignee", "disputed",
    "action_taken",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An alert and its member's lock, as one line of the feed."""

    alert: Alert
    lock: LockRecord | None


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Alerts, newest first. The cursor is read before the rows, so nothing falls between page and socket."""
    if not request.GET:
        view = desks.default_view(request.user)
        if view is not None:
            return redirect(f"{request.path}?{view.query or 'status='}")
    cursor = live.latest(live.StaffViewer())
    chosen = narrowing.chosen(request.GET)
    mark = request.GET.get("older", "")
    shown = _before(narrowing.apply(alerts.visible(), chosen), mark)
    page_of = list(shown.order_by("-created_at", "-id")[: PAGE + 1])
    older = _mark(page_of[PAGE - 1]) if len(page_of) > PAGE else ""
    role = role_of(request)
    context = {
        "section": "alerts",
        "rows": with_locks(page_of[:PAGE]),
        "cursor": cursor_text(cursor),
        "filter": chosen,
        "live_filter": json.dumps(chosen),
        "more_filters": {name: text for name, text in chosen.items() if name not in IN_THE_FORM},
        "tabs": narrowing.tabs(chosen),
        "views": _views(request, chosen),
        "here": narrowing.address(chosen),
        "older": narrowing.address(chosen | {"older": older}) if older else "",
        "newest": narrowing.address(chosen) if mark else "",
        "narrowed": any(name not in ("status", "snoozed") for name in chosen),
        "first_run": not page_of and not chosen and not Alert.objects.exists(),
        "reported": page_of or Event.objects.exists(),
        "detectors": _detectors(),
        "networks": wording.NETWORKS,
        "within": [(key, words) for key, (words, _) in narrowing.WITHIN.items()],
        "can_write": role != Role.AUDITOR,
        "can_bulk": role == Role.ADMIN,
        "steps": [(name, step.button) for name, step in bulk.STEPS.items()],
        "now": timezone.now(),
    }
    return render(request, "operator/feed.html", context)


@staff_page
def counts(request: HttpRequest) -> HttpResponse:
    """The numbers on tabs and views as they are now."""
    chosen = narrowing.chosen(request.GET)
    found = {tab["key"]: tab["count"] for tab in narrowing.tabs(chosen)}
    found |= {f"view-{view['id']}": view["count"] for view in _views(request, chosen)}
    return JsonResponse(found)


@staff_page
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The alerts of a view as a file, the newest 5,000 at most. It is written into the audit trail."""
    if form not in ("csv", "json"):
        raise Http404
    chosen = narrowing.chosen(request.GET)
    found = narrowing.apply(alerts.visible(), chosen).order_by("-created_at", "-id")[:MOST_EXPORTED]
    rows = [alert.record().wire() for alert in found]
    with unit_of_work(actor_of(request)) as work:
        work.audit("alerts.exported", target="page", form=form, filters=chosen, count=len(rows))
    if form == "csv":
        text = sheets.written(COLUMNS, ([_cell(row, name) for name in COLUMNS] for row in rows))
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    else:
        response = HttpResponse(json.dumps(rows, ensure_ascii=False, indent=1), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="alerts.{form}"'
    return response


def with_locks(found: list[Alert]) -> list[Row]:
    """Alerts beside the locks their members are under, in two queries for all."""
    standing = locks.in_force({alert.member_id for alert in found if alert.member_id})
    return [Row(alert, standing.get(alert.member_id) if alert.member_id else None) for alert in found]


def _views(request: HttpRequest, chosen: narrowing.Chosen) -> list[dict[str, Any]]:
    """The person's views with how many alerts each holds now."""
    found = []
    for view in desks.views(request.user):
        wanted = narrowing.of_query(view.query)
        number = narrowing.shown_count(narrowing.count(wanted))
        to = narrowing.address(wanted)
        found.append({"id": view.pk, "name": view.name, "url": to, "count": number, "default": view.is_default,
                      "current": wanted == chosen})  # fmt: skip
    return found


def _cell(row: dict[str, Any], name: str) -> str:
    value = row[name] if name in row else row["context"].get(name)
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


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


def _detectors() -> list[tuple[str, str]]:
    """Every rule by id and title, and whatever else has spoken."""
    known = {cls.id: cls.title for cls in registered()}
    spoken = AlertDetector.objects.values_list("detector", flat=True).distinct()
    for detector in cache.get_or_set("detectors", lambda: list(spoken), DETECTORS_KEPT):
        known.setdefault(detector, detector.replace("-", " ").capitalize())
    return sorted(known.items(), key=lambda pair: pair[1])
