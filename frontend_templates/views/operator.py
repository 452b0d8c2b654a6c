"""A member's file, as staff see it, and what staff may do to a member."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection import feed as live
from detection.kernel.vocabulary import ActorKind, LockScope, LockState, Role
from detection.models import Alert, Event, LockEvent, Member, cursor_text
from detection.response import locks, members, remarks
from frontend_templates.access import OWN_ACCOUNT, actor_of, renewed, role_of, staff_action, staff_page
from frontend_templates.answers import answer
from frontend_templates.forms import LockRequest, Reason, complaint, scope_words

ALERTS, EVENTS, HISTORY = 20, 30, 20


@staff_page
def page(request: HttpRequest, member_id: str) -> HttpResponse:
    """Everything staff need to know about one member."""
    cursor = live.latest(live.StaffViewer())
    member = _found(member_id)
    context = {
        "section": "alerts",
        "member": member,
        "cursor": cursor_text(cursor),
        "state": members.overview(member),
        "alerts": Alert.objects.filter(member=member).order_by("-created_at", "-id")[:ALERTS],
        "events": Event.objects.of_member(member)[:EVENTS],
        "devices": member.devices.order_by("-last_seen_at")[:10],
        "history": LockEvent.objects.filter(member=member).order_by("-version")[:HISTORY],
        "remarks": remarks.about(remarks.MEMBER, member.member_id),
        "about_kind": remarks.MEMBER,
        "about_name": member.member_id,
        "can_clear": role_of(request) == Role.ADMIN,
        "scopes": scope_words(),
        "can_write": role_of(request) != Role.AUDITOR,
    }
    return render(request, "operator/member.html", context)


@staff_action
def lock(request: HttpRequest, member_id: str) -> HttpResponse:
    """Lock a member: a lock by staff is lifted by staff only."""
    member = _other(request, member_id)
    form = LockRequest(request.POST)
    to = reverse("pages:member_file", args=[member_id])
    if not form.is_valid():
        return answer(request, complaint(form), to=to, level="error", status=400)
    hours = form.cleaned_data["length"]
    placed = locks.place(
        member,
        state=LockState.LOCKED,
        code="staff-lock",
        text=form.cleaned_data["reason"],
        by=ActorKind.STAFF,
        actor=actor_of(request),
        scopes=(LockScope(form.cleaned_data["scope"]),),
        self_unlock=False,
        expires_at=timezone.now() + timedelta(hours=hours) if hours else None,
        no_end=not hours,
    )
    text = "The member is locked and has been told." if placed.new else "The member was locked like this already."
    return answer(request, text, to=to, lock=placed.lock.wire())


@staff_action
@renewed
def unlock(request: HttpRequest, member_id: str) -> HttpResponse:
    """Let a member back in."""
    member = _other(request, member_id)
    form = Reason(request.POST)
    to = reverse("pages:member_file", args=[member_id])
    if not form.is_valid():
        return answer(request, complaint(form), to=to, level="error", status=400)
    released = locks.release(member, actor=actor_of(request), reason=form.cleaned_data["reason"], by=ActorKind.STAFF)
    if not released.done:
        return answer(request, "The member is not locked any more.", to=to, level="warning", status=409)
    undo = reverse("pages:undo", args=[released.action]) if released.action else None
    return answer(request, "The member is unlocked and has been told.", to=to, undo=undo)


def _other(request: HttpRequest, member_id: str) -> Member:
    """The member, who may not be the person acting."""
    member = _found(member_id)
    if member.user_id == request.user.pk:
        raise PermissionDenied(OWN_ACCOUNT)
    return member


def _found(member_id: str) -> Member:
    member = Member.objects.filter(member_id=member_id).first()
    if member is None:
        raise Http404
    return member
