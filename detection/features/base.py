"""What every store promises, and the arithmetic they share.

A wish belongs to a stream: the part of one key's past that can answer it. Several wishes share a stream, an event feeds
every stream that listens to it, and only streams some registered wish needs are kept at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median, quantiles
from typing import Any, Literal, NamedTuple, Protocol

from detection.kernel.features import (
    REMEMBERED,
    TEACHES,
    Baseline,
    Count,
    Distinct,
    FirstSeen,
    Hours,
    Known,
    Last,
    Pace,
    Sum,
    Wish,
)
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import Trust

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

LATE = timedelta(hours=24)  # how far behind live intake lets an event come: windows stay exact that far back
KNOWN_FOR = timedelta(days=400)  # what a key has proved is remembered this long after its last event
MOST = {"times": 2000, "values": 2000, "amounts": 2000, "events": 50, "known": 500}  # newest kept a key, by kind
HABIT = 100  # a baseline reads at most this many events
LONGEST_TEXT = 512  # of a text field in a remembered event
MOST_NAMES = 50  # of the names in its list of changed fields
LONGEST_VALUE = 64  # of a value told apart; longer ones are known by digest

#: Stands among members for the past that crosses them: windows by address, device, payment method and the like.
EVERYONE = ""

Kind = Literal["times", "values", "amounts", "events", "known"]


class Grant(NamedTuple):
    """Either what was seen, one dict for each event in order, or the members whose past has to be loaded first, with
    ``EVERYONE`` among them when it is the past that crosses members.

    While ``cold`` is not empty nothing was observed: call ``rebuild`` with their histories and ask again.
    """

    seen: list[dict[Wish, Any]]
    cold: frozenset[str] = frozenset()


class FeatureStore(Protocol):
    """Observes events and grants wishes. Observing the same event again changes nothing."""

    layout: Layout

    def observe_and_measure(
        self,
        events: Sequence[EventRecord],
        wishes: Sequence[Collection[Wish]],
        *,
        unproven: AbstractSet[str] = frozenset(),
        settled: AbstractSet[str] = frozenset(),
    ) -> Grant:
        """In order, observe each event and then grant its own wishes: a later event sees the earlier ones. Events whose
        ``id`` is in ``unproven`` teach nothing, though each still sees itself; windows of those in ``settled`` end at
        the event's own time, whatever came after it.

        All or nothing: when a member of the batch is cold, nothing is observed and the grant names them.
        """

    def observe(self, events: Sequence[EventRecord]) -> None:
        """Observe without measuring, whether members are cold or not."""

    def missing(self, member_ids: Collection[str]) -> frozenset[str]:
        """The members of these whose past this store does not hold."""

    def rebuild(
        self, histories: Mapping[str, Sequence[EventRecord]], *, unproven: AbstractSet[str] = frozenset()
    ) -> None:
        """Take in members' pasts and hold them from now on. Events whose ``id`` is in ``unproven`` (challenged,
        refused, disputed) fill windows but teach nothing. Of the past of ``EVERYONE`` only windows that cross members
        are filled."""

    def chill(self, member_ids: Collection[str]) -> None:
        """Make members cold: their past has grown behind this store's back and is to be loaded again."""

    def unteach(self, events: Sequence[EventRecord]) -> None:
        """Take back what these events were the first to teach: they were challenged or refused."""

    def forget(self, member_id: str, field: str, value: Any) -> None:
        """This value of this field never was the member's: shown again, it is new."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One part of a key's past, each once in a layout: told apart by identity. ``keep`` is the longest window asked."""

    kind: Kind
    per: str
    types: frozenset[str]
    field: str | None
    keep: timedelta

    @property
    def name(self) -> str:
        """Short, and the same in every process for the same part, whatever its windows."""
        parts = (self.kind, self.per, self.field or "", *sorted(str(kind) for kind in self.types))
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()

    def hears(self, event_type: str) -> bool:
        if self.kind == "known":
            return event_type in TEACHES
        return not self.types or event_type in self.types


def members_of(events: Iterable[EventRecord], layout: Layout) -> list[str]:
    """Whose pasts a batch needs, in a fixed order."""
    members = {event.member_id for event in events if event.member_id is not None}
    return sorted(members | {EVERYONE} if layout.crossing else members)


class Layout:
    """Which streams a set of wishes needs, and which of them an event feeds."""

    def __init__(self, wishes: Iterable[Wish]) -> None:
        streams: dict[tuple[Any, ...], Stream] = {}
        part_of: dict[Wish, tuple[Any, ...]] = {}
        for wish in wishes:
            stream = _stream_for(wish)
            part = part_of[wish] = (stream.kind, stream.per, stream.types, stream.field)
            known = streams.get(part, stream)
            streams[part] = replace(known, keep=max(known.keep, stream.keep))
        self.stream_of: dict[Wish, Stream] = {wish: streams[part] for wish, part in part_of.items()}
        self.streams: tuple[Stream, ...] = tuple(sorted(streams.values(), key=lambda stream: stream.name))
        self._heard: dict[str, tuple[Stream, ...]] = {}
        #: The longest window across members; none when nothing crosses them.
        self.crossing = max((stream.keep for stream in self.streams if stream.per != "member"), default=None)

    @property
    def fingerprint(self) -> str:
        """Changes when the streams or their lengths do: a past held for other windows is not held for these."""
        text = "\n".join(f"{stream.name} {stream.keep.total_seconds()}" for stream in self.streams)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def fed_by(
        self, event: EventRecord, *, teaches: bool = True, crossing: bool = False
    ) -> list[tuple[Stream, str, str]]:
        """Every (stream, key, entry) this event adds to; ``crossing`` leaves out those of its member alone."""
        heard = self._heard.get(event.type)
        if heard is None:
            heard = tuple(stream for stream in self.streams if stream.hears(event.type))
            if len(self._heard) < 1000:
                self._heard[event.type] = heard
        teaches = teaches and could_teach(event)
        fed = []
        for stream in heard:
            if stream.kind == "known" and not teaches:
                continue
            if crossing and (stream.per == "member" or (stream.per == "subject" and event.member_id is not None)):
                continue
            entry = entry_of(stream, event)
            key = None if entry is None else key_of(stream, event)
            if entry is not None and key is not None:
                fed.append((stream, key, entry))
        return fed


def could_teach(event: EventRecord) -> bool:
    """Whether an event proves who acted, unless it was challenged or refused."""
    return event.type in TEACHES and event.trust >= Trust.NORMAL


KEYS = {
    "member": "member_id",
    "ip": "ip",
    "device": "device_id",
    "session": "session_id",
    "email": "email",
    "payment_method": "payment_method_id",
    "recipient": "recipient_id",
    "shipping": "shipping_key",
    "subject": "subject",
}


def key_of(stream: Stream, event: EventRecord) -> str | None:
    """The key of this stream the event belongs to; None when it has none. Money is kept apart by currency."""
    key: str | None = getattr(event, KEYS[stream.per])
    if key is None or stream.kind != "amounts":
        return key
    return f"{event.currency}:{key}" if event.currency else None


def entry_of(stream: Stream, event: EventRecord) -> str | None:
    """What the event adds to this stream; None when it has nothing to add. The same event always adds the same."""
    if stream.field is not None:
        return told_apart(getattr(event, stream.field))
    if stream.kind == "amounts":
        return None if event.amount is None else f"{event.id} {event.amount.normalize():f}"
    return event.id


def told_apart(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return "#" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(stamp: float) -> datetime:
    return EPOCH + timedelta(microseconds=int(stamp))


def total(entries: Iterable[str]) -> Decimal:
    return sum((Decimal(entry.rpartition(" ")[2]) for entry in entries), Decimal(0))


def habit(wish: Baseline, entries: Iterable[str], judged: str) -> dict[str, float] | None:
    """The robust habit over entries given newest first, the judged event's own left out."""
    pairs = (entry.rpartition(" ") for entry in entries)
    amounts = [float(amount) for event_id, _, amount in pairs if event_id != judged][:HABIT]
    if len(amounts) < wish.least:
        return None
    middle = median(amounts)
    return {"count": float(len(amounts)), "median": middle, "mad": median(abs(amount - middle) for amount in amounts)}


def pace(wish: Pace, stamps: Sequence[int]) -> dict[str, float] | None:
    """How evenly these follow each other, newest first."""
    gaps = [(later - earlier) / 1_000_000 for later, earlier in pairwise(stamps)]
    if len(gaps) < max(wish.least, 2):
        return None
    low, middle, high = quantiles(gaps, n=4, method="inclusive")
    spread = (high - low) / middle if middle > 0 else 0.0
    return {"count": float(len(gaps)), "median": round(middle, 6), "spread": round(spread, 6)}


def hours(wish: Hours, stamps: Iterable[int], judged: int) -> dict[str, float] | None:
    """How many of these came around the judged time by the clock."""
    day, around = timedelta(days=1) // MICROSECOND, wish.around // MICROSECOND
    apart = [(judged - stamp) % day for stamp in stamps if judged - stamp > day]
    if len(apart) < wish.least:
        return None
    return {"count": float(len(apart)), "near": float(sum(min(gap, day - gap) <= around for gap in apart))}


def remembered(event: EventRecord) -> dict[str, Any]:
    """What ``Last`` answers with."""
    facts = {name: getattr(event, name) for name in REMEMBERED}
    for name, value in facts.items():
        if isinstance(value, str):
            facts[name] = value[:LONGEST_TEXT]
        elif isinstance(value, tuple):
            facts[name] = value[:MOST_NAMES]
    return {**facts, "type": str(event.type), "occurred_at": event.occurred_at, "event_id": event.event_id}


def empty(wish: Wish) -> Any:
    """What a wish is granted when its key is absent."""
    if isinstance(wish, (Count, Distinct, Known)):
        return 0
    return Decimal(0) if isinstance(wish, Sum) else None


def _stream_for(wish: Wish) -> Stream:
    match wish:
        case Count() | Pace() | Hours():
            return Stream("times", wish.per, wish.types, None, wish.within)
        case Distinct():
            return Stream("values", wish.per, wish.types, wish.field, wish.within)
        case Sum() | Baseline():
            return Stream("amounts", wish.per, wish.types, None, wish.within)
        case Last():
            return Stream("events", wish.per, wish.types, None, wish.within)
        case FirstSeen() | Known():
            return Stream("known", wish.per, frozenset(), wish.field, KNOWN_FOR)
    raise TypeError(f"no store knows how to grant {wish!r}")
