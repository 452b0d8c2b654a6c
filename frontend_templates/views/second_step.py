"""The second step of staff's sign-in: a code of their authenticator app, which the first sign-in sets up.

Until the code is right nobody is signed in: the session only remembers, for ten minutes, whose password was right. The
demo does without, because its passwords are printed on its pages.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from api import gates, throttling
from api.addresses import client_ip
from detection import conf
from detection.response import accounts, authenticators
from frontend_templates import browsers, pictures

BETWEEN = timedelta(minutes=10)
KEY = "second_step"
WRONG = "That is not the code. It changes every half minute: please type the newest one."
TOO_MANY = "Too many wrong codes today. Use a recovery code, ask another administrator to help, or try again tomorrow."
WAIT = "Too many tries. Please wait a moment, then try again."


def needed(user: Any) -> bool:
    """Whether this user proves more than a password."""
    return not conf.current().demo and accounts.role_of(user) is not None


def begin(request: HttpRequest, user: Any, *, to: str) -> None:
    """Remember whose password was right, under a new session key."""
    request.session.flush()
    request.session[KEY] = {"user": user.pk, "at": time.time(), "to": to}
    if authenticators.of(user) is None:
        authenticators.begin(user)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the app, or have the app set up first."""
    waiting = request.session.get(KEY) or {}
    user = get_user_model().objects.filter(pk=waiting.get("user"), is_active=True).first()
    if user is None or time.time() - waiting.get("at", 0) > BETWEEN.total_seconds() or not needed(user):
        request.session.pop(KEY, None)
        return redirect("pages:login")
    if request.method == "GET":
        return _show(request, user)
    if throttling.logins.take((client_ip(request), user.pk), 5).wait:
        return _show(request, user, fault=WAIT, status=429)
    step = _enrolled if authenticators.of(user) is None else _checked
    with gates.verifying.passed() as inside:
        return step(request, user, waiting) if inside else _show(request, user, fault=WAIT, status=429)


def _enrolled(request: HttpRequest, user: Any, waiting: dict[str, Any]) -> HttpResponse:
    actor = accounts.actor_of(user, client_ip(request))
    made = authenticators.confirm(user, request.POST.get("code", "")[:40], actor=actor)
    if not made:
        return _show(request, user, fault=WRONG)
    to = _enter(request, user, waiting)
    return browsers.remember(render(request, "public/second_step.html", {"recovery": made, "next": to}), user)


def _checked(request: HttpRequest, user: Any, waiting: dict[str, Any]) -> HttpResponse:
    actor = accounts.actor_of(user, client_ip(request))
    right = authenticators.sign_in(user, request.POST.get("code", "")[:40], actor=actor)
    if not right:
        return _show(request, user, fault=TOO_MANY if right is None else WRONG, status=429 if right is None else 200)
    return browsers.remember(redirect(_enter(request, user, waiting)), user)


def _enter(request: HttpRequest, user: Any, waiting: dict[str, Any]) -> str:
    from frontend_templates.views import doors  # it leads here, and takes over again

    request.session.pop(KEY, None)
    doors.enter(request, user)
    return waiting.get("to") or doors.landing(user)


def _show(request: HttpRequest, user: Any, *, fault: str = "", status: int = 200) -> HttpResponse:
    app = authenticators.waiting(user)
    context = {"picture": pictures.of(app, name=user.get_username()) if app else None, "fault": fault}
    return render(request, "public/second_step.html", context, status=status)
