"""The house itself: its audit trail and how its parts are."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from api.views.system import ALIVE_WITHIN
from detection import inbox
from detection.audit import verify
from detection.kernel.vocabulary import Role
from detection.models import AuditEntry, AuditPending, Event
from detection.work import unit_of_work
from frontend_templates import effective, parts
from frontend_templates.access import actor_of, admin_action, role_of, staff_page, trail_page
from frontend_templates.answers import answer

AUDIT_PAGE = 100
DEAD_LETTERS = 50


@trail_page
def audit(request: HttpRequest) -> HttpResponse:
    """The audit trail, newest first. Reading it is written into it."""
    with unit_of_work(actor_of(request)) as work:
        work.audit("audit.read", target="page")
    entries = AuditEntry.objects.order_by("-seq")
    chosen = {name: request.GET[name].strip()[:300] for name in ("action", "actor", "target") if request.GET.get(name)}
    entries = entries.filter(**chosen)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        entries = entries.filter(seq__lt=int(before))
    found = list(entries[: AUDIT_PAGE + 1])
    context = {
        "section": "audit",
        "entries": found[:AUDIT_PAGE],
        "older": found[AUDIT_PAGE - 1].seq if len(found) > AUDIT_PAGE else None,
        "chosen": chosen,
        "misfit": verify.misfit(found),
        "checked": verify.verify() if request.GET.get("check") == "all" else None,
        "waiting": AuditPending.objects.count(),
    }
    return render(request, "operator/audit.html", context)


@trail_page
def settings_page(request: HttpRequest) -> HttpResponse:
    """What this installation is set to, secrets masked."""
    return render(request, "operator/settings.html", {"section": "settings", "groups": effective.groups()})


@staff_page
def health(request: HttpRequest) -> HttpResponse:
    """How the parts of the system are, and the letters nobody could judge."""
    letters = inbox.dead(DEAD_LETTERS)
    events = Event.objects.select_related("member").in_bulk([item.event for item in letters])
    context = {
        "section": "health",
        "parts": parts.all_of_them(request),
        "letters": [(item, events.get(item.event)) for item in letters],
        "counts": inbox.counts(),
        "alive_within": round(ALIVE_WITHIN),
        "is_admin": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/health.html", context)


@admin_action
def replay(request: HttpRequest) -> HttpResponse:
    """Give dead letters new tries: one, or all of them."""
    wanted = request.POST.get("event", "")
    letters: list[Any] = [item.event for item in inbox.dead(DEAD_LETTERS) if str(item.event) == wanted]
    if wanted and not letters:
        return answer(
            request, "That letter is not here any more.", to=reverse("pages:health"), level="warning", status=404
        )
    actor = actor_of(request)
    with unit_of_work(actor) as work:
        moved = inbox.replay(letters or None)
        work.audit("inbox.replayed", target=wanted or "all", count=moved)
    text = "One event is tried again." if moved == 1 else f"{moved} events are tried again."
    return answer(request, text, to=reverse("pages:health"))
