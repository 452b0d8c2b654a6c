"""Who is locked right now, and why."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from detection.kernel.vocabulary import LockState
from detection.models import LockReason
from detection.response import overview
from frontend_templates.access import staff_page

AT_ONCE = 50
STATES = (LockState.LOCKED, LockState.RESTRICTED)


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Every reason in force, the newest first: whoever has several stands in several lines."""
    standing = LockReason.objects.in_force().select_related("member")
    state = request.GET.get("state", "")
    chosen = state if state in STATES else ""
    found = standing.filter(state=chosen) if chosen else standing
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-pk")[: AT_ONCE + 1])
    context = {
        "section": "overview",
        "rows": rows[:AT_ONCE],
        "older": rows[AT_ONCE - 1].pk if len(rows) > AT_ONCE else None,
        "state": chosen,
        "states": [item.value for item in STATES],
        "locked": overview.shown(overview.locked()),
    }
    return render(request, "operator/locked.html", context)
