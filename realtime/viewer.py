"""One open socket: an ordered, gapless stream of frames at the pace its reader can take."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Protocol

from detection import feed
from realtime import messages
from realtime.access import Seat
from realtime.database import ask
from realtime.messages import Close, Line

#: Unsent bytes a viewer may have; above it must come down to half of them within the patience, or it is behind.
WINDOW = 256 * 1024
PATIENCE = 2.0
#: Above this the writer lets the transport work before it goes on.
BREATH = 64 * 1024
#: Lines that wait in memory for one viewer. They are shared between viewers; what is more comes from the database.
QUEUE = 1024 * 1024
#: How long a viewer that is behind may stay silent.
SILENCE = 30.0
#: After hello a moment is left for ``resume``, so that what was missed comes before what is new.
RESUME_WITHIN = 0.4
LONGEST = 12 * 3600.0


class State(Enum):
    """Where a viewer stands to its audience."""

    CATCHING_UP = "catching up"  # reads the database, at its own pace
    LIVE = "live"  # is handed what the audience hears
    BEHIND = "behind"  # hears nothing until it asks


class Audience(Protocol):
    """What a viewer knows of the stream it belongs to."""

    last: int


class Viewer:
    """Sends frames to one socket. All of it runs on the event loop: what stands between two awaits is one step."""

    def __init__(
        self,
        seat: Seat,
        *,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[Close], Awaitable[None]],
        unsent: Callable[[], int],
    ) -> None:
        self.seat = seat
        self.since = time.monotonic()
        self.state = State.CATCHING_UP
        self.position = 0  # the newest cursor that was sent
        self._send = send
        self._close = close
        self._unsent = unsent
        self._queue: deque[Line] = deque()
        self._queued = 0
        self._tail = 0  # the newest cursor in the queue
        self._turn = 0  # raised whenever the stream is told to go on from elsewhere
        self._beat = False
        self._closing: Close | None = None
        self._awake = asyncio.Event()
        self._heard = asyncio.Event()
        self._silence: asyncio.TimerHandle | None = None

    def offer(self, lines: Sequence[Line]) -> None:
        """New lines of the audience, in order and without a gap after what it was offered before."""
        if self.state is not State.LIVE:
            return
        for line in lines:
            if line.cursor > self._tail:
                self._queue.append(line)
                self._queued += len(line.text)
                self._tail = line.cursor
        if self._queued > QUEUE:
            self._go_on_from(self.position)
        self._awake.set()

    def resume(self, after: int) -> None:
        """Send everything after the cursor, then go on live."""
        self._heard.set()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        self._go_on_from(after)
        self._awake.set()

    def heard(self) -> None:
        """The client said something: it will not say ``resume`` first."""
        self._heard.set()

    def beat(self) -> None:
        """A heartbeat is due."""
        self._beat = True
        self._awake.set()

    def leave(self, code: Close) -> None:
        """Close the socket as soon as what is being sent was handed over."""
        if self._closing is None:
            self._closing = code
        self._awake.set()

    async def run(self, audience: Audience, hello: str, cursor: int) -> None:
        """Serve the socket until it is closed."""
        try:
            await self._begin(hello, cursor)
            while self._closing is None:
                if self.state is State.CATCHING_UP:
                    await self._catch_up(audience)
                await self._send_queue()
                if self._beat:
                    self._beat = False
                    if self.state is not State.BEHIND:
                        await self._put(messages.heartbeat(self.position))
                if self._idle():
                    self._awake.clear()
                    await self._awake.wait()
            await self._close(self._closing)
        finally:
            if self._silence is not None:
                self._silence.cancel()

    def _idle(self) -> bool:
        waits = self._beat or self._queue or self._closing is not None
        return not waits and self.state is not State.CATCHING_UP

    async def _begin(self, hello: str, cursor: int) -> None:
        if not self._turn:
            self.position = cursor
        await self._put(hello)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), RESUME_WITHIN)

    def _go_on_from(self, cursor: int) -> None:
        self.state = State.CATCHING_UP
        self.position = cursor
        self._queue.clear()
        self._queued = 0
        self._turn += 1

    async def _catch_up(self, audience: Audience) -> None:
        turn = self._turn
        viewer = self.seat.viewer
        if self.position > audience.last:  # heard of elsewhere, or never given out: the database knows
            newest = await ask(feed.latest, viewer)
            if self._turn == turn:
                self.position = min(self.position, max(newest, audience.last))
        while self._turn == turn and self._closing is None:
            if self.position >= audience.last:
                self.state = State.LIVE
                self._tail = self.position
                return
            goal = audience.last  # committed by now, so the page covers it
            frames, cursor, more = await ask(feed.frames, viewer, after=self.position)
            for line in messages.lines(frames):
                if self._turn != turn or self._closing is not None:
                    return
                self.position = line.cursor
                await self._put(line.text)
            if self._turn == turn:
                self.position = max(self.position, int(cursor) if more or frames else goal)

    async def _send_queue(self) -> None:
        while self._queue and self.state is State.LIVE and self._closing is None:
            line = self._queue.popleft()
            self._queued -= len(line.text)
            self.position = line.cursor
            await self._put(line.text)

    async def _put(self, text: str) -> None:
        await self._send(text)
        unsent = self._unsent()
        if unsent > WINDOW:
            await self._wait_for_reader()
        elif unsent > BREATH:
            await asyncio.sleep(0)

    async def _wait_for_reader(self) -> None:
        until = time.monotonic() + PATIENCE
        pause = 0.002
        while self._unsent() > WINDOW // 2:
            if self._closing is not None:
                return
            if time.monotonic() > until:
                await self._fall_behind()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    async def _fall_behind(self) -> None:
        self._go_on_from(self.position)
        self.state = State.BEHIND
        self._silence = asyncio.get_running_loop().call_later(SILENCE, self.leave, Close.TOO_SLOW)
        await self._send(messages.behind(self.position))
