"""A member's authenticator app: set up with a picture, kept with recovery codes, turned off with a code."""

from __future__ import annotations

import time
from math import ceil

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from api import gates, throttling
from api.addresses import client_ip
from detection.kernel.vocabulary import Channel
from detection.models import AccountLock, Member
from detection.response import authenticators, challenges, locks, ways
from frontend_templates import access, pictures
from frontend_templates.access import actor_of, member_form, rotate
from frontend_templates.views import unlock

WRONG = "That is not the code the app shows. It changes every half minute: please type the newest one."
GONE = "That code is not valid any more. Please ask for a new one."


@sensitive_post_parameters("code")
@member_form
def page(request: HttpRequest) -> HttpResponse:
    """See how it stands; POST takes one step, named by ``do``."""
    member: Member = request.member  # type: ignore[attr-defined]
    if request.method != "POST":
        return _show(request, member)
    wait = throttling.codes.take(member.pk).wait
    if wait:
        return _show(request, member, fault=f"Please wait {ceil(wait)} seconds, then try again.", status=429)
    step = {"send": _send, "prove": _prove, "start": _start, "confirm": _confirm, "renew": _renew, "off": _off}
    chosen = step.get(request.POST.get("do", ""))
    if chosen is None:
        return _show(request, member, fault="Please press one of the buttons.")
    with gates.verifying.passed() as inside:
        return chosen(request, member) if inside else _show(request, member, fault=unlock.BUSY, status=429)


def _send(request: HttpRequest, member: Member) -> HttpResponse:
    made = challenges.issue(
        member,
        channel=request.POST.get("channel") or Channel.EMAIL.value,
        session_key=request.session.session_key or "",
        source=client_ip(request) or "",
        purpose=challenges.STEP_UP,
    )
    if isinstance(made, challenges.Refused):
        messages.warning(request, unlock.refusal(made))
    return redirect("pages:two_step")


def _prove(request: HttpRequest, member: Member) -> HttpResponse:
    """The code that was sent shows that the member is at it, so a thief with the session sets up no app of theirs."""
    result, fault = _answered(request, member, request.POST.get("challenge_id", ""))
    if not result:
        return _show(request, member, fault=fault)
    rotate(request)
    request.session["proved_at"] = time.time()
    return _start(request, member)


def _start(request: HttpRequest, member: Member) -> HttpResponse:
    if access.proved(request) and locks.of(member) is None:
        authenticators.begin(request.user)
    return redirect("pages:two_step")


def _confirm(request: HttpRequest, member: Member) -> HttpResponse:
    if locks.of(member) is not None or not access.proved(request):
        return redirect("pages:two_step")
    made = authenticators.confirm(request.user, request.POST.get("code", ""), actor=actor_of(request))
    if not made:
        return _show(request, member, fault=WRONG)
    return _show(request, member, recovery=made)


def _renew(request: HttpRequest, member: Member) -> HttpResponse:
    result, fault = _by_app(request, member)
    if not result:
        return _show(request, member, fault=fault)
    return _show(request, member, recovery=authenticators.renew(request.user, actor=actor_of(request)))


def _off(request: HttpRequest, member: Member) -> HttpResponse:
    if locks.of(member) is not None:
        return redirect("pages:two_step")
    result, fault = _by_app(request, member)
    if not result:
        return _show(request, member, fault=fault)
    authenticators.remove(request.user, actor=actor_of(request))
    messages.success(request, "The authenticator app is turned off. We sent you a note about it.")
    return redirect("pages:two_step")


def _by_app(request: HttpRequest, member: Member) -> tuple[bool, str]:
    """A code of the app itself, or a recovery code, counted like every other try."""
    made = challenges.issue(
        member,
        channel=ways.TOTP,
        session_key=request.session.session_key or "",
        source=client_ip(request) or "",
        purpose=challenges.STEP_UP,
    )
    if isinstance(made, challenges.Refused):
        return False, unlock.refusal(made)
    return _answered(request, member, made.challenge_id)


def _answered(request: HttpRequest, member: Member, challenge_id: str) -> tuple[bool, str]:
    answered = challenges.answer(
        member,
        challenge_id=challenge_id[:64],
        code=request.POST.get("code", "")[:40],
        session_key=request.session.session_key or "",
        actor=actor_of(request),
        purpose=challenges.STEP_UP,
    )
    if answered.result == challenges.Result.WRONG:
        return False, unlock.wrong(answered.attempts_left)
    if answered.result == challenges.Result.TOO_MANY:
        return False, unlock.too_many(answered)
    return answered.result == challenges.Result.PROVED, GONE


def _show(
    request: HttpRequest, member: Member, *, fault: str = "", recovery: tuple[str, ...] = (), status: int = 200
) -> HttpResponse:
    app = authenticators.of(request.user)
    proved = access.proved(request)
    waiting = authenticators.waiting(request.user) if proved and app is None else None
    version = AccountLock.objects.filter(member=member).values_list("version", flat=True).first() or 0
    asked = unlock.sent(member, purpose=challenges.STEP_UP, lock_version=version) if not proved else None
    context = {
        "section": "two_step",
        "member": member,
        "app": app,
        "left": authenticators.left(request.user) if app else 0,
        "lock": locks.of(member),
        "proved": proved,
        "sent": asked if asked and asked["alive"] and asked["channel"] != ways.TOTP else None,
        "ways": {channel: to for channel, to in ways.channels(member).items() if channel != ways.TOTP},
        "picture": pictures.of(waiting, name=member.member_id) if waiting else None,
        "recovery": recovery,
        "fault": fault,
    }
    return render(request, "member/two_step.html", context, status=status)
