"""The event simulator of the demo: one button a story, the real API underneath."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from api import throttling
from frontend_templates import stories
from frontend_templates.access import demo_page, member_action
from frontend_templates.answers import by_script


@demo_page
@member_action
def play(request: HttpRequest) -> HttpResponse:
    """Play a story about the signed-in member and show what the API answered."""
    story = stories.find(request.POST.get("story", ""))
    if story is None:
        raise Http404
    throttled = throttling.sessions.take(request.user.pk, 5).wait
    played = (
        stories.Played(story.button or story.name, fault="That was many in a row. Please wait a second.")
        if throttled
        else stories.play(story, request.member)  # type: ignore[attr-defined]
    )
    shown = played.shown()
    if by_script(request):
        return JsonResponse({"played": shown})
    request.session["played"] = shown
    return redirect(f"{reverse('pages:member')}#simulator")
