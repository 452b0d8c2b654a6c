"""The people who work here and their roles, and the page where somebody invited sets their password."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from api import gates, throttling
from api.addresses import client_ip
from detection.kernel.vocabulary import Role
from detection.response import staff
from frontend_templates import wording
from frontend_templates.access import actor_of, admin_action, renewed, role_of, trail_page
from frontend_templates.answers import answer
from frontend_templates.forms import InviteForm, complaint
from frontend_templates.views.doors import BUSY, later

UNEQUAL = "The two passwords differ. Please type the same one twice."


@trail_page
def page(request: HttpRequest) -> HttpResponse:
    """Everybody of the staff: role, second factor, when they were last here."""
    return _list(request)


@admin_action
@renewed
def invite(request: HttpRequest) -> HttpResponse:
    """A new sign-in; the link to set its password is on the page that answers."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _list(request, typed=request.POST.dict(), fault=complaint(form), status=400)
    said = form.cleaned_data
    done = staff.invite(said["name"], Role(said["role"]), email=said["email"], actor=actor_of(request))
    if done.refused:
        return _list(request, typed=request.POST.dict(), fault=done.refused, status=400)
    return _list(request, done=done)


@admin_action
@renewed
def new_link(request: HttpRequest, user_id: int) -> HttpResponse:
    """A link to set a password with, shown on the page that answers."""
    done = staff.new_link(user_id, actor=actor_of(request))
    return _list(request, done=done) if done.link else _said(request, done, "")


@admin_action
@renewed
def change(request: HttpRequest, user_id: int) -> HttpResponse:
    """Another role, in or out, sessions ended, or the second factor forgotten."""
    verb = request.POST.get("do", "")
    role = request.POST.get("role", "")
    if verb == "role" and role in {known.value for known in Role}:
        done = staff.set_role(user_id, Role(role), actor=actor_of(request))
        return _said(request, done, "{} is " + wording.ROLE_NAMES[role] + " now, and signs in again.")
    if verb not in VERBS:
        return answer(request, "Please choose what to do.", to=reverse("pages:staff"), level="error", status=400)
    act, text = VERBS[verb]
    return _said(request, act(user_id, actor=actor_of(request)), text)


VERBS: dict[str, tuple[Callable[..., staff.Done], str]] = {
    "disable": (staff.disable, "{} is signed out and cannot sign in any more."),
    "enable": (staff.enable, "{} may sign in again."),
    "end": (staff.end_sessions, "{} is signed out everywhere."),
    "factor": (staff.drop_second_factor, "{} sets up a new authenticator app at the next sign-in."),
}


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest, person: str, proof: str) -> HttpResponse:
    """Set a password with a link an administrator handed over."""
    if throttling.logins.take(client_ip(request)).wait:
        return render(request, "public/new_password.html", {"over": True}, status=429)
    user = staff.of_link(person, proof)
    if user is None:
        return render(request, "public/new_password.html", {"over": True}, status=410)
    if request.method == "GET":
        return render(request, "public/new_password.html", {"name": user.get_username()})
    typed = request.POST.get("password", "")[:512]
    if typed != request.POST.get("again", "")[:512]:
        return _asked_again(request, user, [UNEQUAL], status=400)
    with gates.passwords.passed() as inside:
        if not inside:
            return later(_asked_again(request, user, [BUSY], status=503), gates.passwords.retry_after)
        faults = staff.set_password(user, proof, typed)
    if faults:
        return _asked_again(request, user, faults, status=400)
    if request.user.pk == user.pk:
        logout(request)  # this session ended with the others: it cannot be written any more
    messages.success(request, "Your password is set. Sign in with it now.")
    return redirect("pages:login")


def _asked_again(request: HttpRequest, user: Any, faults: Sequence[str], *, status: int) -> HttpResponse:
    context = {"name": user.get_username(), "faults": faults}
    return render(request, "public/new_password.html", context, status=status)


def _said(request: HttpRequest, done: staff.Done, text: str) -> HttpResponse:
    to = reverse("pages:staff")
    if done.user is None:
        raise Http404
    if done.refused:
        return answer(request, done.refused, to=to, level="warning", status=409)
    return answer(request, text.format(wording.visible(done.user.get_username())), to=to)


def _list(
    request: HttpRequest,
    *,
    done: staff.Done | None = None,
    typed: dict[str, str] | None = None,
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    link = request.build_absolute_uri(reverse("pages:new_password", args=done.link)) if done and done.link else ""
    context = {
        "section": "staff",
        "people": staff.everybody(),
        "roles": [(role.value, wording.ROLES[role]) for role in Role],
        "link": link,
        "whose": done.user if done else None,
        "form": typed or {"role": Role.ANALYST.value},
        "fault": fault,
        "me": request.user.pk,
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/staff.html", context, status=status)
