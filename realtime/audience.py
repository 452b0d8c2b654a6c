"""The viewers of one feed in one process, and how far that feed was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from detection import feed
from realtime import messages
from realtime.database import ask
from realtime.messages import Line
from realtime.viewer import Viewer

logger = structlog.get_logger(__name__)


class Audience:
    """Keeps its viewers' stream ordered and gapless: what pushes left out is read once, for all of them."""

    def __init__(self, viewer: feed.Viewer, last: int) -> None:
        self.last = last
        self.viewers: set[Viewer] = set()
        self._reader = viewer
        self._missed = False
        self._filling: asyncio.Task[None] | None = None

    def hear(self, previous: int, lines: list[Line]) -> None:
        """A push: handed on when it follows what was heard, else what is missing is read first."""
        if previous > self.last:
            self.fill()
        else:
            self._give(lines)

    def fill(self) -> None:
        """Read what was missed from the database and hand it on."""
        self._missed = True
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._fill())

    async def filled(self) -> None:
        """Wait until the reading that goes on is done."""
        if self._filling is not None:
            await asyncio.shield(self._filling)

    async def _fill(self) -> None:
        while self._missed:
            self._missed = False
            more = True
            while more:
                try:
                    frames, cursor, more = await ask(feed.frames, self._reader, after=self.last)
                except Exception as error:  # noqa: BLE001 - whatever it was, the next look tries again
                    logger.warning("feed.unreadable", error=type(error).__name__)
                    return
                self._give(messages.lines(frames))
                self.last = max(self.last, int(cursor))

    def _give(self, lines: Iterable[Line]) -> None:
        fresh = [line for line in lines if line.cursor > self.last]
        if not fresh:
            return
        self.last = fresh[-1].cursor
        for viewer in self.viewers:
            viewer.offer(fresh)
