"""Browsers somebody signed in with before: each has tries of its own, so that a stranger who shares an address with a
member cannot use them up."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "known"
KEPT_FOR = timedelta(days=180)
_signer = signing.TimestampSigner(key=settings.DEVICE_KEY, salt="frontend_templates.browsers")


def remember(response: HttpResponse, user: AbstractBaseUser) -> HttpResponse:
    """The answer to a sign-in, with which the browser is known for this name. It opens nothing."""
    value = _signer.sign_object({"name": user.get_username().casefold(), "browser": secrets.token_hex(8)})
    secure = bool(settings.SESSION_COOKIE_SECURE)
    response.set_cookie(COOKIE, value, max_age=KEPT_FOR, path="/login/", secure=secure, httponly=True, samesite="Lax")
    return response


def known(request: HttpRequest, name: str) -> str | None:
    """Which browser this is of those that signed in by this name, if it is one."""
    try:
        told = _signer.unsign_object(request.COOKIES.get(COOKIE, ""), max_age=KEPT_FOR)
    except signing.BadSignature:
        return None
    return told["browser"] if told["name"] == name.casefold() else None
