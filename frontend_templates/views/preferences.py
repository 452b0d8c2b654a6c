"""How a member wants to hear of what."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.models import Member
from detection.response import preferences
from detection.response.letters import languages
from frontend_templates.access import actor_of, member_form
from frontend_templates.answers import answer


@member_form
def page(request: HttpRequest) -> HttpResponse:
    """The choice by topic; POST keeps it."""
    member: Member = request.member  # type: ignore[attr-defined]
    fault = ""
    if request.method == "POST":
        wanted = {topic.name: request.POST.getlist(topic.name) for topic in preferences.topics(member)}
        fault = preferences.choose(member, wanted, actor=actor_of(request), language=request.POST.get("language", ""))
        if not fault:
            return answer(request, "Your choice is kept.", to=reverse("pages:preferences"))
    context = {
        "section": "notices",
        "topics": preferences.topics(member),
        "languages": languages.NAMES.items(),
        "language": languages.of(member),
        "fault": fault,
    }
    return render(request, "member/preferences.html", context, status=400 if fault else 200)
