"""Not asking again and again what does not answer."""

from __future__ import annotations

import time


class Breaker:
    """Closed while all goes well. A failure opens it for a moment, each further one twice as long, up to a bound."""

    def __init__(self, *, first: float = 0.5, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._pause = 0.0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether it is too early to try again."""
        return time.monotonic() < self._until

    @property
    def troubled(self) -> bool:
        """Whether the last try failed."""
        return self._pause > 0

    def failed(self) -> float:
        """Note a failure; how many seconds to wait before the next try."""
        self._pause = min(self._pause * 2, self._longest) if self._pause else self._first
        self._until = time.monotonic() + self._pause
        return self._pause

    def worked(self) -> None:
        """Note a success."""
        self._pause = self._until = 0.0
