"""What a member sees and does: own things only, and another's is as if it were not there."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors, gates, throttling
from api.addresses import client_ip
from api.pagination import Order, moment, paginate, whole
from api.permissions import MEMBERS, member_of
from api.schema import PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.alerts import PAGED
from api.views.door import Door, known_id
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import ActorKind
from detection.models import Device, Event, Member
from detection.response import alerts, challenges, disputes, members
from detection.response.challenges import Result

FRESH_FOR = timedelta(minutes=30)
READ = {"GET": MEMBERS}
WRITE = {"POST": MEMBERS}
PAGING = ("cursor", "limit")


class MemberDoor(Door):
    """A door for the member who is signed in."""

    @property
    def member(self) -> Member:
        found = member_of(self.request)
        assert found is not None  # the permission asked before
        return found

    @property
    def actor(self) -> Actor:
        user = self.request.user
        return Actor(ActorKind.MEMBER, self.member.member_id, user.pk, client_ip(self.request._request))

    @property
    def session_key(self) -> str:
        return self.request.session.session_key or ""


class Me(MemberDoor):
    access = READ

    @extend_schema(operation_id="me", summary="How I am", responses={200: shapes.MemberShape, **READ_PROBLEMS})
    def get(self, request: Any) -> Response:
        return Response(members.overview(self.member))


class MyEvents(MemberDoor):
    access = READ
    parameters = PAGING

    @extend_schema(
        operation_id="my_events",
        summary="What happened",
        parameters=PAGED,
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        page = paginate(request, Event.objects.filter(member=self.member), Order("occurred_at", moment))
        return Response(page.wire(_event_wire))


class MyAlerts(MemberDoor):
    access = READ
    parameters = PAGING

    @extend_schema(
        operation_id="my_alerts",
        summary="What we noticed",
        parameters=PAGED,
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        rows = alerts.visible().filter(member=self.member)
        page = paginate(request, rows, Order("created_at", moment))
        return Response(page.wire(lambda alert: alert.record().member_wire()))


class MyDevices(MemberDoor):
    access = READ
    parameters = PAGING

    @extend_schema(
        operation_id="my_devices",
        summary="Where I was signed in",
        parameters=PAGED,
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        order = Order("last_seen_at", moment, parse_key=whole)
        page = paginate(request, Device.objects.filter(member=self.member), order)
        return Response(page.wire(_device_wire))


class Deny(MemberDoor):
    """This wasn't me."""

    access = WRITE

    @extend_schema(
        operation_id="dispute_alert",
        summary="This wasn't me",
        request=forms.NothingForm,
        responses={200: shapes.DisputeShape, **PROBLEMS},
    )
    def post(self, request: Any, alert_id: str) -> Response:
        self.body(forms.NothingForm)
        key = known_id(alert_id)
        return _disputed(disputes.deny(key, member=self.member, actor=self.actor, session_key=self.session_key))


class Confirm(MemberDoor):
    """It was me."""

    access = WRITE

    @extend_schema(
        operation_id="confirm_alert",
        summary="It was me",
        request=forms.NothingForm,
        responses={200: shapes.DisputeShape, **PROBLEMS},
    )
    def post(self, request: Any, alert_id: str) -> Response:
        self.body(forms.NothingForm)
        return _disputed(disputes.confirm(known_id(alert_id), member=self.member, actor=self.actor))


class AskCode(MemberDoor):
    """Sends a one-time code."""

    access = WRITE

    @extend_schema(
        operation_id="ask_unlock_code",
        summary="Send me a code",
        request=forms.CodeForm,
        responses={201: shapes.ChallengeShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        throttling.codes.demand(self.member.pk)
        given = self.body(forms.CodeForm)
        if not freshly_signed_in(request._request):
            raise errors.Problem(403, "Please sign in again first.", code="sign-in-again")
        issued = challenges.issue(
            self.member,
            channel=given["channel"],
            session_key=self.session_key,
            source=client_ip(request._request) or "",
        )
        if isinstance(issued, challenges.Refused):
            raise _refused(issued)
        answer = {
            "challenge_id": issued.challenge_id,
            "sent_to": issued.sent_to,
            "expires_at": iso(issued.expires_at),
            "resend_after": iso(issued.resend_after),
        }
        return Response(answer, status=201)


class EnterCode(MemberDoor):
    """Takes a one-time code."""

    access = WRITE

    @extend_schema(
        operation_id="enter_unlock_code",
        summary="Here is the code",
        request=forms.AnswerForm,
        responses={200: shapes.UnlockedShape, (410, "application/problem+json"): shapes.ProblemShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        throttling.codes.demand(self.member.pk)
        given = self.body(forms.AnswerForm)
        with gates.verifying.demand():
            answer = challenges.answer(
                self.member,
                challenge_id=given["challenge_id"],
                code=given["code"],
                session_key=self.session_key,
                actor=self.actor,
            )
        if answer.result != Result.UNLOCKED:
            raise _not_opened(answer)
        return Response({"result": "unlocked", "lock": answer.lock.wire() if answer.lock else None})


def freshly_signed_in(request: Any) -> bool:
    """Whether codes may be asked for: a member with a password here has entered it within 30 minutes."""
    if not request.user.has_usable_password():
        return True
    return time.time() - request.session.get("signed_in_at", 0) <= FRESH_FOR.total_seconds()


def _refused(refusal: challenges.Refused) -> errors.Problem:
    words = {
        "not-locked": "Your account is not locked.",
        "staff-lock": "Only the shop's staff can lift this lock.",
        "no-safe-channel": "We have no safe way to send you a code on this channel.",
        "self-service-off": "Too many wrong codes. Please contact the shop.",
        "too-soon": "A code was sent a moment ago. Please wait before asking for another.",
        "daily-cap": "No more codes today. Try again tomorrow, or contact the shop.",
    }
    status = 429 if refusal.code in ("too-soon", "daily-cap") else 409
    return errors.Problem(status, words[refusal.code], code=refusal.code, retry_after=refusal.retry_after)


def _not_opened(answer: challenges.Answer) -> errors.Problem:
    match answer.result:
        case Result.WRONG:
            fault = errors.fault("/code", "This is not the code we sent.", "wrong")
            return errors.Problem(
                400, "This is not the code we sent.", code="wrong", errors=[fault], attempts_left=answer.attempts_left
            )
        case Result.TOO_MANY:
            return errors.Problem(
                429,
                "Too many tries. Please wait, use another way, or contact the shop.",
                code="too-many",
                retry_after=answer.retry_after,
            )
        case Result.MISSING:
            return errors.missing()
    return errors.Problem(410, "This code is over. Ask for a new one.", code="gone")


def _disputed(disputed: disputes.Disputed) -> Response:
    if disputed.missing or disputed.alert is None:
        raise errors.missing()
    if disputed.stands:
        raise errors.Problem(
            409, "You told us that this was not you; only our staff can close it now.", code="disputed"
        )
    return Response(
        {
            "reference": disputed.reference,
            "alert": disputed.alert.record().member_wire(),
            "lock": disputed.lock.wire() if disputed.lock else None,
        }
    )


def _event_wire(event: Event) -> dict[str, Any]:
    """An event as its member sees it: what happened, where and on which device; never what was thought of it."""
    shown = ("ip", "city", "device_id", "session_id", "amount", "currency", "order_id", "user_agent", "changed")
    enriched = event.enriched or {}
    return {
        "event_id": event.event_id,
        "type": event.type,
        "occurred_at": iso(event.occurred_at),
        "received_at": iso(event.received_at),
        "state": event.state,
        "refused": event.outcome in ("deny", "challenge"),
        "country": event.body.get("country") or enriched.get("country"),
        "agent": enriched.get("agent"),
        **{name: event.body.get(name) for name in shown},
    }


def _device_wire(device: Device) -> dict[str, Any]:
    return {
        "device_id": device.device_id,
        "name": device.name or device.agent or "Unknown device",
        "agent": device.agent,
        "country": device.country or None,
        "first_seen_at": iso(device.first_seen_at),
        "last_seen_at": iso(device.last_seen_at),
        "trusted": device.trusted_at is not None and device.distrusted_at is None,
        "not_mine": device.distrusted_at is not None,
    }
