"""Pages anyone may open: home, and the demo's outbox."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from detection import conf
from detection.kernel.vocabulary import Role
from frontend_templates import demo
from frontend_templates.access import demo_page
from frontend_templates.views.doors import landing


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, within ten seconds."""
    people = demo.people(request)
    key = demo.facts().get("api_key", "") if people else ""
    context = {
        "people": people,
        "staff": next((person for person in people if person["role"] == Role.ANALYST.value), None),
        "address": conf.current().public_url or request.build_absolute_uri("/").rstrip("/"),
        "api_key": key or "YOUR_KEY",
        "landing": landing(request.user) if request.user.is_authenticated else "",
    }
    return render(request, "public/home.html", context)


@demo_page
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The mails the demo has sent, as plain text."""
    return render(request, "public/outbox.html", {"mails": demo.mails()})
