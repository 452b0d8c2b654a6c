"""The shared store: windows in Redis or Valkey, one round trip for a batch.

Every stream of a key is one sorted set by event time, trimmed and given an end at each touch. Errors of the server
surface as ``redis.RedisError``; whoever asks decides what to do without.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from detection.features.base import (
    EVERYONE,
    HABIT,
    KEYS,
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

AT_ONCE = 1000  # events a script call takes in when a past is rebuilt, so that no call holds the server for long
SLACK = timedelta(hours=1)
TIMEOUT = 2.0  # seconds; a frozen server must fail, not hold a worker

Op = tuple[Any, ...]
_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.Decoder().decode
_to_text = msgspec.json.Encoder().encode
_from_text = msgspec.json.Decoder().decode


def connect(url: str) -> Redis:
    """A client for ``RedisStore``: answers in bytes, gives up after two seconds."""
    return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, health_check_interval=30)


class RedisStore:
    """A feature store in Redis. Cheap to make: make a new one when the wishes change."""

    def __init__(self, client: Redis, wishes: Iterable[Wish], *, prefix: str = "sr:f") -> None:
        self.layout = Layout(wishes)
        self._client = client
        self._script = client.register_script(_source())
        self._prefix = {stream: f"{prefix}:{stream.name}:" for stream in self.layout.streams}
        self._upkeep = {stream: _upkeep(stream) for stream in self.layout.streams}
        self._warm = f"{prefix}:warm:{self.layout.fingerprint}:"
        self._readings = {wish: _reading(wish, stream) for wish, stream in self.layout.stream_of.items()}
        self._plans: dict[frozenset[Wish], list[_Reading]] = {}

    def observe_and_measure(
        self,
        events: Sequence[EventRecord],
        wishes: Sequence[Collection[Wish]],
        *,
        unproven: AbstractSet[str] = frozenset(),
        settled: AbstractSet[str] = frozenset(),
    ) -> Grant:
        members = members_of(events, self.layout)
        batch = _Batch(self, [self._warm + member for member in members])
        for event, wanted in zip(events, wishes, strict=True):
            batch.add(event, wanted, teaches=event.id not in unproven, settled=event.id in settled)
        cold, answers = batch.run()
        if cold:
            return Grant([], frozenset(members[place] for place in cold))
        return Grant(
            [
                batch.read(place, event, answer)
                for place, (event, answer) in enumerate(zip(events, answers, strict=True))
            ]
        )

    def plan(self, wanted: Collection[Wish]) -> list[_Reading]:
        """How each of these wishes is asked, in their order; remembered, for every event of a type wishes the same."""
        if not isinstance(wanted, frozenset):
            return [self._readings[wish] for wish in wanted]
        found = self._plans.get(wanted)
        if found is None:
            found = self._plans[wanted] = [self._readings[wish] for wish in wanted]
        return found

    def observe(self, events: Sequence[EventRecord]) -> None:
        self._take_in(events, frozenset())

    def missing(self, member_ids: Collection[str]) -> frozenset[str]:
        if not member_ids:
            return frozenset()
        members = list(member_ids)
        found: Any = self._client.mget([self._warm + member for member in members])
        return frozenset(member for member, mark in zip(members, found, strict=True) if mark is None)

    def rebuild(
        self, histories: Mapping[str, Sequence[EventRecord]], *, unproven: AbstractSet[str] = frozenset()
    ) -> None:
        self._take_in([e for name, past in histories.items() if name != EVERYONE for e in past], unproven)
        self._take_in(histories.get(EVERYONE, ()), unproven, crossing=True)
        with self._client.pipeline(transaction=False) as pipe:
            for member in histories:
                pipe.set(self._warm + member, 1, ex=KNOWN_FOR)
            pipe.execute()

    def chill(self, member_ids: Collection[str]) -> None:
        if member_ids:
            self._client.delete(*(self._warm + member for member in member_ids))

    def unteach(self, events: Sequence[EventRecord]) -> None:
        batch = _Batch(self, [])
        for event in events:
            batch.take_back(event)
        batch.run()

    def forget(self, member_id: str, field: str, value: Any) -> None:
        entry = told_apart(value)
        if entry is None:
            return
        with self._client.pipeline() as pipe:
            for stream, prefix in self._prefix.items():
                key = {"member": member_id, "subject": f"member:{member_id}"}.get(stream.per)
                if key is not None and stream.kind == "known" and stream.field == field:
                    pipe.zrem(prefix + key, entry)
                    pipe.zrem(f"+{prefix}{key}", entry)
            pipe.execute()

    def _take_in(self, events: Sequence[EventRecord], unproven: AbstractSet[str], *, crossing: bool = False) -> None:
        for start in range(0, len(events), AT_ONCE):
            batch = _Batch(self, [])
            for event in events[start : start + AT_ONCE]:
                batch.add(event, (), teaches=event.id not in unproven, crossing=crossing)
            batch.run()


class _Reading(NamedTuple):
    """One wish as the script is asked for it: where its key is on an event, the question, and what an answer means."""

    wish: Wish
    stream: Stream
    attribute: str
    question: str
    terms: tuple[Any, ...]
    absent: Any
    granted: Callable[[Any, EventRecord], Any] | None


class _Batch:
    """One script call in the making: every key named once, events point at keys by place."""

    def __init__(self, store: RedisStore, warm: list[str]) -> None:
        self._store = store
        self._warm = warm
        self._keys: list[list[Any]] = []
        self._places: dict[tuple[Stream, str], int] = {}
        self._events: list[tuple[int, list[Op], list[Op], bool]] = []
        self._asked: list[tuple[list[_Reading], list[_Reading]]] = []

    def add(
        self,
        event: EventRecord,
        wanted: Collection[Wish],
        *,
        teaches: bool = True,
        crossing: bool = False,
        settled: bool = False,
    ) -> None:
        stamp = micros(event.occurred_at)
        writes: list[Op] = []
        facts: str | None = None
        for stream, key, entry in self._store.layout.fed_by(event, teaches=teaches, crossing=crossing):
            place = self._place(stream, key)
            self._touch(place, stream, stamp)
            if stream.kind == "events":
                facts = facts or _to_text(remembered(event)).decode()
                writes.append((stream.kind, place, entry, facts))
            else:
                writes.append((stream.kind, place, entry))
        plan = self._store.plan(wanted)
        reads: list[Op] = []
        asked: list[_Reading] = []
        for reading in plan:
            ask = self._question(event, reading, itself=not teaches and could_teach(event))
            if ask is not None:
                reads.append(ask)
                asked.append(reading)
        self._asked.append((plan, asked))
        self._events.append((stamp, writes, reads, settled))

    def take_back(self, event: EventRecord) -> None:
        fed = self._store.layout.fed_by(event)
        writes = [("unteach", self._place(s, key), entry) for s, key, entry in fed if s.kind == "known"]
        self._events.append((micros(event.occurred_at), writes, [], False))

    def run(self) -> tuple[list[int], list[list[Any]]]:
        seconds = int(KNOWN_FOR.total_seconds())
        request = {"warm": self._warm, "mark": seconds, "keys": self._keys, "events": self._events}
        reply: Any = self._store._script(args=[_encoder.encode(request)])
        cold, answers = _decode(reply)
        return cold or [], answers or []

    def read(self, place: int, event: EventRecord, answers: Sequence[Any]) -> dict[Wish, Any]:
        """An event's answers as what its wishes are granted."""
        plan, asked = self._asked[place]
        seen = {reading.wish: reading.absent for reading in plan}
        for reading, answer in zip(asked, answers or (), strict=True):
            seen[reading.wish] = answer if reading.granted is None else reading.granted(answer, event)
        return seen

    def _question(self, event: EventRecord, reading: _Reading, *, itself: bool) -> Op | None:
        key = getattr(event, reading.attribute)
        if key is None:
            return None
        stream = reading.stream
        if stream.kind == "amounts":
            if not event.currency:
                return None
            key = f"{event.currency}:{key}"
        place = self._place(stream, key)
        if reading.question == "last":
            return ("last", place, *reading.terms, event.id)
        if reading.question == "first":
            entry = entry_of(stream, event)
            return None if entry is None else ("first", place, entry, itself)
        return (reading.question, place, *reading.terms)

    def _place(self, stream: Stream, key: str) -> int:
        place = self._places.get((stream, key))
        if place is None:
            _, seconds = self._store._upkeep[stream]
            self._keys.append([self._store._prefix[stream] + key, stream.kind, 0, MOST[stream.kind], seconds, False])
            place = self._places[stream, key] = len(self._keys)
        return place

    def _touch(self, place: int, stream: Stream, stamp: int) -> None:
        key = self._keys[place - 1]
        reach, _ = self._store._upkeep[stream]
        key[2] = max(key[2], stamp - reach)
        key[5] = True


def _upkeep(stream: Stream) -> tuple[int, int]:
    """How far back a stream's entries are kept, in microseconds, and after how many seconds an untouched key goes."""
    kept = stream.keep + LATE
    return kept // MICROSECOND, int((kept + SLACK).total_seconds())


def _reading(wish: Wish, stream: Stream) -> _Reading:
    question, *terms = _question(wish)
    return _Reading(wish, stream, KEYS[stream.per], question, tuple(terms), empty(wish), _granting(wish))


def _question(wish: Wish) -> Op:
    match wish:
        case Count() | Distinct():
            return ("count", wish.within // MICROSECOND)
        case Sum():
            return ("sum", wish.within // MICROSECOND)
        case Baseline():
            return ("newest", wish.within // MICROSECOND, HABIT + 1)
        case Pace() | Hours():
            return ("stamps", wish.within // MICROSECOND, HABIT)
        case Last():
            return ("last", wish.within // MICROSECOND)
        case FirstSeen():
            return ("first",)
        case Known():
            return ("known",)
    raise TypeError(f"no store knows how to grant {wish!r}")


def _granting(wish: Wish) -> Callable[[Any, EventRecord], Any] | None:
    """What makes a script's answer the wish's; None where it is it already."""
    match wish:
        case Sum():
            return lambda answer, _event: total(answer or ())
        case Baseline():
            return lambda answer, event: habit(wish, answer or (), event.id)
        case Pace():
            return lambda answer, _event: pace(wish, [int(stamp) for stamp in answer or ()])
        case Hours():
            return lambda answer, event: hours(wish, [int(s) for s in answer or ()], micros(event.occurred_at))
        case FirstSeen():
            return lambda answer, _event: moment(answer) if answer else None
        case Last():
            return lambda answer, _event: _recalled(answer) if answer else None
    return None


def _recalled(facts: str) -> dict[str, Any]:
    known: dict[str, Any] = _from_text(facts)
    known["occurred_at"] = msgspec.convert(known["occurred_at"], type=datetime)
    known["changed"] = tuple(known["changed"])
    if known["amount"] is not None:
        known["amount"] = Decimal(known["amount"])
    return known


@cache
def _source() -> str:
    return Path(__file__).with_name("windows.lua").read_text(encoding="utf-8")
