"""A thread that carries things for others, who never wait for it.

Announcements are made in web requests and in the middle of judging; what follows from them may meet a broker that is
gone or frozen. The announcing thread only leaves a thing with the courier and goes on.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import structlog

logger = structlog.get_logger(__name__)

Thing = TypeVar("Thing")

_couriers: weakref.WeakSet[Courier[Any]] = weakref.WeakSet()


class Courier(Generic[Thing]):
    """Hands what was posted to ``carry`` in batches, in order, on one daemon thread a process.

    The first thing goes at once, those that follow within ``every`` seconds go together. At most ``bound`` things wait:
    then the oldest fall out. With ``once`` a thing equal to one that waits is not posted twice. ``rest`` is called when
    nothing came for ``rest_after`` seconds. A fork starts with nothing waiting and a thread of its own.
    """

    def __init__(
        self,
        name: str,
        carry: Callable[[Sequence[Thing]], None],
        *,
        every: float = 0.0,
        bound: int = 1000,
        once: bool = False,
        rest: Callable[[], None] | None = None,
        rest_after: float = 0.25,
    ) -> None:
        self.name = name
        self._carry = carry
        self._every = every
        self._bound = bound
        self._once = once
        self._rest = rest
        self._rest_after = rest_after
        self._begin()
        _couriers.add(self)

    def _begin(self) -> None:
        self._waiting: deque[Thing] = deque(maxlen=self._bound)
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False

    def post(self, thing: Thing) -> None:
        """Leave a thing to be carried. Returns at once, whatever became of the way."""
        with self._moved:
            if self._once and isinstance(thing, Hashable) and thing in self._waiting:
                return
            self._waiting.append(thing)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()
            self._moved.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything posted was carried; whether it was, in the time given."""
        with self._moved:
            return self._moved.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def _run(self) -> None:
        last = 0.0
        while True:
            self._await_work()
            pause = last + self._every - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            last = time.monotonic()
            with self._moved:
                batch = list(self._waiting)
                self._waiting.clear()
            try:
                self._carry(batch)
            except Exception as error:
                logger.warning("courier.failed", courier=self.name, error=type(error).__name__, exc_info=True)
            finally:
                with self._moved:
                    self._busy = False
                    self._moved.notify_all()

    def _await_work(self) -> None:
        with self._moved:
            if self._moved.wait_for(lambda: self._waiting, self._rest_after):
                self._busy = True
                return
        if self._rest is not None:
            self._rest()
        with self._moved:
            self._moved.wait_for(lambda: self._waiting)
            self._busy = True


def flush_all(timeout: float) -> None:
    """Give every courier of this process the time to finish, at most ``timeout`` seconds in all."""
    deadline = time.monotonic() + timeout
    for courier in list(_couriers):
        courier.flush(max(deadline - time.monotonic(), 0))


def _begin_all() -> None:
    for courier in list(_couriers):
        courier._begin()


os.register_at_fork(after_in_child=_begin_all)
