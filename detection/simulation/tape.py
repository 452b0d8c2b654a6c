"""What happens is put on a tape in any order; played, it runs in time, and every event gets its id only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

Happening = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts, as an app can tell: a member or nobody by name, on a device, from an address, in a session."""

    ip: str
    user_agent: str | None
    device_id: str | None = None
    session_id: str | None = None
    member_id: str | None = None
    email: str | None = None

    def fields(self) -> Happening:
        names = ("member_id", "session_id", "device_id", "ip", "user_agent", "email")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def changed(self, **fields: Any) -> Hand:
        return replace(self, **fields)


class Tape:
    """Everything that happens, each thing once."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._happenings: list[tuple[datetime, int, Happening]] = []

    def put(self, at: datetime, kind: str, hand: Hand, **fields: Any) -> Happening:
        """One happening; the same object is filled with its ``event_id`` when the tape is played."""
        given = {name: value for name, value in fields.items() if value is not None}
        event: Happening = {"type": kind, **hand.fields(), **given}
        self._happenings.append((at, len(self._happenings), event))
        return event

    def name(self) -> str:
        """A fresh opaque id."""
        return f"{self.rng.getrandbits(64):016x}"

    def play(
        self, prefix: str, *, since: datetime, until: datetime, written: Callable[[datetime], str]
    ) -> list[Happening]:
        """The events between two moments in time order, with ids and times as an app writes them."""
        played = []
        for at, _, event in sorted(self._happenings, key=lambda entry: entry[:2]):
            if since <= at < until:
                event["event_id"] = f"{prefix}-{len(played) + 1:07}"
                event["occurred_at"] = written(at)
                played.append(event)
        return played

    def soon(self, at: datetime, least: float, most: float) -> datetime:
        """A moment so many seconds later."""
        return at + timedelta(seconds=self.rng.uniform(least, most))
