"""What was announced is pushed: frames to those who watch, word to the sockets that must close.

Frames are built once for all, on a courier's thread with one long-lived event loop. Whoever announces never waits. A
push that is lost is nothing but late: every process looks at the database on its heartbeats.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.contrib.auth.signals import user_logged_out
from django.db import connections

from detection import feed
from detection.announcements import FeedAdvanced, SessionsEnded, announced
from realtime import groups
from realtime.access import digest
from realtime.messages import Close, Line, lines
from tasks.breaker import Breaker
from tasks.courier import Courier

logger = structlog.get_logger(__name__)

#: Frames in one push: a long transaction is told in several.
LARGEST_PUSH = 100
#: All pushes of a batch must be out by then; Valkey may be frozen.
LAYER_WAITS = 2.0

_breaker = Breaker()
_own = threading.local()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """One session of a user has ended."""

    user: int
    session: str


News = FeedAdvanced | SessionsEnded | SignedOut
Push = tuple[str, dict[str, Any]]


def connect() -> None:
    """Listen to what is announced in this process, and to people signing out."""
    announced.connect(_on_news, sender=FeedAdvanced, dispatch_uid="realtime.feed")
    announced.connect(_on_news, sender=SessionsEnded, dispatch_uid="realtime.sessions")
    user_logged_out.connect(_on_sign_out, dispatch_uid="realtime.sign_out")


def _on_news(announcement: News, **_: Any) -> None:
    _courier.post(announcement)


def _on_sign_out(request: Any = None, user: Any = None, **_: Any) -> None:
    session = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and session:
        _courier.post(SignedOut(user.pk, session))


def _carry(news: Sequence[News]) -> None:
    if _breaker.open:
        return
    pushes = [push for item in news for push in _endings(item)]
    advances = [item for item in news if isinstance(item, FeedAdvanced)]
    if advances:
        pushes += _frames(advances)
    try:
        _loop().run_until_complete(_send(pushes))
    except Exception as error:  # noqa: BLE001 - a layer over a dying connection can fail in any way
        if not _breaker.troubled:
            logger.warning("push.layer_away", error=type(error).__name__)
        _breaker.failed()
    else:
        _breaker.worked()


async def _send(pushes: Iterable[Push]) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(LAYER_WAITS):
            for group, message in pushes:
                await layer.group_send(group, message)
    except BaseException:
        await layer.flush()  # the connection may hold half an answer
        raise


def _endings(news: News) -> Iterable[Push]:
    if isinstance(news, SignedOut):
        word = {"type": "ended", "only": digest(news.session), "keep": None, "code": int(Close.SIGNED_OUT)}
        yield groups.user(news.user), word | {"user": news.user}
    elif isinstance(news, SessionsEnded):
        keep = digest(news.keep_session) if news.keep_session else None
        only = digest(news.only_session) if news.only_session else None
        code = int(Close.SIGNED_OUT if only else Close.NOT_ALLOWED)
        for user in news.user_ids:
            yield groups.user(user), {"type": "ended", "only": only, "keep": keep, "code": code, "user": user}


def _frames(advances: Sequence[FeedAdvanced]) -> Iterable[Push]:
    """The pushes of several announcements, their frames read together."""
    staff, members = feed.build([entry for advance in advances for entry in advance.entries])
    by_staff = {line.cursor: line for line in lines(staff)}
    by_member = {member: {line.cursor: line for line in lines(frames)} for member, frames in members.items()}
    for advance in sorted(advances, key=lambda advance: advance.entries):
        yield from _pushes(groups.STAFF, advance.previous_staff, _chosen(by_staff, advance))
        for member, found in by_member.items():
            previous = advance.previous_member.get(member, 0)  # absent: nothing was ever said to them
            yield from _pushes(groups.member(member), previous, _chosen(found, advance))


def _chosen(found: dict[int, Line], advance: FeedAdvanced) -> list[Line]:
    return [found[entry] for entry in advance.entries if entry in found]


def _pushes(group: str, previous: int, told: list[Line]) -> Iterable[Push]:
    for start in range(0, len(told), LARGEST_PUSH):
        part = told[start : start + LARGEST_PUSH]
        yield group, {"type": "push", "group": group, "previous": previous, "lines": [tuple(line) for line in part]}
        previous = part[-1].cursor


def _loop() -> asyncio.AbstractEventLoop:
    """The loop of the courier's thread; a forked process has a thread, a loop and connections of its own."""
    if not hasattr(_own, "loop"):
        _own.loop = asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = _own.loop
    return loop


_courier: Courier[News] = Courier("live-push", _carry, every=0.02, rest=connections.close_all)
