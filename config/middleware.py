"""What every answer carries: a request id, the security headers; and how long a session may live."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from http.cookies import Morsel
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

log = structlog.get_logger("secureretail.request")
GetResponse = Callable[[HttpRequest], HttpResponse]

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Swagger UI sets styles from its script; scripts stay ours alone.
_DOCS_POLICY = _POLICY | {"style-src": "'self' 'unsafe-inline'"}
_OUR_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
SLOW = 1.0
#: Asked every few seconds by machines, which keep count themselves.
PROBES = frozenset({"/healthz", "/readyz", "/status", "/metrics"})
#: How often an active session is written back: its idle limit is exact to this many seconds.
TOUCH_EVERY = 60


def _header(policy: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in policy.items())


POLICY = _header(_POLICY)
DOCS_POLICY = _header(_DOCS_POLICY)


class RequestIds:
    """Gives every answer an ``X-Request-Id``, the one its log lines carry; logs what was refused, failed or slow."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = self._id(request)  # type: ignore[attr-defined]
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]
            response = self.get_response(request)
            self._log(request, response, time.perf_counter() - started)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    def _id(self, request: HttpRequest) -> str:
        given = request.headers.get("X-Request-Id", "") if settings.TRUSTED_PROXIES else ""
        return given if _OUR_ID.fullmatch(given) else uuid.uuid4().hex

    def _log(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        status = response.status_code
        facts = {"method": request.method, "path": request.path, "status": status, "ms": round(seconds * 1000, 1)}
        if status >= 500 and status != 503:
            log.error("failed", **facts)
        elif status >= 400 and request.path not in PROBES:
            log.info("refused", **facts)
        elif seconds > SLOW:
            log.warning("slow", **facts)
        else:
            log.debug("answered", **facts)


class Headers:
    """Sets the content security policy, and keeps answers to someone signed in out of every cache."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        docs = request.path.startswith("/api/docs/")
        policy = DOCS_POLICY if docs else POLICY
        framing = getattr(response, "frame_origins", ())
        if framing:
            policy = _header(_POLICY | {"frame-ancestors": " ".join(framing)})
        response.setdefault("Content-Security-Policy", policy)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        if not request.path.startswith(settings.STATIC_URL) and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store, private"
        return response


class FramedCookies:
    """Gives a page inside a shop's page cookies of its own, kept apart for that shop's site (CHIPS), so that the shop
    need not share a site with us. Over HTTPS only, and for nobody else: every other session stays SameSite=Lax."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # Python's cookies learn of it in 3.14.
        Morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined]
        Morsel._flags.add("partitioned")  # type: ignore[attr-defined]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.is_secure() and getattr(response, "embedded", False):
            for name in {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME} & set(response.cookies):
                response.cookies[name].update({"samesite": "None", "secure": "yes", "partitioned": "yes"})
        return response


class SessionLimits:
    """Ends a session that was idle or lived too long, by its own expiry date, so that every reader sees the same."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        by_itself = request.headers.get("X-Page") == "background"  # a page that asks by itself is nobody at the desk
        if not by_itself and settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._touch(request)
        return self.get_response(request)

    def _touch(self, request: HttpRequest) -> None:
        now = time.time()
        session = request.session
        _, absolute = _limits(staff=session.get("staff", False))
        left = session.get("signed_in_at", now) + absolute - now
        if left <= 0:
            from django.contrib.auth import logout

            logout(request)
        elif now - session.get("touched_at", 0) > TOUCH_EVERY:
            touch(request, request.user, now)


def touch(request: HttpRequest, user: Any, now: float) -> None:
    """Note that a session is in use, and set its end: the idle time from now, and never past the absolute one."""
    from api.addresses import client_ip
    from detection.response import accounts, sessions

    session = request.session
    session["staff"] = accounts.role_of(user) is not None
    idle, absolute = _limits(staff=session["staff"])
    session.setdefault("signed_in_at", now)
    session["touched_at"] = int(now)
    session.set_expiry(max(1, int(min(session["signed_in_at"] + absolute - now, idle))))
    if not session.session_key:  # begun a moment ago
        session.save()
    agent = request.headers.get("User-Agent", "")
    sessions.note(str(session.session_key), user_id=user.pk, ip=client_ip(request), agent=agent)


def _limits(*, staff: bool) -> tuple[float, float]:
    """Seconds a session may be idle and may last. The demo, on this machine only, signs nobody out sooner."""
    if staff and not settings.DEMO:
        return settings.STAFF_SESSION_IDLE.total_seconds(), settings.STAFF_SESSION_ABSOLUTE.total_seconds()
    return settings.SESSION_IDLE.total_seconds(), settings.SESSION_ABSOLUTE.total_seconds()
