"""The two sockets: ``/ws/alerts/`` for staff and ``/ws/member/`` for a member."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from detection import feed
from detection.feed import MemberViewer
from detection.models import Member
from realtime import access, messages, transport
from realtime.access import Door, Seat
from realtime.database import ask
from realtime.messages import Close, MalformedMessage, Resume
from realtime.switchboard import switchboard
from realtime.viewer import Viewer

logger = structlog.get_logger(__name__)

#: What a client may say: ten messages a second, and as many at once.
MESSAGES = 10


class LiveConsumer(AsyncWebsocketConsumer):
    """A door with a feed behind it. Pushes are heard by the process's switchboard, not by each socket."""

    channel_layer_alias = "heard by the switchboard"  # no layer of this name: a socket opens without Valkey
    door: ClassVar[Door]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._viewer: Viewer | None = None
        self._running: asyncio.Task[None] | None = None
        self._allowance = float(MESSAGES)
        self._counted_at = time.monotonic()

    async def connect(self) -> None:
        """Accept, and close at once with the reason when there is no seat for this session."""
        await self.accept()
        try:
            seat = await ask(access.admit, self.door, access.session_of(self.scope["headers"]))
        except DatabaseError:
            seat = Close.UNAVAILABLE
        if isinstance(seat, Close):
            await self._close(seat)
            return
        self.scope["admitted"]()
        unsent = transport.meter(self.base_send)
        viewer = Viewer(seat, send=self._send_text, close=self._close, unsent=unsent)
        if not switchboard().seat(viewer):
            await self._close(Close.TOO_MANY)
            return
        self._viewer = viewer
        self._running = asyncio.get_running_loop().create_task(self._serve(viewer))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """``resume`` and ``ack``; anything that is not in form, too large or too often ends the connection."""
        viewer = self._viewer
        if viewer is None:
            return
        if not self._may_speak():
            viewer.leave(Close.TOO_MANY)
            return
        try:
            if text_data is None or len(text_data.encode()) > messages.LARGEST_INBOUND:
                raise MalformedMessage
            said = messages.read(text_data)
        except MalformedMessage:
            viewer.leave(Close.MALFORMED)
            return
        if isinstance(said, Resume):
            viewer.resume(said.after)
        else:  # an ack confirms what the transport tells already
            viewer.heard()

    async def disconnect(self, code: int) -> None:
        """The socket is gone: give up the seat."""
        if self._running is not None:
            self._running.cancel()
        if self._viewer is not None:
            switchboard().leave(self._viewer)

    async def _serve(self, viewer: Viewer) -> None:
        board = switchboard()
        try:
            audience = await board.join(viewer)
            cursor, hello = await ask(_greeting, viewer.seat)
            await viewer.run(audience, hello, cursor)
        except Exception as error:
            logger.warning("live.socket_failed", error=type(error).__name__, exc_info=True)
            await self._close(Close.UNAVAILABLE)
        finally:
            board.leave(viewer)

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)

    async def _close(self, code: Close) -> None:
        await self.close(int(code))

    def _may_speak(self) -> bool:
        now = time.monotonic()
        self._allowance = min(self._allowance + (now - self._counted_at) * MESSAGES, MESSAGES)
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


class AlertsConsumer(LiveConsumer):
    """Every alert, lock and change of health, for staff."""

    door = Door.ALERTS


class MemberConsumer(LiveConsumer):
    """A member's own alerts, lock, health and notices."""

    door = Door.MEMBER


def _greeting(seat: Seat) -> tuple[int, str]:
    """Where the feed stands and what stands there: the cursor first, so that what changes meanwhile is told again."""
    cursor = feed.latest(seat.viewer)
    member = None
    if isinstance(seat.viewer, MemberViewer):
        member = feed.hello_state(Member.objects.get(pk=seat.viewer.member))
    return cursor, messages.hello(cursor, member)
