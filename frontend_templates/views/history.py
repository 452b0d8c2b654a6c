"""What happened within 90 days and what we wrote, in the member's words; each of it can be disputed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection.kernel.vocabulary import BROWSING, Channel, EventType
from detection.models import Dispute, Event, Member, Notification
from detection.response import disputes, health
from frontend_templates.access import actor_of, member_action, member_page
from frontend_templates.answers import answer

BACK = timedelta(days=90)
PAGE = 30
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "signing-in": ("Signing in", ("login.", "logout", "password.", "mfa.", "session.")),
    "payments": ("Payments", ("transaction.", "payment", "checkout.", "refund.", "gift_card.", "coupon.", "payout.")),
    "account": ("Account", ("account.", "profile.", "beneficiary.", "data.", "api_key.", "chargeback.")),
}


@member_page
def activity(request: HttpRequest) -> HttpResponse:
    """Everything of 90 days but calm browsing, newest first, of one kind when asked."""
    member: Member = request.member  # type: ignore[attr-defined]
    kind = request.GET.get("kind", "")
    found = Event.objects.of_member(member).filter(occurred_at__gt=timezone.now() - BACK)
    found = found.exclude(type__in=BROWSING, alert_id=None)
    if kind in KINDS:
        found = found.filter(type__in=[name for name in EventType if name.startswith(KINDS[kind][1])])
    if request.GET.get("stopped"):
        found = found.filter(outcome__in=["deny", "challenge"])
    shown = Paginator(found, PAGE).get_page(request.GET.get("page"))
    said = _said(member, [event.alert_id for event in shown if event.alert_id])
    context = {
        "section": "activity",
        "rows": [(event, said.get(event.alert_id)) for event in shown],
        "shown": shown,
        "kinds": [(key, words) for key, (words, _) in KINDS.items()],
        "kind": kind if kind in KINDS else "",
        "stopped": bool(request.GET.get("stopped")),
    }
    return render(request, "member/activity.html", context)


@member_page
def notices(request: HttpRequest) -> HttpResponse:
    """Everything we wrote, whole."""
    member: Member = request.member  # type: ignore[attr-defined]
    mine = Notification.objects.filter(member=member, channel=Channel.PAGE).order_by("-created_at", "-pk")
    context = {"section": "notices", "shown": Paginator(mine, PAGE).get_page(request.GET.get("page"))}
    return render(request, "member/notices.html", context)


@member_action
def dispute_event(request: HttpRequest, event_pk: UUID) -> HttpResponse:
    """This wasn't me, said of a row of the history."""
    member: Member = request.member  # type: ignore[attr-defined]
    told = disputes.report(event_pk, member=member, actor=actor_of(request), session_key=request.session.session_key)
    if told.missing or told.alert is None:
        raise Http404
    text = f"Thank you for telling us. Your reference number is {told.reference}."
    return answer(request, text, to=reverse("pages:question", args=[told.alert.pk]))


@member_action
def dismiss(request: HttpRequest, code: str) -> HttpResponse:
    """Put a suggestion away."""
    member: Member = request.member  # type: ignore[attr-defined]
    if not health.dismiss(member, code):
        raise Http404
    return answer(request, "We will not suggest this for a while.", to=reverse("pages:member"))


def _said(member: Member, alerts: list[UUID]) -> dict[UUID, Dispute]:
    """What the member answered about these alerts, the newest answer of each. One query."""
    answers = Dispute.objects.filter(member=member, alert__in=alerts).select_related("alert").order_by("opened_at")
    return {each.alert_id: each for each in answers}
