"""Who may watch what: asked at the handshake, and again on every heartbeat of the socket's life."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare

from detection.feed import MemberViewer, StaffViewer, Viewer
from detection.models import Member
from detection.response import accounts
from realtime import groups
from realtime.messages import Close


class Door(Enum):
    """The two feeds."""

    ALERTS = "alerts"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Seat:
    """A place at a feed, held by one session of one user."""

    door: Door
    session: str
    user: int
    viewer: Viewer

    @property
    def group(self) -> str:
        """The audience it sits in."""
        return groups.member(self.viewer.member) if isinstance(self.viewer, MemberViewer) else groups.STAFF


def admit(door: Door, session: str | None) -> Seat | Close:
    """The seat a session has at a door, or why it has none. Reads the database, trusts nothing remembered."""
    user = _user(session) if session else None
    if session is None or user is None:
        return Close.SIGNED_OUT
    viewer = _viewer(door, user)
    return Seat(door, session, user.pk, viewer) if viewer is not None else Close.NOT_ALLOWED


def still_holds(seat: Seat) -> Close | None:
    """Why a seat must be given up; None while it holds."""
    now = admit(seat.door, seat.session)
    if isinstance(now, Close):
        return now
    return None if now == seat else Close.NOT_ALLOWED


def session_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The session key a handshake carries."""
    sent = "; ".join(value.decode("latin1") for name, value in headers if name.lower() == b"cookie")
    return parse_cookie(sent).get(settings.SESSION_COOKIE_NAME) or None


def digest(session: str) -> str:
    """A session's name outside the database: says which one without being able to open it."""
    return hashlib.sha256(b"socket\0" + session.encode()).hexdigest()


def _viewer(door: Door, user: Any) -> Viewer | None:
    if door is Door.ALERTS:
        return StaffViewer() if accounts.role_of(user) else None
    member = Member.objects.filter(user=user.pk).values_list("pk", flat=True).first()
    return MemberViewer(member) if member is not None else None


def _user(session: str) -> Any | None:
    """The signed-in user of a session, as ``django.contrib.auth`` decides it, but without ever changing the session."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session)
    path = store.get(BACKEND_SESSION_KEY)
    if path not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(path).get_user(store[SESSION_KEY])  # None for one who is not active
    given = store.get(HASH_SESSION_KEY) or ""
    if user is None or not hasattr(user, "get_session_auth_hash"):
        return user
    good = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(given, each) for each in good) else None
