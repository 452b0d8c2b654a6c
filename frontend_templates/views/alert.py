"""One alert: why, what happened around it, and what can be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection import feed as live
from detection.kernel.vocabulary import AlertStatus, Disposition, Role
from detection.models import Alert, Event, Member, cursor_text
from detection.response import accounts, alerts, health, locks, reversals
from frontend_templates import presence, usual
from frontend_templates.access import actor_of, renewed, role_of, staff_action, staff_page
from frontend_templates.answers import answer, by_script, of_alert
from frontend_templates.forms import MaybeNote, Note, Resolution, complaint, scope_words

EVENTS = 50
NEIGHBOURS = 10
SNOOZES = {"1": "1 hour", "8": "8 hours", "24": "24 hours", "168": "7 days"}


@staff_page
def page(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """The whole story of an alert; beside the feed when our own script asks for it."""
    cursor = live.latest(live.StaffViewer())
    alert = alerts.visible().filter(pk=alert_id).first()
    if alert is None:
        raise Http404
    role = role_of(request)
    context = _story(alert) | {
        "section": "alerts",
        "cursor": cursor_text(cursor),
        "can_write": role != Role.AUDITOR,
        "mine": alert.assignee_id == request.user.pk,
        "colleagues": accounts.workers() if role != Role.AUDITOR else [],
        "beside": by_script(request),
    }
    return render(request, "operator/alert_beside.html" if by_script(request) else "operator/alert.html", context)


def _story(alert: Alert) -> dict[str, Any]:
    """What an alert's page tells, whoever reads it."""
    member = alert.member
    lock = locks.of(member) if member else None
    snoozed = alert.snoozed_until is not None and alert.snoozed_until > timezone.now()
    return {
        "alert": alert,
        "member": member,
        "lock": lock.wire() if lock else None,
        "health": health.of(member) if member else None,
        "usual": usual.of(member, before=alert.first_seen_at) if member else [],
        "summary_is_new": alert.summary not in {reason.get("text") for reason in alert.reasons},
        "reasons": [_told(reason) for reason in alert.reasons],
        "events": Event.objects.filter(alert_id=alert.pk).order_by("-occurred_at", "-id")[:EVENTS],
        "trail": alerts.trail(alert),
        "disputes": alert.disputes.order_by("opened_at"),
        "neighbours": neighbours(alert),
        "suggested": _suggested(alert, locked=lock is not None),
        "dispositions": [item.value for item in Disposition],
        "scopes": scope_words(),
        "snoozes": list(SNOOZES.items()),
        "snoozed": snoozed,
        "resolved": alert.status == AlertStatus.RESOLVED,
    }


def _told(reason: dict[str, Any]) -> dict[str, Any]:
    """A reason as it is shown: a model's sentence is taken apart into the things it found unusual."""
    text = str(reason.get("text", ""))
    lead, colon, rest = text.partition(": ")
    if colon and lead.startswith("Unlike ") and reason.get("points") is None:
        return {**reason, "text": f"{lead}:", "things": rest.removesuffix(".").split("; ")}
    return reason


def neighbours(alert: Alert) -> dict[str, list[Member]]:
    """Other members whose alerts came from the same address, or who use the same device."""
    others = Member.objects.exclude(pk=alert.member_id)
    found: dict[str, list[Member]] = {}
    if alert.ip:
        found["address"] = list(others.filter(alerts__ip=alert.ip).distinct().order_by("member_id")[:NEIGHBOURS])
    if alert.device:
        found["device"] = list(
            others.filter(devices__device_id=alert.device).distinct().order_by("member_id")[:NEIGHBOURS]
        )
    return found


def _suggested(alert: Alert, *, locked: bool) -> str:
    """The one step we would take now; "" when there is none left."""
    if alert.status == AlertStatus.RESOLVED:
        return ""
    was_locked = alert.action_taken in {"lock", "challenge"}  # and was let back in since: once is enough
    if alert.member is not None and not locked and not was_locked and "lock" in alert.suggested_actions:
        return "lock"
    if alert.status == AlertStatus.OPEN:
        return "acknowledge"
    return "resolve"


@staff_action
def acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    acted = alerts.acknowledge(alert_id, actor=actor_of(request))
    return of_alert(request, acted, "You are on it: the alert is acknowledged.", to=_home(alert_id))


@staff_action
def resolve(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    form = Resolution(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=_home(alert_id), level="error", status=400)
    acted = alerts.resolve(alert_id, actor=actor_of(request), **form.cleaned_data)
    return of_alert(request, acted, "The alert is resolved.", to=_home(alert_id))


@staff_action
@renewed
def override(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Say it was a false alarm and let the member back in, in one step."""
    form = Note(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=_home(alert_id), level="error", status=400)
    acted = alerts.resolve(
        alert_id,
        actor=actor_of(request),
        disposition=Disposition.FALSE_POSITIVE,
        note=form.cleaned_data["note"],
        unlock=True,
    )
    done = "A false alarm: the alert is resolved and the member is let back in."
    return of_alert(request, acted, done, to=_home(alert_id))


@staff_action
def escalate(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    return _noted(request, alert_id, alerts.escalate, "The alert is escalated.")


@staff_action
def reopen(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    return _noted(request, alert_id, alerts.reopen, "The alert is open again.")


@staff_action
def comment(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    form = Note(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=_home(alert_id), level="error", status=400)
    acted = alerts.comment(alert_id, actor=actor_of(request), note=form.cleaned_data["note"])
    return of_alert(request, acted, "Your note is in the trail.", to=_home(alert_id), undoable=False)


@staff_action
def assign(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Give it to oneself, to a colleague by name, or to nobody."""
    name = request.POST.get("assignee", "me")
    person = None
    if name:
        person = request.user if name == "me" else accounts.worker(name)
        if person is None:
            return answer(request, "There is no such colleague.", to=_home(alert_id), level="error", status=400)
    acted = alerts.assign(alert_id, actor=actor_of(request), assignee=person)
    if person is None:
        done = "Nobody is on it any more."
    else:
        done = "It is yours." if person == request.user else f"It is with {person.get_username()} now."
    return of_alert(request, acted, done, to=_home(alert_id))


@staff_action
def snooze(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Put it aside for some hours, or take it up again with 0."""
    hours = request.POST.get("hours", "")
    if hours not in SNOOZES and hours != "0":
        return answer(request, "Please say for how long.", to=_home(alert_id), level="error", status=400)
    until = timezone.now() + timedelta(hours=int(hours)) if hours != "0" else None
    acted = alerts.snooze(alert_id, actor=actor_of(request), until=until)
    done = f"Put aside for {SNOOZES[hours]}; it comes back by itself if it grows worse." if until else "It is back."
    return of_alert(request, acted, done, to=_home(alert_id))


@staff_action
def looking(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Say that one looks at it, and hear who else does."""
    if not Alert.objects.filter(pk=alert_id).exists():
        raise Http404
    others = presence.looking(alert_id, request.user.get_username(), gone=bool(request.POST.get("gone")))
    return JsonResponse({"others": others})


@staff_action
def undo(request: HttpRequest, action_id: UUID) -> HttpResponse:
    """Take a step about an alert back, or an unlock, within the half minute the server allows."""
    unlocked = reversals.take_back(action_id, actor=actor_of(request))
    if unlocked.member is not None:
        to = reverse("pages:member_file", args=[unlocked.member.member_id])
        if unlocked.late:
            text = "It is too late to take this back, or the lock was changed since."
            return answer(request, text, to=to, level="warning", status=409)
        return answer(request, "Taken back: the member is locked as before, and has been told.", to=to)
    acted = alerts.undo(action_id, actor=actor_of(request))
    to = _home(acted.alert.pk) if acted.alert else reverse("pages:feed")
    if acted.conflict:
        text = "It is too late to take this back, or somebody has changed the alert since."
        return answer(request, text, to=to, level="warning", status=409, conflict=acted.conflict)
    return of_alert(request, acted, "Taken back: the alert is as it was before.", to=to, undoable=False)


def _noted(request: HttpRequest, alert_id: UUID, verb: Any, done: str) -> HttpResponse:
    form = MaybeNote(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=_home(alert_id), level="error", status=400)
    return of_alert(request, verb(alert_id, actor=actor_of(request), **form.cleaned_data), done, to=_home(alert_id))


def _home(alert_id: UUID) -> str:
    return reverse("pages:alert", args=[alert_id])
