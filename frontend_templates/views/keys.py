"""API keys: what apps report with. A key's text is on the page that answers its making, and nowhere afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from api.authentication import verified_keys
from detection import conf
from detection.kernel.vocabulary import KeyScope, Role, Trust
from detection.models import ApiKey, Client
from detection.response import clients
from frontend_templates import wording
from frontend_templates.access import actor_of, admin_action, renewed, role_of, trail_page
from frontend_templates.answers import answer
from frontend_templates.forms import KeyForm, complaint

SHOWN = 200
SOON = timedelta(days=14)
IDLE = timedelta(days=90)


@trail_page
def page(request: HttpRequest) -> HttpResponse:
    """Every key: what it may do, when it was last used, until when it works."""
    return _list(request)


@admin_action
@renewed
def create(request: HttpRequest) -> HttpResponse:
    """A new key, for an app that is there or a new one."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _list(request, typed=_typed(request), fault=complaint(form), status=400)
    said = form.cleaned_data
    key, text = clients.issue_key(
        said["app"],
        sorted(said["scopes"]),
        actor=actor_of(request),
        trust=Trust[said["trust"].upper()],
        requires_signature=said["requires_signature"],
        expires_at=timezone.now() + timedelta(days=said["days"]) if said["days"] else None,
    )
    return _list(request, new=key, text=text)


@admin_action
@renewed
def rotate(request: HttpRequest, key_id: str) -> HttpResponse:
    """A new key in place of this one, which works for another day."""
    old = _known(key_id)
    made = clients.rotate(old, actor=actor_of(request))
    if made is None:
        return _over(request)
    verified_keys.forget()
    return _list(request, new=made[0], text=made[1], instead_of=old)


@admin_action
@renewed
def revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """The key opens nothing from now on."""
    key = _known(key_id)
    if not clients.revoke(key, actor=actor_of(request)):
        return _over(request)
    verified_keys.forget()
    text = f"The key {key} of {wording.visible(key.client.name)} is revoked. It opens nothing any more."
    return answer(request, text, to=reverse("pages:keys"), undo=reverse("pages:restore_key", args=[key_id]))


@admin_action
def restore(request: HttpRequest, key_id: str) -> HttpResponse:
    """Take a revocation back, within half a minute."""
    if not clients.restore(_known(key_id), actor=actor_of(request)):
        text = "It is too late to take that back. Make a new key instead."
        return answer(request, text, to=reverse("pages:keys"), level="warning", status=409)
    return answer(request, "The key works again.", to=reverse("pages:keys"))


def _list(
    request: HttpRequest,
    *,
    new: ApiKey | None = None,
    text: str = "",
    instead_of: ApiKey | None = None,
    typed: dict[str, Any] | None = None,
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    keys = ApiKey.objects.select_related("client").order_by("client__name", "-created_at")[:SHOWN]
    shown = [(key, _state(key, now)) for key in keys]
    context = {
        "section": "keys",
        "new": new,
        "text": text,
        "instead_of": instead_of,
        "form": typed or {"scopes": [KeyScope.EVENTS_WRITE.value, KeyScope.DECISIONS_WRITE.value], "trust": "normal"},
        "fault": fault,
        "living": [(key, state) for key, state in shown if state not in ("revoked", "expired")],
        "over": [(key, state) for key, state in shown if state in ("revoked", "expired")],
        "scopes": [(scope.value, wording.KEY_SCOPES[scope]) for scope in KeyScope],
        "trusts": [(trust.name.lower(), wording.TRUSTS[trust]) for trust in Trust],
        "lives": KeyForm.LIVES,
        "apps": list(Client.objects.order_by("name").values_list("name", flat=True)[:SHOWN]),
        "address": conf.current().public_url or request.build_absolute_uri("/").rstrip("/"),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/keys_of_apps.html", context, status=status)


def _state(key: ApiKey, now: Any) -> str:
    """How a key is, in one word."""
    if key.revoked_at:
        return "revoked"
    if key.expires_at and key.expires_at <= now:
        return "expired"
    if key.expires_at and key.expires_at <= now + SOON:
        return "ending"
    if (key.last_used_at or key.created_at) < now - IDLE:
        return "idle"
    return "used" if key.last_used_at else "new"


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What was typed, for the form to show again."""
    return {**request.POST.dict(), "scopes": request.POST.getlist("scopes")}


def _over(request: HttpRequest) -> HttpResponse:
    text = "This key is over already. Make a new one instead."
    return answer(request, text, to=reverse("pages:keys"), level="warning", status=409)


def _known(key_id: str) -> ApiKey:
    found = ApiKey.objects.select_related("client").filter(prefix=key_id).first()
    if found is None:
        raise Http404
    return found
