"""The allow, block and watch lists: who stands there, why and until when; put on, taken off, put back, imported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection.kernel.records import iso
from detection.kernel.vocabulary import ListEffect, ListKind, Role
from detection.models import ListEntry
from detection.response import lists, sheets
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer

PAGE = 50
COLUMNS = ("effect", "kind", "value", "reason", "expires_at")
MOST_FAULTS = 50
GONE = "This line is not there any more."


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """What stands on the lists, newest first. What is chosen stands in the address."""
    return _page(request)


@staff_page
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One line, and the alerts it spoke in."""
    found = ListEntry.objects.filter(pk=entry_id).first()
    if found is None:
        raise Http404
    context = {
        "section": "lists",
        "entry": found,
        "over": found.expires_at is not None and found.expires_at <= timezone.now(),
        "alerts": lists.touched(found),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/list_entry.html", context)


@admin_action
def add(request: HttpRequest) -> HttpResponse:
    """Put one thing on a list. What cannot be taken comes back as it was typed, with the reason beside it."""
    typed = {name: request.POST.get(name, "").strip() for name in ("effect", "kind", "value", "reason", "until")}
    given: dict[str, Any] = {name: typed[name] or None for name in ("effect", "kind", "value", "reason")}
    until = _end_of(typed["until"])
    if typed["until"] and until is None:
        return _page(request, typed=typed, faults={"until": "A day, like 2026-12-31."}, status=400)
    line = lists.add(given | ({"expires_at": iso(until)} if until else {}), actor=actor_of(request))
    if line.entry is None:
        names = {"expires_at": "until"}
        told = {error["pointer"].lstrip("/"): error["detail"] for error in line.errors}
        return _page(
            request, typed=typed, faults={names.get(name, name): text for name, text in told.items()}, status=400
        )
    to = reverse("pages:lists")
    if line.status == "duplicate":
        return answer(
            request, f"{line.entry.value} stands on the {line.entry.effect} list already.", to=to, level="warning"
        )
    return answer(request, f"{line.entry.value} is on the {line.entry.effect} list.", to=to)


@admin_action
def remove(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Take a line off its list."""
    to = reverse("pages:lists")
    if not lists.remove(entry_id, actor=actor_of(request)):
        return answer(request, GONE, to=to, level="warning", status=404)
    return answer(request, "Taken off the list.", to=to, undo=reverse("pages:restore_entry", args=[entry_id]))


@admin_action
def restore(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Put a line back that was taken off."""
    to = reverse("pages:lists")
    line = lists.restore(entry_id, actor=actor_of(request))
    if line is None:
        return answer(request, GONE, to=to, level="warning", status=404)
    if line.entry is None:
        return answer(request, line.errors[0]["detail"], to=to, level="warning", status=409)
    if line.status == "duplicate":
        return answer(request, "The same stands on the list again already.", to=to, level="warning", status=409)
    return answer(request, f"{line.entry.value} is on the {line.entry.effect} list again.", to=to)


@admin_action
def bring(request: HttpRequest) -> HttpResponse:
    """Put many things on lists at once. What cannot be taken comes back line by line with the reason."""
    text = request.POST.get("lines", "").strip()
    first = text.partition("\n")[0].casefold()
    headed = "effect" in first and "kind" in first and "value" in first
    try:
        given = lists.from_sheet(text if headed else f"{','.join(COLUMNS)}\n{text}")
    except sheets.BadSheet as bad:
        return _page(request, imported={"text": text, "fault": str(bad)}, status=400)
    if not given:
        return _page(request, imported={"text": text, "fault": "Paste at least one line."}, status=400)
    results = lists.add_many(given, actor=actor_of(request))
    wrong = [line for line in results if line.status == "rejected"]
    created = sum(line.status == "created" for line in results)
    already = len(results) - len(wrong) - created
    told = f"{created:,} put on, {already:,} stood there already, {len(wrong):,} not taken."
    if not wrong:
        return answer(request, told, to=reverse("pages:lists"))
    faults = [
        {
            "line": line.index + 1 + headed,
            "value": given[line.index].get("value", ""),
            "faults": [f"{error['pointer'].lstrip('/')}: {error['detail']}" for error in line.errors],
        }
        for line in wrong[:MOST_FAULTS]
    ]
    rows = [[given[line.index].get(name, "") for name in COLUMNS] for line in wrong]
    left = {"text": sheets.written(COLUMNS, rows), "told": told, "faults": faults, "more": len(wrong) - len(faults)}
    return _page(request, imported=left, status=400)


def _page(
    request: HttpRequest,
    *,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    imported: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    now, chosen = timezone.now(), _chosen(request)
    before = request.GET.get("before", "")
    rows = _filtered(chosen, now)
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: PAGE + 1])
    counts = dict(ListEntry.objects.in_force(now).values_list("effect").annotate(count=Count("pk")))
    others = {name: text for name, text in chosen.items() if name != "effect"}
    tabs = [
        ("", "All", sum(counts.values())),
        *((e.value, e.value.capitalize(), counts.get(e.value, 0)) for e in ListEffect),
    ]
    context = {
        "section": "lists",
        "entries": found[:PAGE],
        "now": now,
        "older": f"?{urlencode({**chosen, 'before': found[PAGE - 1].pk})}" if len(found) > PAGE else "",
        "tabs": [
            {"effect": effect, "word": word, "count": count, "url": _address(others, effect)}
            for effect, word, count in tabs
        ],
        "chosen": chosen,
        "narrowed": bool(others),
        "export": urlencode(
            {name: chosen[name] for name in ("effect", "kind") if name in chosen} | {"expired": "false"}
        ),
        "effects": [effect.value for effect in ListEffect],
        "kinds": [kind.value for kind in ListKind],
        "typed": typed or {},
        "faults": faults or {},
        "imported": imported or {},
        "gone": lists.removed(),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/lists.html", context, status=status)


def _chosen(request: HttpRequest) -> dict[str, str]:
    given = {name: request.GET.get(name, "").strip()[:200] for name in ("effect", "kind", "q", "over")}
    allowed = {"effect": set(ListEffect), "kind": set(ListKind), "over": {"yes"}}
    return {
        name: text for name, text in given.items() if text and text in allowed.get(name, {text}) and "\x00" not in text
    }


def _filtered(chosen: dict[str, str], now: datetime) -> QuerySet[ListEntry]:
    rows = ListEntry.objects.filter(expires_at__lte=now) if "over" in chosen else ListEntry.objects.in_force(now)
    rows = rows.filter(**{name: chosen[name] for name in ("effect", "kind") if name in chosen})
    if "q" in chosen:
        words = chosen["q"]
        rows = rows.filter(Q(value__icontains=words) | Q(reason__icontains=words) | Q(owner__icontains=words))
    return rows


def _address(others: dict[str, str], effect: str) -> str:
    chosen = others | ({"effect": effect} if effect else {})
    return f"?{urlencode(chosen)}" if chosen else "."


def _end_of(day: str) -> datetime | None:
    """The end of a day, in UTC."""
    try:
        return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
