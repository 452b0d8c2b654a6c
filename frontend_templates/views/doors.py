"""Signing in and out, and the demo's way of becoming a member."""

from __future__ import annotations

import time

from django.contrib import auth
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from api import gates, throttling
from api.addresses import client_ip
from detection.response import accounts, preferences
from detection.work import unit_of_work
from frontend_templates import browsers, demo
from frontend_templates.access import demo_page, rotate
from frontend_templates.answers import safe_next
from frontend_templates.forms import Password, SignIn
from frontend_templates.views import second_step

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = "That name and password do not belong together. Please try again."
TOO_MANY = "Too many tries. Please wait a moment, then try again."
BUSY = "Many people are signing in right now. Please try again in a few seconds."


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Sign in. A name we do not know gets the same answer, after the same work, as a wrong password."""
    if request.method == "GET":
        if request.user.is_authenticated:
            return redirect(safe_next(request, landing(request.user)))
        return _form(request)
    wait = _wait(request)
    if wait:
        return later(_form(request, TOO_MANY, status=429), int(wait) + 1)
    form = SignIn(request.POST)
    user = None
    with gates.passwords.passed() as inside:
        if not inside:
            return later(_form(request, BUSY, status=503), gates.passwords.retry_after)
        if form.is_valid():
            user = auth.authenticate(request, **form.cleaned_data)
    if user is None:
        return _form(request, WRONG)
    if second_step.needed(user):
        second_step.begin(request, user, to=safe_next(request, ""))
        return redirect("pages:second_step")
    enter(request, user)
    return browsers.remember(redirect(safe_next(request, landing(user))), user)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out: the session ends here and on every socket it opened."""
    if request.user.is_authenticated:
        actor = accounts.actor_of(request.user, client_ip(request))
        with unit_of_work(actor) as work:
            work.audit("session.ended", target=actor.label)
    auth.logout(request)
    return redirect("pages:home")


@demo_page
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Become a new demo member, with a name nobody has."""
    if request.method == "GET":
        return render(request, "public/register.html")
    if throttling.registrations.take(client_ip(request)).wait:
        return render(request, "public/register.html", {"fault": TOO_MANY}, status=429)
    enter(request, demo.new_member())
    return redirect("pages:member")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Show the password once more, before something that can hurt."""
    if not request.user.is_authenticated:
        return redirect("pages:login")
    back = safe_next(request, landing(request.user))
    if request.method == "GET":
        return render(request, "public/again.html", {"next": back})
    if throttling.logins.take((client_ip(request), request.user.pk), 5).wait:
        return render(request, "public/again.html", {"next": back, "fault": TOO_MANY}, status=429)
    form = Password(request.POST)
    with gates.passwords.passed() as inside:
        if not inside:
            response = render(request, "public/again.html", {"next": back, "fault": BUSY}, status=503)
            return later(response, gates.passwords.retry_after)
        right = form.is_valid() and check_password(form.cleaned_data["password"], request.user.password)
    if not right:
        fault = "That is not the password of this account. Please try again."
        return render(request, "public/again.html", {"next": back, "fault": fault})
    rotate(request)
    request.session["signed_in_at"] = time.time()
    return redirect(back)


def later(response: HttpResponse, seconds: int) -> HttpResponse:
    """The answer, with when to come again."""
    response["Retry-After"] = str(seconds)
    return response


def enter(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Start a signed-in session: a new key, and the moment it began."""
    if request.user.is_authenticated:
        rotate(request)  # Django keeps the key of who signs in again as themselves
    auth.login(request, user, backend=BACKEND)
    request.session["signed_in_at"] = time.time()
    request.session["staff"] = accounts.role_of(user) is not None
    member = getattr(user, "member", None)
    if member is not None:
        preferences.browser_asks(member, request.headers.get("Accept-Language", ""))
    actor = accounts.actor_of(user, client_ip(request))
    with unit_of_work(actor) as work:
        work.audit("session.started", target=actor.label)


def landing(user: AbstractBaseUser) -> str:
    """The page somebody starts on."""
    if accounts.role_of(user):
        return reverse("pages:feed")
    return reverse("pages:member" if getattr(user, "member", None) else "pages:home")


def _form(request: HttpRequest, fault: str = "", status: int = 200) -> HttpResponse:
    context = {
        "fault": fault,
        "username": request.POST.get("username", ""),
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "people": demo.people(request),
    }
    return render(request, "public/login.html", context, status=status)


def _wait(request: HttpRequest) -> float:
    """How long this caller has to wait: one bucket for the address, one for the name it tries from there. A browser
    that signed in by this name before has one of its own."""
    address = client_ip(request)
    name = request.POST.get("username", "")[:150].casefold()
    browser = browsers.known(request, name)
    if browser:
        return throttling.logins.take(("browser", browser), 5).wait
    waits = [throttling.logins.take(address).wait, throttling.logins.take((address, name), 5).wait]
    return max(waits)
