"""Who may open a page. A stranger signs in first; the wrong person is told kindly; auditors read and never write."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page

from api.addresses import client_ip, from_this_machine
from api.permissions import RENEWED_WITHIN
from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import Role
from detection.models import Member
from detection.response import accounts, desks, faces, sessions

View = Callable[..., HttpResponse]

STAFF_ONLY = "This page is for the shop’s security staff. Your own page has everything about your account."
MEMBERS_ONLY = (
    "This page belongs to a member. You are signed in as staff: open a member’s file from the alerts instead."
)
NO_ROLE = "You are signed in, but this sign-in has no page here. Ask an administrator for a role."
READS_ONLY = "Auditors can read everything here and change nothing."
TRAIL_ONLY = "This page is for administrators and auditors."
OWN_ACCOUNT = "This is your own account. Another one of the staff has to decide about it."
PROVED_FOR = timedelta(minutes=30)
ADMIN_ONLY = "Only an administrator can do this."


def actor_of(request: HttpRequest) -> Actor:
    """Whoever is signed in, as the audit trail will name them."""
    return accounts.actor_of(request.user, client_ip(request))


def role_of(request: HttpRequest) -> Role | None:
    return accounts.role_of(request.user) if request.user.is_authenticated else None


def member_of(request: HttpRequest) -> Member | None:
    return getattr(request.user, "member", None) if request.user.is_authenticated else None


def proved(request: HttpRequest) -> bool:
    """Whether this session has shown by a one-time code, within half an hour, that it is the member's own."""
    return time.time() - request.session.get("proved_at", 0) <= PROVED_FOR.total_seconds()


def rotate(request: HttpRequest) -> None:
    """Go on under a new session key: whoever saw the old one holds nothing."""
    old = request.session.session_key
    request.session.cycle_key()
    sessions.moved(old, request.session.session_key)


def renewed(view: View) -> View:
    """For an action that can hurt many: the sign-in may be five minutes old, or the password is asked for again. The
    demo's passwords are printed on its pages and prove nothing, so it does not ask."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if conf.current().demo or fresh(request):
            return view(request, *args, **kwargs)
        back = urlsplit(request.headers.get("Referer", "")).path or "/"
        to = f"{reverse('pages:again')}?{urlencode({'next': back})}"
        text = "Please confirm your password first: it has been a while since you signed in."
        if request.headers.get("X-Page") == "live":
            return JsonResponse({"message": text, "level": "warning", "go": to}, status=403)
        messages.warning(request, text)
        return redirect(to)

    return guarded


def fresh(request: HttpRequest) -> bool:
    """Whether who is signed in has shown their password within five minutes."""
    return time.time() - request.session.get("signed_in_at", 0) <= RENEWED_WITHIN.total_seconds()


def staff_page(view: View) -> View:
    """For every role of the staff, to read."""
    return gzip_page(_guarded(view, _staff, ("GET", "HEAD")))


def trail_page(view: View) -> View:
    """For those who answer for the system: admins and auditors, to read."""
    return gzip_page(_guarded(view, _answerable, ("GET", "HEAD")))


def staff_form(view: View) -> View:
    """GET for every role of the staff, POST for analysts and admins."""
    return _guarded(view, _staff_writing, ("GET", "HEAD", "POST"))


def staff_action(view: View) -> View:
    """For analysts and admins, by POST."""
    return _guarded(view, _writers, ("POST",))


def admin_action(view: View) -> View:
    """For admins, by POST."""
    return _guarded(view, _admins, ("POST",))


def member_page(view: View) -> View:
    """For a member: the view gets ``request.member``."""
    return _guarded(view, _members, ("GET", "HEAD"))


def member_action(view: View) -> View:
    """For a member, by POST."""
    return _guarded(view, _members, ("POST",))


def member_form(view: View) -> View:
    """For a member: GET shows a form, POST takes it."""
    return _guarded(view, _members, ("GET", "HEAD", "POST"))


def admin_form(view: View) -> View:
    """For admins: GET shows a form, POST takes it."""
    return _guarded(view, _admins, ("GET", "HEAD", "POST"))


def may_be_framed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the shop's own sites show this answer inside their pages, where an administrator named them."""
    face = getattr(request, "face", None)
    if face is not None and face.frame_origins:
        wanted = request.GET.get("view") == "embedded" or request.session.get("embedded")
        response.embedded = bool(wanted)  # type: ignore[attr-defined]
        response.frame_origins = tuple(face.frame_origins)  # type: ignore[attr-defined]
        response.xframe_options_exempt = True  # type: ignore[attr-defined]
    return response


def demo_page(view: View) -> View:
    """Exists only in the demo, and only for this very machine."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not (conf.current().demo and from_this_machine(request)):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def _guarded(view: View, check: Callable[[HttpRequest], None], methods: tuple[str, ...]) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path() if request.method in {"GET", "HEAD"} else "/")
        check(request)
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        with timezone.override(_zone_of(request)):
            return may_be_framed(request, view(request, *args, **kwargs))

    return guarded


def _zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The zone a person of the staff chose for their pages; None for the house's own."""
    desk = getattr(request, "desk", None)
    return ZoneInfo(desk.time_zone) if desk is not None and desk.time_zone else None


def _staff(request: HttpRequest) -> None:
    if role_of(request) is None:
        raise PermissionDenied(STAFF_ONLY if member_of(request) else NO_ROLE)
    request.desk = desks.of(request.user)  # type: ignore[attr-defined]


def _staff_writing(request: HttpRequest) -> None:
    _staff(request)
    if request.method == "POST":
        _writers(request)


def _answerable(request: HttpRequest) -> None:
    _staff(request)
    if role_of(request) == Role.ANALYST:
        raise PermissionDenied(TRAIL_ONLY)


def _writers(request: HttpRequest) -> None:
    _staff(request)
    if role_of(request) == Role.AUDITOR:
        raise PermissionDenied(READS_ONLY)


def _admins(request: HttpRequest) -> None:
    _staff(request)
    if role_of(request) != Role.ADMIN:
        raise PermissionDenied(ADMIN_ONLY)


def _members(request: HttpRequest) -> None:
    member = member_of(request)
    if member is None:
        raise PermissionDenied(MEMBERS_ONLY if role_of(request) else NO_ROLE)
    request.member = member  # type: ignore[attr-defined]
    request.face = faces.of(request.session.get("shop"))  # type: ignore[attr-defined]
