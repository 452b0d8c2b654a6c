"""What was seen: every wish of a handful granted, by the shared store or, when that is away, from the event table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from django.db import DatabaseError, connection

from detection import catalog, history
from detection.features import EVERYONE, FeatureStore, Grant, MemoryStore, StoreError
from detection.judging import Granted
from detection.kernel.features import Wish
from detection.kernel.records import EventRecord

logger = structlog.get_logger(__name__)

AWAY_FOR = 2.0  # seconds nobody who waits asks a store that has just failed

T = TypeVar("T")
ASIDE = "features"  # what the threads are called that ask in somebody's place
_away_until = 0.0
_impatient = ThreadPoolExecutor(4, thread_name_prefix=ASIDE)


class StoreLate(StoreError):
    """The store did not answer before the caller's time was up."""


def store_away() -> bool:
    """Whether the store has just failed somebody who waited."""
    return time.monotonic() < _away_until


def ask_store(
    events: Sequence[EventRecord],
    wishes: Sequence[Collection[Wish]],
    *,
    until: float | None = None,
    unproven: AbstractSet[str] = frozenset(),
    settled: AbstractSet[str] = frozenset(),
) -> Sequence[Granted]:
    """Observe and measure in one round trip; members the store does not hold are rebuilt from the event table first.
    ``until`` is a moment of ``time.monotonic``, ``unproven`` and ``settled`` as the store takes them. Raises
    StoreError."""
    if not events:
        return []
    store = catalog.store()

    def ask() -> Grant:
        return store.observe_and_measure(events, wishes, unproven=unproven, settled=settled)

    grant = _within(until, ask)
    while grant.cold:  # flushed or never seen
        if EVERYONE in grant.cold:
            _within(until, partial(_recall_everyone, store))
        histories, unproven = history.of_members(grant.cold - {EVERYONE})
        store.rebuild(histories, unproven=unproven)
        grant = _within(until, ask)
    return grant.seen


def _recall_everyone(store: FeatureStore) -> None:
    """Fill the windows that cross members, once after a flush. Where somebody cannot wait for it, it goes on without
    them, on a thread with a connection of its own."""
    aside = threading.current_thread().name.startswith(ASIDE)
    try:
        events, unproven = history.of_everyone(store.layout.crossing or timedelta(0))
        store.rebuild({EVERYONE: events}, unproven=unproven)
    except DatabaseError as error:
        raise StoreError from error
    finally:
        if aside:
            connection.close()


def from_database(
    events: Sequence[EventRecord], wishes: Sequence[Collection[Wish]], duty: catalog.Duty
) -> Sequence[Granted]:
    """The same from the members' own past alone: what crosses members is not seen."""
    store = MemoryStore(duty.wishes, complete=True)
    histories, unproven = history.of_members({event.member_id for event in events if event.member_id})
    store.rebuild(histories, unproven=unproven)
    return store.observe_and_measure(events, wishes).seen


def for_someone_waiting(
    events: Sequence[EventRecord],
    wishes: Sequence[Collection[Wish]],
    duty: catalog.Duty,
    *,
    until: float | None = None,
    again: AbstractSet[str] = frozenset(),
) -> tuple[Sequence[Granted], tuple[str, ...]]:
    """The features, and what had to be skipped to have them in time. Events in ``again`` were judged before."""
    global _away_until
    if not store_away():
        try:
            return ask_store(events, wishes, until=until, unproven=again, settled=again), ()
        except StoreError as error:
            _away_until = time.monotonic() + AWAY_FOR
            logger.warning("features.away", error=type(error).__name__)
    return from_database(events, wishes, duty), ("features",)


def _within(until: float | None, ask: Callable[[], T]) -> T:
    if until is None:
        return ask()
    answer = _impatient.submit(ask)
    try:
        return answer.result(max(0.0, until - time.monotonic()))
    except TimeoutError as error:
        if answer.done():  # the store's own time-out, not ours
            raise
        raise StoreLate(str(error)) from None
