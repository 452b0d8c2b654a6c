"""The one-use link by which a shop signs its member in here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from api import throttling
from api.addresses import client_ip
from detection.response import accounts, faces, portal
from frontend_templates.access import may_be_framed
from frontend_templates.views.doors import enter as start_session


@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows one button and spends nothing; POST spends the link, starts a fresh session and goes on."""
    client = portal.client_of(token)
    embedded = request.GET.get("view") == "embedded"
    request.face = faces.of(client) if client else None  # type: ignore[attr-defined]
    return may_be_framed(request, _enter(request, token, client=client, embedded=embedded))


def _enter(request: HttpRequest, token: str, *, client: int | None, embedded: bool) -> HttpResponse:
    if request.method == "GET":
        usable = portal.peek(token)
        return _page(request, usable=usable, status=200 if usable else 410)
    if throttling.logins.take(client_ip(request)).wait:
        return _page(request, usable=True, status=429, fault="Too many tries. Please wait a moment, then try again.")
    member = portal.spend(token)
    if member is None:
        return _page(request, usable=False, status=410)
    user = accounts.user_for(member)
    if not user.is_active:
        return _page(request, usable=False, status=410)
    request.session.flush()
    start_session(request, user)
    request.session["shop"] = client
    request.session["embedded"] = embedded
    return redirect("pages:member")


def _page(request: HttpRequest, *, usable: bool, status: int, fault: str = "") -> HttpResponse:
    return render(request, "public/portal.html", {"usable": usable, "fault": fault}, status=status)
