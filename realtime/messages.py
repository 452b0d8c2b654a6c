"""What goes over the wire: frames to viewers, and the few words a viewer may say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from django.utils import timezone

from detection import feed
from detection.kernel.records import iso
from detection.kernel.vocabulary import FrameKind
from detection.models import cursor_text

LARGEST_INBOUND = 4096


class Close(IntEnum):
    """Why a socket was closed. Signed out or not allowed: coming back is of no use without signing in anew."""

    OVER = 1000
    MALFORMED = 4400
    SIGNED_OUT = 4401
    NOT_ALLOWED = 4403
    TOO_SLOW = 4408
    TOO_MANY = 4429
    UNAVAILABLE = 4503


class Line(NamedTuple):
    """A frame as text, made once and sent to every viewer of an audience."""

    cursor: int
    text: str


class MalformedMessage(Exception):
    """A viewer said something that is not in the contract's form."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Tell me everything after this cursor, then go on live."""

    after: int


@dataclass(frozen=True, slots=True)
class Ack:
    """I have seen everything up to here."""

    cursor: int


def lines(frames: Iterable[dict[str, Any]]) -> list[Line]:
    """Frames of the feed as they are sent."""
    return [Line(int(frame["cursor"]), _text(frame)) for frame in frames]


def hello(cursor: int, member: dict[str, Any] | None) -> str:
    """The first frame: where the feed stands, for a member with their whole state as of then. What later frames will
    change in it is also said the way they say it."""
    frame = _now(FrameKind.HELLO, cursor)
    if member is not None:
        frame |= {name: member[name] for name in ("member_id", "lock", "health")} | {"member": member}
    return _text(frame)


def heartbeat(cursor: int) -> str:
    """The connection lives, and everything up to the cursor was sent on it."""
    return _text(_now(FrameKind.HEARTBEAT, cursor))


def behind(cursor: int) -> str:
    """Too slow: nothing more until ``resume``."""
    return _text(_now(FrameKind.BEHIND, cursor))


def read(text: str) -> Resume | Ack | None:
    """What a viewer said; None for a kind we do not know, which newer clients may use. Raises MalformedMessage."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedMessage from None
    if not isinstance(said, dict) or not isinstance(said.get("kind"), str):
        raise MalformedMessage
    if said["kind"] == "resume":
        return Resume(_cursor(said.get("after")))
    if said["kind"] == "ack":
        return Ack(_cursor(said.get("cursor")))
    return None


def _cursor(value: Any) -> int:
    cursor = feed.parse_cursor(value) if isinstance(value, str) and value else None
    if cursor is None:
        raise MalformedMessage
    return cursor


def _now(kind: FrameKind, cursor: int) -> dict[str, Any]:
    return {"kind": kind.value, "cursor": cursor_text(cursor), "at": iso(timezone.now())}


def _text(frame: dict[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
