"""The one protocol rules and models share, and the base every rule stands on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform, runtime_checkable

from detection.kernel.features import Wish
from detection.kernel.records import EventRecord, Reason, Signal
from detection.kernel.vocabulary import Action, Family, Severity

Seen = Mapping[str, Any]


@runtime_checkable
class Detector(Protocol):
    """Arithmetic over one event and its features: same input, same answer; changes nothing; no I/O."""

    @property
    def id(self) -> str:
        """What it is called, the same for ever."""

    @property
    def listens_to(self) -> frozenset[str]:
        """The types of event it is asked about."""

    def needs(self) -> Mapping[str, Wish]:
        """The features this detector wants, by the name it will find them under in ``seen``."""

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        """A signal, or nothing. ``seen`` always holds every name of ``needs()``."""

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        """The same over a batch, in order."""


class Rule:
    """A rule: plain class attributes describe it, annotated fields tune it.

    The docstring is one plain sentence about what it means when the rule fires.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    family: ClassVar[Family]
    listens_to: ClassVar[frozenset[str]]
    suggests: ClassVar[Action] = Action.NOTIFY
    _shift: ClassVar[int] = 0

    def needs(self) -> Mapping[str, Wish]:
        return {}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        raise NotImplementedError(type(self).__name__)

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        return [self.inspect(event, seen) for event, seen in pairs]

    def signal(
        self,
        text: str,
        *,
        observed: Any = None,
        threshold: Any = None,
        severity: Severity | None = None,
        suggests: Action | None = None,
        about: str | None = None,
    ) -> Signal:
        """This rule's finding, milder or graver than usual where it says so. ``text`` is for a member to read.
        ``about`` names a source ("address:…", "device:…") whose many tries are one alert, whomever they were on."""
        worth = (severity or self.severity).shifted(self._shift)
        return Signal(
            detector=self.id,
            title=self.title,
            severity=worth,
            family=self.family,
            suggests=suggests or self.suggests,
            reason=Reason(self.id, text, observed, threshold),
            points=worth.points,
            about=about,
        )

    @staticmethod
    def settled(event: EventRecord, first_seen: datetime | None, least: timedelta) -> bool:
        """Whether what was first seen then had been known for ``least`` by the time of the event."""
        return first_seen is not None and event.occurred_at - first_seen >= least

    def parameters(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}  # type: ignore[arg-type]

    def tuned(self, *, severity: Severity | None = None, **parameters: Any) -> Rule:
        """A copy with other parameters, and with another usual severity: what it finds milder or graver than usual
        moves along. Raises TypeError for a name the rule does not have."""
        copy: Rule = dataclasses.replace(self, **parameters)  # type: ignore[type-var]
        if severity is not None:
            object.__setattr__(copy, "_shift", severity.rank - self.severity.rank)
        return copy


class Assurance(Rule):
    """A rule that speaks for the member: its finding lowers the score by ``lowers`` points and raises nothing."""

    severity = Severity.LOW
    family = Family.TRUST
    suggests = Action.NONE

    lowers: int

    def assure(self, text: str, *, observed: Any, threshold: Any) -> Signal:
        """This rule's finding. ``text`` is for a member to read."""
        reason = Reason(self.id, text, observed, threshold, points=-self.lowers)
        return dataclasses.replace(self.signal(text), reason=reason, points=-self.lowers)


_registry: dict[str, type[Rule]] = {}
R = TypeVar("R", bound=type[Rule])


@dataclass_transform(frozen_default=True)
def rule(cls: R) -> R:
    """Make a class a frozen dataclass of its annotated fields and put it on the list of rules."""
    frozen = dataclasses.dataclass(frozen=True)(cls)
    if frozen.id in _registry and _registry[frozen.id].__module__ != frozen.__module__:
        raise ValueError(f"two rules are called {frozen.id}")
    _registry[frozen.id] = frozen
    return frozen  # type: ignore[return-value]


def registered() -> list[type[Rule]]:
    """Every rule class that has been imported, by id. ``detection.rules`` imports them all."""
    return [_registry[key] for key in sorted(_registry)]


def wishes_of(detectors: Iterable[Detector]) -> frozenset[Wish]:
    """Everything the detectors ask for, each wish once."""
    return frozenset(wish for detector in detectors for wish in detector.needs().values())
