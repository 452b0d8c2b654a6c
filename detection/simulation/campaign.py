"""The label of an attack: who did it to whom, with which events, and when it began to hurt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from detection.simulation.tape import Happening

Level = Literal["easy", "medium", "hard"]
LEVELS: tuple[Level, ...] = ("easy", "medium", "hard")


@dataclass(slots=True)
class Victim:
    """An account that was robbed: the attacker's own events on it, and those that moved money."""

    member_id: str
    events: list[Happening] = field(default_factory=list)
    losses: list[Happening] = field(default_factory=list)


@dataclass(slots=True)
class Campaign:
    """One attack. ``events`` are all the attacker's; ``losses`` are events that cost money, of guests too.

    It is seen in time when something was said by the first loss, or, where nothing is stolen, by ``due``.
    """

    kind: str
    level: Level
    events: list[Happening] = field(default_factory=list)
    losses: list[Happening] = field(default_factory=list)
    victims: dict[str, Victim] = field(default_factory=dict)

    @property
    def due(self) -> Happening:
        """The event before which something has to be said: the first loss, or half of everything."""
        return self.losses[0] if self.losses else self.events[len(self.events) // 2]

    def did(self, *events: Happening, victim: str | None = None, loss: Iterable[Happening] = ()) -> None:
        """Note what the attacker did, to whom, and what of it cost money."""
        self.events += events
        self.losses += loss
        if victim is not None:
            account = self.victims.setdefault(victim, Victim(victim))
            account.events += events
            account.losses += loss


@dataclass(slots=True)
class Case:
    """An honest member or guest having a day that looks odd."""

    kind: str
    events: list[Happening] = field(default_factory=list)
