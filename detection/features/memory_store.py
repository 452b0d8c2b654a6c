"""The plain reference: everything in this process. Backtests and degraded decisions run on it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from detection.features.base import (
    EVERYONE,
    HABIT,
    KNOWN_FOR,
    LATE,
    MICROSECOND,
    MOST,
    Grant,
    Layout,
    Stream,
    could_teach,
    empty,
    entry_of,
    habit,
    hours,
    key_of,
    members_of,
    micros,
    moment,
    pace,
    remembered,
    told_apart,
    total,
)
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Hours, Known, Last, Pace, Sum, Wish
from detection.kernel.records import EventRecord

_AFTER_ALL = chr(0x10FFFF)


class _Entries:
    """Entries sorted by time, each once, equal times by name: a sorted set."""

    __slots__ = ("at", "order")

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.order: list[tuple[int, str]] = []

    def put(self, entry: str, stamp: int) -> None:
        old = self.at.get(entry)
        if old == stamp:
            return
        if old is not None:
            self.drop(entry)
        self.at[entry] = stamp
        insort(self.order, (stamp, entry))

    def drop(self, entry: str) -> None:
        stamp = self.at.pop(entry, None)
        if stamp is not None:
            del self.order[bisect_left(self.order, (stamp, entry))]

    def between(self, low: int, high: int) -> tuple[int, int]:
        """The slice of entries with ``low <= time <= high``."""
        return bisect_left(self.order, (low, "")), bisect_right(self.order, (high, _AFTER_ALL))

    def cut(self, count: int) -> list[str]:
        """Drop the oldest ``count``."""
        gone = [entry for _, entry in self.order[: max(count, 0)]]
        del self.order[: len(gone)]
        for entry in gone:
            del self.at[entry]
        return gone


class _Past:
    """One stream of one key. ``lately`` is when known values were seen last, ``facts`` what events carried."""

    __slots__ = ("entries", "facts", "lately")

    def __init__(self) -> None:
        self.entries = _Entries()
        self.lately = _Entries()
        self.facts: dict[str, dict[str, Any]] = {}


_NOTHING = _Past()  # what a key nobody has seen yet has behind it


class MemoryStore:
    """A feature store in memory. ``complete`` says it holds everyone's past from the start, so nobody is cold."""

    def __init__(self, wishes: Iterable[Wish], *, complete: bool = False) -> None:
        self.layout = Layout(wishes)
        self._complete = complete
        self._warm: set[str] = set()
        self._pasts: dict[tuple[Stream, str], _Past] = {}

    def observe_and_measure(
        self,
        events: Sequence[EventRecord],
        wishes: Sequence[Collection[Wish]],
        *,
        unproven: AbstractSet[str] = frozenset(),
        settled: AbstractSet[str] = frozenset(),
    ) -> Grant:
        cold = self.missing(members_of(events, self.layout))
        if cold:
            return Grant([], cold)
        touched: dict[tuple[Stream, str], int] = {}
        seen = []
        for event, wanted in zip(events, wishes, strict=True):
            teaches, over = event.id not in unproven, event.id in settled
            self._observe(event, touched, teaches=teaches)
            seen.append({wish: self._measure(event, wish, itself=not teaches, settled=over) for wish in wanted})
        self._trim(touched)
        return Grant(seen)

    def observe(self, events: Sequence[EventRecord]) -> None:
        self._take_in(events)

    def missing(self, member_ids: Collection[str]) -> frozenset[str]:
        return frozenset() if self._complete else frozenset(member_ids) - self._warm

    def rebuild(
        self, histories: Mapping[str, Sequence[EventRecord]], *, unproven: AbstractSet[str] = frozenset()
    ) -> None:
        for member, history in histories.items():
            self._take_in(history, unproven, crossing=member == EVERYONE)
        self._warm.update(histories)

    def chill(self, member_ids: Collection[str]) -> None:
        self._warm.difference_update(member_ids)

    def unteach(self, events: Sequence[EventRecord]) -> None:
        for event in events:
            for stream, key, entry in self.layout.fed_by(event):
                past = self._pasts.get((stream, key))
                if stream.kind == "known" and past and past.entries.at.get(entry) == micros(event.occurred_at):
                    past.entries.drop(entry)
                    past.lately.drop(entry)

    def forget(self, member_id: str, field: str, value: Any) -> None:
        entry = told_apart(value)
        for (stream, key), past in self._pasts.items():
            mine = (stream.per, key) in {("member", member_id), ("subject", f"member:{member_id}")}
            if mine and stream.kind == "known" and stream.field == field and entry is not None:
                past.entries.drop(entry)
                past.lately.drop(entry)

    def let_go(self, now: datetime) -> None:
        """Forget the keys no window of an event told by ``now`` reaches, however late it comes: memory is bounded by
        what is going on, not by what ever was."""
        reach = {stream: micros(now - LATE - stream.keep) for stream in self.layout.streams if stream.kind != "known"}
        known = micros(now - KNOWN_FOR)
        self._pasts = {
            (stream, key): past
            for (stream, key), past in self._pasts.items()
            if (order := (past.lately if stream.kind == "known" else past.entries).order)
            and order[-1][0] > reach.get(stream, known)
        }

    def _take_in(
        self, events: Sequence[EventRecord], unproven: AbstractSet[str] = frozenset(), *, crossing: bool = False
    ) -> None:
        touched: dict[tuple[Stream, str], int] = {}
        for event in events:
            self._observe(event, touched, teaches=event.id not in unproven, crossing=crossing)
        self._trim(touched)

    def _observe(
        self,
        event: EventRecord,
        touched: dict[tuple[Stream, str], int],
        *,
        teaches: bool = True,
        crossing: bool = False,
    ) -> None:
        stamp = micros(event.occurred_at)
        for stream, key, entry in self.layout.fed_by(event, teaches=teaches, crossing=crossing):
            past = self._pasts.get((stream, key))
            if past is None:
                past = self._pasts[stream, key] = _Past()
            touched[stream, key] = max(touched.get((stream, key), 0), stamp)
            if stream.kind == "known":
                past.entries.put(entry, min(past.entries.at.get(entry, stamp), stamp))
                past.lately.put(entry, max(past.lately.at.get(entry, stamp), stamp))
            elif stream.kind == "values":
                past.entries.put(entry, max(past.entries.at.get(entry, stamp), stamp))
            else:
                past.entries.put(entry, stamp)
            if stream.kind == "events":
                past.facts[entry] = remembered(event)

    def _trim(self, touched: Mapping[tuple[Stream, str], int]) -> None:
        """Once a call: what no window can reach goes, and of the rest the oldest beyond the cap."""
        for place, newest in touched.items():
            past, stream = self._pasts[place], place[0]
            if stream.kind == "known":
                for entry in past.lately.cut(len(past.lately.order) - MOST[stream.kind]):
                    past.entries.drop(entry)
                continue
            reach = newest - (stream.keep + LATE) // MICROSECOND
            gone = past.entries.cut(past.entries.between(0, reach)[1])
            gone += past.entries.cut(len(past.entries.order) - MOST[stream.kind])
            if past.facts:
                for entry in gone:
                    past.facts.pop(entry, None)

    def _measure(self, event: EventRecord, wish: Wish, *, itself: bool = False, settled: bool = False) -> Any:
        stream = self.layout.stream_of[wish]
        key = key_of(stream, event)
        past = None if key is None else self._pasts.get((stream, key), _NOTHING if itself else None)
        if past is None:
            return empty(wish)
        order, stamp = past.entries.order, micros(event.occurred_at)
        match wish:
            case Count() | Distinct():
                start, stop = self._window(past, stamp, wish.within // MICROSECOND, settled=settled)
                return stop - start
            case Sum():
                start, stop = self._window(past, stamp, wish.within // MICROSECOND, settled=settled)
                return total(entry for _, entry in order[start:stop])
            case Baseline():
                start, stop = past.entries.between(stamp - wish.within // MICROSECOND + 1, stamp)
                newest = order[max(start, stop - HABIT - 1) : stop]
                return habit(wish, (entry for _, entry in reversed(newest)), event.id)
            case Pace() | Hours():
                start, stop = past.entries.between(stamp - wish.within // MICROSECOND + 1, stamp)
                stamps = [when for when, _ in reversed(order[max(start, stop - HABIT) : stop])]
                return pace(wish, stamps) if isinstance(wish, Pace) else hours(wish, stamps, stamp)
            case Last():
                start, stop = past.entries.between(stamp - wish.within // MICROSECOND + 1, stamp)
                earlier = [entry for _, entry in order[max(start, stop - 2) : stop] if entry != event.id]
                return dict(past.facts[earlier[-1]]) if earlier else None
            case FirstSeen():
                entry = entry_of(stream, event)
                first = None if entry is None else past.entries.at.get(entry)
                if first is not None and first <= stamp:
                    return moment(first)
                return event.occurred_at if itself and entry is not None and could_teach(event) else None
            case Known():
                return past.entries.between(0, stamp - 1)[1]
        raise TypeError(f"no store knows how to grant {wish!r}")

    def _window(self, past: _Past, stamp: int, within: int, *, settled: bool) -> tuple[int, int]:
        """Where the window that holds ``stamp`` and ends latest begins and ends; once settled it ends at ``stamp``."""
        start, stop = past.entries.between(stamp, stamp + within - 1)
        end = past.entries.order[stop - 1][0] if stop > start and not settled else stamp
        return past.entries.between(end - within + 1, end)
