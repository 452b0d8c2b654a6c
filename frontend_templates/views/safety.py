"""Where a member is signed in and with what: each session can be ended, each device named and forgotten."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.models import Member
from detection.response import devices, sessions
from frontend_templates.access import actor_of, member_action, member_page
from frontend_templates.answers import answer
from frontend_templates.forms import DeviceName, complaint


@member_page
def page(request: HttpRequest) -> HttpResponse:
    """Every session that is alive, every device that was used."""
    member: Member = request.member  # type: ignore[attr-defined]
    context = {
        "section": "safety",
        "member": member,
        "sign_ins": sessions.of(request.user.pk),
        "here": request.session.session_key,
        "devices": devices.of(member),
    }
    return render(request, "member/safety.html", context)


@member_action
def end_session(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    """Sign out there."""
    if not sessions.end_one(request.user.pk, sign_in_id, actor=actor_of(request)):
        raise Http404
    return answer(request, "That session is ended.", to=reverse("pages:safety"))


@member_action
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here, in the shop too."""
    member: Member = request.member  # type: ignore[attr-defined]
    sessions.end_others(member, keep=request.session.session_key, actor=actor_of(request))
    text = "You are signed out everywhere else, and the shop was asked to do the same."
    return answer(request, text, to=reverse("pages:safety"))


@member_action
def name_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Call a device by a name."""
    member: Member = request.member  # type: ignore[attr-defined]
    form = DeviceName(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=reverse("pages:safety"), level="error", status=400)
    if not devices.name(device_id, member, name=form.cleaned_data["name"]):
        raise Http404
    return answer(request, "The name is kept.", to=reverse("pages:safety"))


@member_action
def forget_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Make a device new again."""
    member: Member = request.member  # type: ignore[attr-defined]
    if not devices.forget(device_id, member, actor=actor_of(request)):
        raise Http404
    return answer(request, "The device is forgotten. If it is used again, we look closely.", to=reverse("pages:safety"))
