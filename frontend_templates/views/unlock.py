"""The way back in: a one-time code to an address we trust. Works without a line of JavaScript."""

from __future__ import annotations

import time
from datetime import timedelta
from math import ceil

from django.contrib import messages
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from api import gates, throttling
from api.addresses import client_ip
from api.views import mine
from detection.conf import CODE_RESEND_AFTER, CODE_TRIES
from detection.kernel.vocabulary import Channel
from detection.models import Member, OtpChallenge
from detection.response import challenges, locks, ways
from frontend_templates import wording
from frontend_templates.access import actor_of, member_action, member_form, rotate
from frontend_templates.forms import Code, Password

#: What each refusal means to the member.
REFUSALS = {
    "not-locked": "Your account is not locked any more.",
    "staff-lock": "The shop’s staff placed this lock, so only they can lift it.",
    "no-safe-channel": "We have no address for you that we can trust with a code. Please contact the shop.",
    "too-soon": "A code is on its way already. You can ask for another in {wait}.",
    "daily-cap": "You have had all the codes there are for today. Please contact the shop, or try again in {wait}.",
    "self-service-off": "There were too many wrong codes, so the shop’s staff have to help. Please contact them.",
}
BUSY = "Very many people are at it right now. Please try again in a few seconds."


@member_form
def page(request: HttpRequest) -> HttpResponse:
    """Ask for a code, enter it."""
    member: Member = request.member  # type: ignore[attr-defined]
    if request.method == "POST":
        return _verify(request, member)
    return _show(request, member)


@member_action
def send(request: HttpRequest) -> HttpResponse:
    """Send a code, or say why not."""
    member: Member = request.member  # type: ignore[attr-defined]
    if needs_password(request):
        return redirect("pages:unlock")
    wait = throttling.codes.take(member.pk).wait
    if wait:
        messages.warning(request, f"Please wait {ceil(wait)} seconds.")
        return redirect("pages:unlock")
    channel = request.POST.get("channel") or Channel.EMAIL.value
    made = challenges.issue(
        member, channel=channel, session_key=request.session.session_key, source=client_ip(request) or ""
    )
    if isinstance(made, challenges.Refused):
        messages.warning(request, refusal(made))
    elif channel != ways.TOTP:
        messages.success(request, f"A code is on its way to {made.sent_to}.")
    return redirect("pages:unlock")


@sensitive_post_parameters("password")
@member_action
def password(request: HttpRequest) -> HttpResponse:
    """Say the password once more: the sign-in is a while ago."""
    form = Password(request.POST)
    wait = throttling.logins.take((client_ip(request), request.user.pk), 5).wait
    if wait:
        messages.error(request, f"Too many tries. Please wait {ceil(wait)} seconds.")
        return redirect("pages:unlock")
    with gates.passwords.passed() as inside:
        right = inside and form.is_valid() and check_password(form.cleaned_data["password"], request.user.password)
    if not inside:
        messages.warning(request, BUSY)
    elif right:
        rotate(request)
        request.session["signed_in_at"] = time.time()
    else:
        messages.error(request, "That is not the password of this account. Please try again.")
    return redirect("pages:unlock")


def needs_password(request: HttpRequest) -> bool:
    """Whether the sign-in is so old that the password is asked for again, where there is one."""
    if not request.user.has_usable_password():
        return False
    return time.time() - request.session.get("signed_in_at", 0) > mine.FRESH_FOR.total_seconds()


def _verify(request: HttpRequest, member: Member) -> HttpResponse:
    if needs_password(request):
        return redirect("pages:unlock")
    form = Code(request.POST)
    if not form.is_valid():
        return _show(request, member, fault="Please enter the code.")
    wait = throttling.codes.take(member.pk).wait
    if wait:
        return _show(request, member, fault=f"Please wait {ceil(wait)} seconds, then try again.", status=429)
    with gates.verifying.passed() as inside:
        if not inside:
            return _show(request, member, fault=BUSY, status=429)
        answered = challenges.answer(
            member,
            challenge_id=form.cleaned_data["challenge_id"],
            code=form.cleaned_data["code"],
            session_key=request.session.session_key,
            actor=actor_of(request),
        )
    result = challenges.Result
    if answered.result == result.UNLOCKED:
        rotate(request)
        request.session["proved_at"] = time.time()
        text = "Welcome back. Your account is unlocked." if answered.lock is None else "That code was right."
        messages.success(request, text)
        return redirect("pages:member")
    if answered.result == result.WRONG:
        return _show(request, member, fault=wrong(answered.attempts_left))
    if answered.result == result.TOO_MANY:
        return _show(request, member, fault=too_many(answered), status=429)
    if answered.lock is None and locks.of(member) is None:
        messages.success(request, REFUSALS["not-locked"])
        return redirect("pages:member")
    return _show(request, member, fault="That code is not valid any more. Please ask for a new one.")


def _show(request: HttpRequest, member: Member, *, fault: str = "", status: int = 200) -> HttpResponse:
    now = timezone.now()
    lock = locks.of(member)
    context = {
        "section": "unlock",
        "member": member,
        "lock": lock.wire() if lock else None,
        "fault": fault,
        "now": now,
        "ask_password": lock is not None and needs_password(request),
        "sent": sent(member, purpose=challenges.UNLOCK, lock_version=lock.version) if lock else None,
        "ways": ways.channels(member, now),
        "off": member.self_service_off_at is not None,
    }
    return render(request, "member/unlock.html", context, status=status)


def sent(member: Member, *, purpose: str, lock_version: int) -> dict[str, object] | None:
    """The newest code asked for, alive or not: an expired one keeps the page and offers a new one."""
    now = timezone.now()
    asked = OtpChallenge.objects.filter(member=member, purpose=purpose, lock_version=lock_version)
    challenge = asked.order_by("-created_at").first()
    if challenge is None:
        return None
    wait = challenge.created_at + CODE_RESEND_AFTER - now if challenge.channel != ways.TOTP else timedelta()
    left = max(0, challenge.max_attempts - challenge.attempts)
    alive = challenge.consumed_at is None and challenge.superseded_at is None and challenge.expires_at > now
    return {
        "id": challenge.pk,
        "to": challenge.sent_to,
        "channel": challenge.channel,
        "expires_at": challenge.expires_at,
        "alive": alive and left > 0,
        "tries_left": left,
        "tries": CODE_TRIES,
        "seconds_left": max(0, int((challenge.expires_at - now).total_seconds())),
        "resend_in": max(0, ceil(wait.total_seconds())),
    }


def wrong(left: int) -> str:
    """What a wrong code is told."""
    if left == 0:
        return "That is not the code, and it was the last try for it. Please ask for a new one."
    return f"That is not the code. You have {left} {'try' if left == 1 else 'tries'} left."


def too_many(answered: challenges.Answer) -> str:
    """What more wrong codes than a day allows are told."""
    if answered.app_only:
        return (
            "Those were all the tries at the app’s codes for today. Use a recovery code, or ask for a code by e-mail."
        )
    return "There were too many wrong codes. Please contact the shop, or try again tomorrow."


def refusal(refused: challenges.Refused) -> str:
    """Why no code was sent, in words."""
    wait = wording.span(timedelta(seconds=refused.retry_after)) if refused.retry_after else "a moment"
    if refused.retry_after and refused.retry_after > 3600:
        wait = f"{ceil(refused.retry_after / 3600)} hours"
    return REFUSALS.get(refused.code, "No code could be sent. Please contact the shop.").format(wait=wait)
