"""Webhooks: where the shop's own systems are told, with their secrets, logs, tests and replays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.kernel.vocabulary import Role, WebhookKind
from detection.models import WebhookDelivery, WebhookEndpoint
from detection.response.webhooks import endpoints
from frontend_templates.access import actor_of, admin_action, role_of, trail_page
from frontend_templates.answers import answer
from frontend_templates.paging import older

DELIVERIES = 50
LONGEST_NAME = 100
WAITING = Q(deliveries__sent_at=None, deliveries__failed_at=None, deliveries__id__isnull=False)
CHOOSE = "Choose at least one thing to be told."


@trail_page
def page(request: HttpRequest) -> HttpResponse:
    """Every endpoint and how it is."""
    return _list(request)


@trail_page
def endpoint(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint with what was sent there."""
    return _one(request, _known(endpoint_id))


@admin_action
def create(request: HttpRequest) -> HttpResponse:
    """A new endpoint; its secret is on the page that answers, and nowhere afterwards."""
    kinds, url = _kinds(request), request.POST.get("url", "").strip()
    name = request.POST.get("name", "").strip()[:LONGEST_NAME]
    made = endpoints.create(url, kinds, name=name, actor=actor_of(request)) if kinds else endpoints.Made()
    if made.endpoint is None:
        faults = made.faults or (CHOOSE,)
        return _list(request, typed={"url": url, "name": name, "kinds": kinds, "faults": faults}, status=400)
    return _one(request, made.endpoint, secret=made.secret)


@admin_action
def change(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Set it otherwise, or switch it on or off."""
    found = _known(endpoint_id)
    switch = {"on": True, "off": False}.get(request.POST.get("switch", ""))
    if switch is not None:
        endpoints.change(found, enabled=switch, actor=actor_of(request))
        text = "Switched on. It hears of everything from now on." if switch else "Switched off. It is told nothing."
        return answer(request, text, to=_at(found))
    kinds, url = _kinds(request), request.POST.get("url", "").strip()
    name = request.POST.get("name", "").strip()[:LONGEST_NAME]
    made = (
        endpoints.change(found, url=url, name=name, kinds=kinds, actor=actor_of(request))
        if kinds
        else endpoints.Made(faults=(CHOOSE,))
    )
    if made.faults:
        typed = {"url": url, "name": name, "kinds": kinds, "faults": made.faults}
        return _one(request, _known(endpoint_id), typed=typed, status=400)
    return answer(request, "Saved.", to=_at(found))


@admin_action
def rotate(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """A new secret, shown on the page that answers."""
    made = endpoints.rotate(_known(endpoint_id), actor=actor_of(request))
    assert made.endpoint is not None
    return _one(request, made.endpoint, secret=made.secret)


@admin_action
def test(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Send a test."""
    found = _known(endpoint_id)
    if found.disabled_at:
        return _off(request, found)
    endpoints.test(found, actor=actor_of(request))
    return answer(request, "A test is on its way. What becomes of it stands below.", to=_at(found))


@admin_action
def replay(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Say one message again, or all that were given up."""
    found = _known(endpoint_id)
    if found.disabled_at:
        return _off(request, found)
    wanted = request.POST.get("delivery")
    try:
        chosen = None if wanted is None else [UUID(wanted)]
    except ValueError:
        chosen = []
    moved = endpoints.replay(found, deliveries=chosen, actor=actor_of(request))
    if not moved:
        return answer(request, "There is nothing to send again.", to=_at(found), level="warning", status=404)
    text = "One message is sent again." if moved == 1 else f"{moved} messages are sent again."
    return answer(request, text, to=_at(found))


@admin_action
def remove(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Take it away with its log."""
    endpoints.remove(_known(endpoint_id), actor=actor_of(request))
    return answer(request, "The endpoint is removed.", to=reverse("pages:webhooks"))


def _list(request: HttpRequest, *, typed: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    found = WebhookEndpoint.objects.annotate(waiting=Count("deliveries", filter=WAITING)).order_by("-id")
    context = {
        "section": "webhooks",
        "endpoints": [(row, endpoints.state(row)) for row in found],
        "form": typed or {"kinds": [kind.value for kind in WebhookKind]},
        "kinds": [kind.value for kind in WebhookKind],
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/webhooks.html", context, status=status)


def _one(
    request: HttpRequest,
    found: WebhookEndpoint,
    *,
    secret: str = "",
    typed: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    sent = WebhookDelivery.objects.filter(endpoint=found).select_related("message").prefetch_related("log")
    shown, next_page = older(sent, request.GET.get("before"), size=DELIVERIES)
    context = {
        "section": "webhooks",
        "endpoint": found,
        "state": endpoints.state(found),
        "secret": secret,
        "deliveries": [(row, endpoints.delivery_state(row)) for row in shown],
        "next_page": next_page,
        "given_up": sent.exclude(failed_at=None).count(),
        "form": typed or {"url": found.url, "name": found.name, "kinds": found.kinds},
        "kinds": [kind.value for kind in WebhookKind],
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/webhook.html", context, status=status)


def _off(request: HttpRequest, found: WebhookEndpoint) -> HttpResponse:
    return answer(request, "It is switched off. Switch it on first.", to=_at(found), level="warning", status=409)


def _kinds(request: HttpRequest) -> list[str]:
    known = {kind.value for kind in WebhookKind}
    return [kind for kind in request.POST.getlist("kinds") if kind in known]


def _known(endpoint_id: UUID) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if found is None:
        raise Http404
    return found


def _at(found: WebhookEndpoint) -> str:
    return reverse("pages:webhook", args=[found.pk])
