"""Messages: the ways people are reached, how each is, and what was sent to whom."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection.kernel.vocabulary import Channel, Role, Severity
from detection.models import Carrier, Contact, Notification
from detection.response import carriers, notifications
from frontend_templates.access import actor_of, admin_action, role_of, trail_page
from frontend_templates.answers import answer
from frontend_templates.paging import older

SHOWN = 100
STATES = {"waiting": "On the way", "sent": "Sent", "digest": "Told in a digest", "over": "Not sent"}


@trail_page
def page(request: HttpRequest) -> HttpResponse:
    """Every way with its setting and health, and the newest messages."""
    return _page(request)


@admin_action
def change(request: HttpRequest, carrier: str) -> HttpResponse:
    """Set how a way to the staff is used."""
    typed = {name: str(text).strip() for name, text in request.POST.items()}
    try:
        floor = Severity(typed.get("floor", ""))
        begins, ends = typed.get("quiet_from", ""), typed.get("quiet_until", "")
        quiet = (time.fromisoformat(begins), time.fromisoformat(ends)) if begins and ends else None
        after = timedelta(minutes=int(typed.get("after") or 0))
    except (ValueError, OverflowError):
        return _page(request, refused=(carrier, "Times look like 22:00, minutes like 10."), status=400)
    zone = typed.get("time_zone") or "UTC"
    fault = carriers.change(carrier, actor=actor_of(request), floor=floor, quiet=quiet, time_zone=zone, after=after)
    if fault:
        return _page(request, refused=(carrier, fault), status=400)
    return answer(request, "Saved.", to=reverse("pages:messages"))


@admin_action
def test(request: HttpRequest, carrier: str) -> HttpResponse:
    """Send a test by one way."""
    to = reverse("pages:messages")
    if not notifications.test(carrier, actor=actor_of(request)):
        return answer(request, "There is no such way any more.", to=to, level="warning", status=404)
    return answer(request, "A test is on its way. What becomes of it stands below.", to=to)


@admin_action
def replay(request: HttpRequest) -> HttpResponse:
    """Send again what was given up: one message, or all."""
    wanted = request.POST.get("notice")
    try:
        chosen = None if wanted is None else [UUID(wanted)]
    except ValueError:
        chosen = []
    moved = notifications.replay(chosen, actor=actor_of(request))
    to = reverse("pages:messages")
    if not moved:
        return answer(request, "There is nothing to send again.", to=to, level="warning", status=404)
    text = "One message is sent again." if moved == 1 else f"{moved} messages are sent again."
    return answer(request, text, to=to)


def _page(request: HttpRequest, *, refused: tuple[str, str] | None = None, status: int = 200) -> HttpResponse:
    now = timezone.now()
    state = request.GET.get("state", "")
    rows = _in_state(Notification.objects.exclude(channel=Channel.PAGE), state)
    rows = rows.select_related("member").prefetch_related("log")
    shown, next_page = older(rows, request.GET.get("before"), size=SHOWN)
    staff_ways = carriers.ways()
    known = {way.carrier.name for way in staff_ways}
    others = Carrier.objects.exclude(name__in=known).exclude(name="page")
    ways = [
        _way(way.carrier, way.destination if way.channel == Channel.EMAIL else "", now, for_staff=True)
        for way in staff_ways
    ] + [_way(carrier, "", now, for_staff=False) for carrier in others.order_by("name")]
    for way in ways:
        way["fault"] = refused[1] if refused and refused[0] == way["name"] else ""
    context = {
        "section": "messages",
        "ways": ways,
        "messages_sent": [_shown(row) for row in shown],
        "next_page": next_page,
        "states": STATES,
        "state": state if state in STATES else "",
        "severities": [severity.value for severity in Severity],
        "given_up": _in_state(Notification.objects.filter(challenge=""), "over").count(),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/messages.html", context, status=status)


def _in_state(rows: QuerySet[Notification], state: str) -> QuerySet[Notification]:
    chosen: dict[str, dict[str, Any]] = {
        "waiting": {"sent_at": None, "failed_at": None, "digest": None},
        "sent": {"sent_at__isnull": False},
        "digest": {"digest__isnull": False},
        "over": {"failed_at__isnull": False},
    }
    return rows.filter(**chosen.get(state, {}))


def _way(carrier: Carrier, to: str, now: Any, *, for_staff: bool) -> dict[str, Any]:
    return {
        "name": carrier.name,
        "service": carrier.name.split(":")[0],
        "to": to,
        "for_staff": for_staff,
        "floor": str(carrier.floor),
        "quiet_from": carrier.quiet_from,
        "quiet_until": carrier.quiet_until,
        "time_zone": carrier.time_zone,
        "after": int(carrier.after.total_seconds() // 60),
        "failures": carrier.failures,
        "open_until": carrier.open_until if carrier.open_until and carrier.open_until > now else None,
    }


def _shown(row: Notification) -> dict[str, Any]:
    state = "sent" if row.sent_at else "over" if row.failed_at else "digest" if row.digest else "waiting"
    return {
        "row": row,
        "state": state,
        "word": STATES[state],
        "service": row.carrier.split(":")[0] or row.channel,
        "to": _masked(row) if row.member_id else "staff",
        "log": list(row.log.all()),
        "again": state == "over" and not row.challenge,
    }


def _masked(row: Notification) -> str:
    kind = Contact.PHONE if row.channel == Channel.SMS else Contact.EMAIL
    return f"{row.member.member_id}, {Contact(kind=kind, value=row.destination).masked}" if row.member else ""
