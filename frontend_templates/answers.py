"""How a page answers an action: back to where it came from with a message, or a small JSON for our own script."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from detection.response.alerts import Acted
from frontend_templates import wording

LEVELS = {"success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}


def safe_next(request: HttpRequest, fallback: str) -> str:
    """Where ``next`` leads when that is a page of ours, else the fallback."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return fallback


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Page") == "live"


def answer(
    request: HttpRequest,
    text: str,
    *,
    to: str,
    level: str = "success",
    status: int = 200,
    undo: str | None = None,
    **more: Any,
) -> HttpResponse:
    """Say what became of it. ``undo`` is the address that takes it back."""
    if by_script(request):
        return JsonResponse({"message": text, "level": level, "undo": undo, **more}, status=status)
    messages.add_message(request, LEVELS[level], text, extra_tags=undo or "")
    return redirect(safe_next(request, to))


def of_alert(request: HttpRequest, acted: Acted, done: str, *, to: str, undoable: bool = True) -> HttpResponse:
    """What became of an action on an alert; a lost race names who won it."""
    if acted.conflict:
        conflict = acted.conflict
        when = wording.ago(datetime.fromisoformat(conflict["at"]))
        text = f"{conflict['by']} was quicker ({when}): this alert is {conflict['status']} now. Nothing was changed."
        return answer(request, text, to=to, level="warning", status=409, conflict=conflict)
    if acted.missing:
        return answer(request, "This alert is not here any more.", to=to, level="error", status=404)
    if acted.refused:
        return answer(request, wording.visible(acted.refused), to=to, level="warning", status=409)
    link = reverse("pages:undo", args=[acted.action_id]) if undoable and acted.action_id else None
    return answer(request, done, to=to, undo=link)
