"""One ear a process: hears what is pushed, keeps every audience gapless, and tends the sockets.

A push is a hint, the database is the truth. Each push says which cursor came before it, so a lost one is seen at the
next; and at every heartbeat the newest cursors are read, so that it is seen without one. An audience reads what it
missed once, for all its viewers.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db.models import Max
from redis.exceptions import RedisError

from detection import feed
from detection.feed import StaffViewer
from detection.models import FeedEntry
from realtime import access, groups
from realtime.audience import Audience
from realtime.database import ask
from realtime.messages import Close, Line
from realtime.viewer import LONGEST, Viewer

logger = structlog.get_logger(__name__)

HEARTBEAT = 10.0
#: While pushes can't be heard the database is looked at this often.
DEAF_LOOK = 2.0
#: Longest wait for Valkey, and for a push of our own to come back.
LAYER_WAITS = 2.0
LAYER_FAULTS = (RedisError, OSError, RuntimeError)


class Switchboard:
    """Everything live in one process. Lives on one event loop."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self._audiences: dict[str, Audience] = {}
        self._opening: dict[str, asyncio.Task[Audience]] = {}
        self._groups: Counter[str] = Counter()
        self._channel: str | None = None
        self._echo: asyncio.Event = asyncio.Event()
        self._numbers = itertools.count()
        self._expected = -1
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()

    # --- viewers ------------------------------------------------------------------------------------------

    def seat(self, viewer: Viewer) -> bool:
        """Count a viewer in; whether its user may have one more socket."""
        most = getattr(settings, "SOCKETS_PER_USER", 5)
        if sum(other.seat.user == viewer.seat.user for other in self.viewers) >= most:
            return False
        self._start()
        self.viewers.add(viewer)
        for name in (viewer.seat.group, groups.user(viewer.seat.user)):
            self._groups[name] += 1
            if self._groups[name] == 1:
                self._soon(self._subscribe(name))
        return True

    async def join(self, viewer: Viewer) -> Audience:
        """Bring a seated viewer to its audience. Works without Valkey: the feed is then read at every look."""
        audience = await self._audience(viewer.seat.group, viewer)
        if viewer in self.viewers:
            audience.viewers.add(viewer)
        return audience

    def leave(self, viewer: Viewer) -> None:
        """The viewer's socket is gone."""
        if viewer not in self.viewers:
            return
        self.viewers.discard(viewer)
        group = viewer.seat.group
        if group in self._audiences:
            self._audiences[group].viewers.discard(viewer)
        for name in (group, groups.user(viewer.seat.user)):
            self._groups[name] -= 1
            if not self._groups[name]:
                del self._groups[name]
                self._audiences.pop(name, None)
                self._soon(self._unsubscribe(name))

    async def _audience(self, group: str, viewer: Viewer) -> Audience:
        """The audience of a group, opened once however many come at the same time."""
        while group not in self._audiences:
            if group not in self._opening:
                self._opening[group] = asyncio.get_running_loop().create_task(self._open(viewer.seat.viewer))
            opening = self._opening[group]
            try:
                audience = await asyncio.shield(opening)
            finally:
                if opening.done() and self._opening.get(group) is opening:
                    del self._opening[group]
            self._audiences.setdefault(group, audience)
        return self._audiences[group]

    @staticmethod
    async def _open(reader: feed.Viewer) -> Audience:
        return Audience(reader, await ask(feed.latest, reader))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # --- hearing ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._listen()), loop.create_task(self._tend())]

    async def _listen(self) -> None:
        """Hear pushes for as long as the process lives, over every restart of Valkey."""
        layer = get_channel_layer()
        while True:
            ear: asyncio.Task[None] | None = None
            try:
                async with asyncio.timeout(LAYER_WAITS):
                    self._channel = await layer.new_channel()
                ear = asyncio.get_running_loop().create_task(self._hear_all(layer, self._channel))
                async with asyncio.timeout(LAYER_WAITS):
                    await self._rejoin(layer)
                self._fill_all()  # whatever was said before we listened
                await self._until_deaf(layer)
            except Exception as error:  # noqa: BLE001 - a layer over a dying connection can fail in any way
                logger.warning("live.deaf", error=type(error).__name__)
            self._channel = None
            await self._hang_up(layer, ear)
            await asyncio.sleep(DEAF_LOOK / 2)

    async def _hear_all(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            try:
                self._hear(message)
            except (KeyError, TypeError, ValueError) as error:  # not from this version of us
                logger.warning("live.message_dropped", error=type(error).__name__)

    def _hear(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "push":
                audience = self._audiences.get(message["group"])
                if audience is not None:
                    audience.hear(message["previous"], [Line(*line) for line in message["lines"]])
            case "ended":
                self._end(message)
            case "echo":
                if message["number"] == self._expected:
                    self._echo.set()

    async def _until_deaf(self, layer: Any) -> None:
        """Returns when a push of our own does not come back: the only proof that others' would."""
        while True:
            self._echo.clear()
            self._expected = next(self._numbers)
            async with asyncio.timeout(LAYER_WAITS):
                await layer.send(self._channel, {"type": "echo", "number": self._expected})
                await self._echo.wait()
                await self._rejoin(layer)
            await asyncio.sleep(DEAF_LOOK)

    async def _rejoin(self, layer: Any) -> None:
        for group in list(self._groups):
            await layer.group_add(group, self._channel)

    async def _subscribe(self, group: str) -> None:
        layer, channel = get_channel_layer(), self._channel
        if channel is None:
            return  # joined when the ear is open again
        try:
            async with asyncio.timeout(LAYER_WAITS):
                await layer.group_add(group, channel)
        except LAYER_FAULTS as error:
            logger.info("live.not_subscribed", error=type(error).__name__)
        if group in self._audiences:
            self._audiences[group].fill()

    async def _unsubscribe(self, group: str) -> None:
        layer, channel = get_channel_layer(), self._channel
        if channel is None or group in self._groups:  # somebody came meanwhile
            return
        try:
            async with asyncio.timeout(LAYER_WAITS):
                await layer.group_discard(group, channel)
        except LAYER_FAULTS as error:
            logger.info("live.not_unsubscribed", error=type(error).__name__)

    async def _hang_up(self, layer: Any, ear: asyncio.Task[None] | None) -> None:
        """Drop every connection of the layer, whatever state a dead or frozen Valkey left them in."""
        if ear is not None:
            ear.cancel()
        try:
            async with asyncio.timeout(LAYER_WAITS):
                await layer.flush()
        except Exception as error:  # noqa: BLE001 - as above; what counts is that it is let go
            logger.info("live.not_hung_up", error=type(error).__name__)

    # --- tending ------------------------------------------------------------------------------------------

    async def _tend(self) -> None:
        """Heartbeats, and the looks at the database: with each of them, and more often while pushes can't be heard."""
        beat_at = time.monotonic() + HEARTBEAT
        while True:
            await asyncio.sleep(min(DEAF_LOOK, max(beat_at - time.monotonic(), 0)))
            due = time.monotonic() >= beat_at
            if self.viewers and (due or self._channel is None):
                await self._look_around(check=due)
            if due:
                beat_at = time.monotonic() + HEARTBEAT
                for viewer in self.viewers:
                    viewer.beat()

    async def _look_around(self, *, check: bool) -> None:
        try:
            await self._look()
            if check:
                await self._check_seats()
        except Exception as error:  # noqa: BLE001 - the sockets stay, and the next look may succeed
            logger.warning("live.look_failed", error=type(error).__name__)

    async def _look(self) -> None:
        """Read the newest cursor of every audience at once; those that missed something read it."""
        heard = dict(self._audiences)
        members = [group for group in heard if group != groups.STAFF]
        newest = await ask(_newest, groups.STAFF in heard, [int(group.partition(".")[2]) for group in members])
        filling = []
        for group, audience in heard.items():
            if newest.get(group, 0) > audience.last:
                audience.fill()
                filling.append(audience)
        for audience in filling:
            await audience.filled()

    async def _check_seats(self) -> None:
        """Close the sockets whose session, user or role is no longer what it was."""
        viewers = list(self.viewers)
        verdicts = await ask(_verdicts, [viewer.seat for viewer in viewers])
        now = time.monotonic()
        for viewer, verdict in zip(viewers, verdicts, strict=True):
            if verdict is not None:
                viewer.leave(verdict)
            elif now - viewer.since > LONGEST:
                viewer.leave(Close.OVER)

    def _fill_all(self) -> None:
        for audience in self._audiences.values():
            audience.fill()

    def _end(self, message: dict[str, Any]) -> None:
        """Sign-out and the like: close this user's sockets, all but one session's or only one session's."""
        for viewer in list(self.viewers):
            if viewer.seat.user != message["user"]:
                continue
            session = access.digest(viewer.seat.session)
            if message.get("only") not in (None, session) or message.get("keep") == session:
                continue
            viewer.leave(Close(message["code"]))


def _verdicts(seats: list[access.Seat]) -> list[Close | None]:
    return [access.still_holds(seat) for seat in seats]


def _newest(staff: bool, members: list[int]) -> dict[str, int]:
    found = {}
    if staff:
        found[groups.STAFF] = feed.latest(StaffViewer())
    if members:
        rows = FeedEntry.objects.filter(member__in=members, for_member=True).values_list("member").annotate(Max("id"))
        found |= {groups.member(member): last for member, last in rows}
    return found


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The switchboard of the running loop; a server process has one."""
    return _boards.setdefault(asyncio.get_running_loop(), Switchboard())
