"""A member's own page: how safe the account is, what happened, and "was this you?"."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection import conf
from detection import feed as live
from detection.kernel.vocabulary import BROWSING, AlertStatus, Channel
from detection.models import Alert, Dispute, Event, Member, Notification, cursor_text
from detection.response import devices, disputes, members
from frontend_templates import access, stories
from frontend_templates.access import actor_of, member_action, member_page
from frontend_templates.answers import answer

EVENTS, DEVICES, NOTICES, QUESTIONS = 10, 8, 8, 5


@member_page
def page(request: HttpRequest) -> HttpResponse:
    """The member's whole world on one page."""
    member: Member = request.member  # type: ignore[attr-defined]
    cursor = live.latest(live.MemberViewer(member.pk))
    events = list(worth_telling(member)[:EVENTS])
    context = {
        "section": "member",
        "member": member,
        "cursor": cursor_text(cursor),
        "state": members.overview(member),
        "questions": unanswered(member)[:QUESTIONS],
        "answered": Alert.objects.filter(member=member, disputes__isnull=False).distinct().order_by("-created_at")[:5],
        "events": events,
        "newest": f"{events[0].event_id} {events[0].state}" if events else "",
        "devices": devices.of(member)[:DEVICES],
        "notices": Notification.objects.filter(member=member, channel=Channel.PAGE).order_by("-created_at")[:NOTICES],
        "stories": stories.offered() if conf.current().demo else None,
        "played": request.session.pop("played", None),
    }
    return render(request, "member/page.html", context)


def worth_telling(member: Member) -> QuerySet[Event]:
    """What happened, newest first, without calm browsing: that would bury what matters."""
    return Event.objects.of_member(member).exclude(type__in=BROWSING, alert_id=None)


def unanswered(member: Member) -> QuerySet[Alert]:
    """Alerts the member has not been asked about in vain: unresolved and without an answer."""
    mine = Alert.objects.filter(member=member, disputes__isnull=True).exclude(status=AlertStatus.RESOLVED)
    return mine.order_by("-created_at", "-id")


@member_page
def question(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """One alert in the member's words. Mails lead here; reading it answers nothing."""
    member: Member = request.member  # type: ignore[attr-defined]
    alert = Alert.objects.filter(member=member, pk=alert_id).first()
    if alert is None:
        raise Http404
    state = members.overview(member)
    said = alert.disputes.order_by("-opened_at").first()
    case = disputes.case(said) if said and said.answer == Dispute.NOT_ME and said.closed_at is None else None
    context = {"section": "question", "alert": alert, "said": said, "case": case, "state": state, "lock": state["lock"]}
    return render(request, "member/question.html", context)


@member_action
def dispute(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """No, it was not me: secure the account."""
    member: Member = request.member  # type: ignore[attr-defined]
    told = disputes.deny(alert_id, member=member, actor=actor_of(request), session_key=request.session.session_key)
    if told.missing:
        raise Http404
    text = f"Thank you for telling us. Your reference number is {told.reference}."
    return answer(request, text, to=_home(alert_id), go=_home(alert_id), reference=told.reference)


@member_action
def confirm(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Yes, it was me."""
    member: Member = request.member  # type: ignore[attr-defined]
    told = disputes.confirm(alert_id, member=member, actor=actor_of(request), proved=access.proved(request))
    if told.missing:
        raise Http404
    if told.stands:
        text = f"You told us before that this was not you ({told.reference}). Our staff will close it with you."
        return answer(request, text, to=_home(alert_id), level="warning", status=409)
    return answer(request, "Thank you. We will not ask about this again.", to=reverse("pages:member"))


def _home(alert_id: UUID) -> str:
    return reverse("pages:question", args=[alert_id])
