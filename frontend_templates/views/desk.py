"""A person's own console: the views they keep and how pages behave for them."""

from __future__ import annotations

import zoneinfo
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.response import desks
from frontend_templates import narrowing
from frontend_templates.access import staff_action, staff_form
from frontend_templates.answers import answer


@staff_form
def page(request: HttpRequest) -> HttpResponse:
    """Preferences: the zone times are shown in, single-key shortcuts, and the views that are kept."""
    if request.method == "POST":
        zone = request.POST.get("time_zone", "")
        desks.settle(request.user, time_zone=zone, keys=bool(request.POST.get("keys")))
        return answer(request, "Your preferences are kept.", to=reverse("pages:desk"))
    context = {
        "section": "desk",
        "desk": desks.of(request.user),
        "zones": sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and not zone.startswith("Etc/")),
        "views": desks.views(request.user),
    }
    return render(request, "operator/desk.html", context)


@staff_action
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the feed under a name."""
    wanted = narrowing.of_query(request.POST.get("query", "").lstrip("?"))
    default = bool(request.POST.get("default"))
    kept = desks.keep(request.user, name=request.POST.get("name", ""), query=urlencode(wanted), default=default)
    to = reverse("pages:feed") + narrowing.address(wanted)
    if isinstance(kept, desks.Refused):
        return answer(request, kept.why, to=to, level="error", status=400)
    return answer(request, f"The view “{kept.name}” is kept.", to=to)


@staff_action
def let_view_go(request: HttpRequest, view_id: int) -> HttpResponse:
    """Remove one of one's own views."""
    if desks.let_go(request.user, view_id):
        return answer(request, "The view is gone.", to=reverse("pages:desk"))
    return answer(request, "That view is not here any more.", to=reverse("pages:desk"), level="warning", status=404)
