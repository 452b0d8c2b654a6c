"""Who calls: a client with its key, or a person with a session."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from api import throttling
from api.addresses import client_ip
from api.parsers import BATCH, JSON, NDJSON, raw
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Trust
from detection.models import ApiKey, Client

REALM = 'Bearer realm="SecureRetail"'
REMEMBERED_FOR = 4.0  # seconds: a revoked key is refused everywhere within five
MOST_REMEMBERED = 2_000
USE_NOTED_EVERY = timedelta(minutes=1)
SIGNATURE_LIVES = 300  # seconds
_FORM = re.compile(r"sk_[A-Za-z0-9]{1,16}_[A-Za-z0-9_-]{20,128}")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key that was shown and is good. ``trust`` is what this very request is worth."""

    key: ApiKey
    client: Client
    scopes: frozenset[str]
    trust: Trust

    def actor(self, ip: str | None) -> Actor:
        return Actor(ActorKind.SHOP, self.client.name, None, ip)


class Program(AnonymousUser):
    """The user of a request made with a key: nobody, but authenticated."""

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_anonymous(self) -> bool:  # type: ignore[override]
        return False


class VerifiedKeys:
    """Keys seen a moment ago, by digest, so that a busy client costs one query every few seconds."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[ApiKey, float]] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> ApiKey | None:
        found = self._found.get(hashlib.sha256(text.encode()).digest())
        if found is None or time.monotonic() - found[1] > REMEMBERED_FOR:
            return None
        key = found[0]
        return key if key.expires_at is None or key.expires_at > timezone.now() else None

    def keep(self, text: str, key: ApiKey) -> None:
        with self._lock:
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            self._found[hashlib.sha256(text.encode()).digest()] = (key, time.monotonic())

    def forget(self) -> None:
        with self._lock:
            self._found.clear()


verified_keys = VerifiedKeys()


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """``Authorization: Bearer sk_<prefix>_<secret>``, with a signature where the key asks for one."""

    def authenticate_header(self, request: Any) -> str:
        return REALM

    def authenticate(self, request: Any) -> tuple[Program, Credentials] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        text = text.strip()
        key = verified_keys.get(text) or self._look_up(request._request, text)
        trust = self._trust(request._request, key, text)
        return Program(), Credentials(key, key.client, frozenset(key.scopes), trust)

    def _look_up(self, request: HttpRequest, text: str) -> ApiKey:
        caller = client_ip(request)
        wait = throttling.addresses.look(caller).wait
        if wait:
            raise throttling.too_many(wait)
        key = ApiKey.objects.matching(text) if _FORM.fullmatch(text) else None
        if key is None:
            throttling.addresses.take(caller)
            raise AuthenticationFailed("This key is not valid.")
        verified_keys.keep(text, key)
        note_use(key)
        return key

    def _trust(self, request: HttpRequest, key: ApiKey, text: str) -> Trust:
        header = request.headers.get("X-Signature")
        if header is not None:
            if not signature_holds(request, header, text):
                raise AuthenticationFailed("The signature does not hold.")
            return Trust(key.trust)
        if key.requires_signature:
            raise AuthenticationFailed("This key asks for signed requests.")
        return min(Trust(key.trust), Trust.NORMAL)


def note_use(key: ApiKey) -> None:
    """Remember when a key was last used, at most once a minute."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
        key.last_used_at = now


def signature_holds(request: HttpRequest, header: str, secret: str) -> bool:
    """Whether ``t=<unix>,v1=<hmac-sha256 of t.method.path.body>`` was made with the key for this very request.

    Several ``v1`` may be given while keys rotate. The time may be 300 s off.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    given = [value.lower() for name, _, value in parts if name == "v1" and _HEX.fullmatch(value.lower())]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        return False
    if abs(time.time() - int(stamps[0])) > SIGNATURE_LIVES or not 0 < len(given) <= 5:
        return False
    body = raw(request, most=BATCH, media_types=(JSON, NDJSON)) if request.method in ("POST", "PUT", "PATCH") else b""
    holds = False
    for path in _paths(request):
        message = f"{stamps[0]}.{request.method}.{path}.".encode() + body
        expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        for signature in given:
            holds |= hmac.compare_digest(expected, signature)
    return holds


def _paths(request: HttpRequest) -> set[str]:
    """The path as callers may have written it: as sent, decoded, encoded."""
    found = {request.path, quote(request.path, safe="/:@!$&'()*+,;=~-._")}
    sent = getattr(request, "scope", {}).get("raw_path")
    if sent:
        found.add(sent.decode("latin-1").partition("?")[0])
    return found


class PersonAuthentication(authentication.SessionAuthentication):
    """A signed-in person; writes need the CSRF token."""

    def authenticate_header(self, request: Any) -> str:
        return REALM
