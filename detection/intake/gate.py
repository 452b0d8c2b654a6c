"""Group commit: requests that arrive while another one commits are stored together, in the next transaction.

A durable commit costs the disk's time whatever it holds. The first request through the gate stores what waits behind it
as well; whoever waits at the front when it is done goes next. Nobody waits when nobody else is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

MOST = 500  # events in one transaction

Load = TypeVar("Load")
Result = TypeVar("Result")


class _Ticket(Generic[Load, Result]):
    def __init__(self, load: Load, size: int) -> None:
        self.load, self.size = load, size
        self.called = Event()  # its result is there, or it is its turn to go
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.done = False


class Gate(Generic[Load, Result]):
    """``store`` takes several loads in one transaction and answers one result a load, in order."""

    def __init__(self, store: Callable[[Sequence[Load]], Sequence[Result]]) -> None:
        self._store = store
        self._lock = Lock()
        self._waiting: deque[_Ticket[Load, Result]] = deque()
        self._busy = False

    def pass_through(self, load: Load, size: int) -> Result:
        """Store a load of ``size`` events, alone or with others; what became of it. Raises what storing it raised."""
        ticket: _Ticket[Load, Result] = _Ticket(load, size)
        with self._lock:
            self._waiting.append(ticket)
            first, self._busy = not self._busy, True
        if not first:
            ticket.called.wait()
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]

    def _lead(self) -> None:
        """Store what waits, up to a transaction's worth, then call the next one to the front."""
        with self._lock:
            group = [self._waiting.popleft()]
            size = group[0].size
            while self._waiting and size + self._waiting[0].size <= MOST:
                size += self._waiting[0].size
                group.append(self._waiting.popleft())
        try:
            self._settle(group)
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting[0].called.set()
                else:
                    self._busy = False
            for ticket in group:
                ticket.done = True
                ticket.called.set()

    def _settle(self, group: Sequence[_Ticket[Load, Result]]) -> None:
        try:
            for ticket, result in zip(group, self._store([ticket.load for ticket in group]), strict=True):
                ticket.result = result
        except BaseException as error:  # noqa: BLE001 - it is raised where its request waits
            if len(group) == 1:
                group[0].error = error
                return
            for ticket in group:  # one of them may be the fault: nobody pays for a neighbour
                self._settle([ticket])
