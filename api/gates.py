"""Gates: how many at once may do what is dear in this process. A few more wait a moment, the rest are sent away.

Hashing a password takes a tenth of a second and 100 MB on purpose, and entering a code holds the member's lock row:
a crowd at either must not take the memory and the connections everybody else needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from api.errors import Problem, spread


class Gate:
    """``at_once`` may be inside and ``waiting`` before it, each for ``patience`` seconds at most."""

    def __init__(self, *, at_once: int, waiting: int, patience: float) -> None:
        self.patience = patience
        self._inside = BoundedSemaphore(at_once)
        self._places = at_once + waiting
        self._here = 0
        self._lock = Lock()

    @contextmanager
    def passed(self) -> Iterator[bool]:
        """Whether the caller is inside; one that is not has to turn back."""
        with self._lock:
            room = self._here < self._places
            self._here += room
        if not room:
            yield False
            return
        try:
            inside = self._inside.acquire(timeout=self.patience)
            try:
                yield inside
            finally:
                if inside:
                    self._inside.release()
        finally:
            with self._lock:
                self._here -= 1

    @property
    def retry_after(self) -> int:
        """Whole seconds after which it may be tried again, not the same for all."""
        return max(1, round(spread(self.patience)))

    @contextmanager
    def demand(self) -> Iterator[None]:
        """Inside, or the 429 that says when to come again."""
        with self.passed() as inside:
            if not inside:
                raise Problem(429, "Too many at once. Try again shortly.", code="busy", retry_after=self.retry_after)
            yield


passwords = Gate(at_once=4, waiting=28, patience=5.0)  # at most 400 MB, some 40 a second on two cores
verifying = Gate(at_once=8, waiting=56, patience=5.0)
