"""A model behind the rules' own protocol. It may ask for a challenge and never for more, and may spare people a note
about what is ordinary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, Protocol

from detection.anomaly import explain
from detection.anomaly.vector import Kind, kind_named
from detection.anomaly.verdicts import SUFFIX, signals_row
from detection.kernel.detector import Seen
from detection.kernel.features import Wish
from detection.kernel.records import EventRecord, Reason, Signal
from detection.kernel.vocabulary import Action, Family, Severity

PAST = 2  # sign-ins, the judged one with them, before what is usual for a member can be said


class Scorer(Protocol):
    """Something fitted that scores rows of an array, higher is stranger."""

    def scores(self, rows: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model as judging needs it. A row is strange when it scores above ``threshold``."""

    kind: str
    version: int
    names: tuple[str, ...]
    medians: tuple[float, ...]
    threshold: float
    scorer: Scorer = field(repr=False)
    ordinary: float | None = None  # the score up to which an event of a known member is ordinary

    def scores(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """One score a row, in one call."""
        import numpy as np  # not before there is something to score

        return [float(score) for score in self.scorer.scores(np.asarray(rows, np.float64))]


@dataclass(frozen=True)
class AnomalyDetector:
    """Stands in line with the rules. Without a model it only measures, so that a first model has something to learn."""

    kind_name: str
    model: Model | None = None
    shadow: bool = False  # its findings are kept and weigh nothing
    id: str = field(init=False)
    listens_to: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.kind.detector_id)
        object.__setattr__(self, "listens_to", self.kind.listens_to)

    @property
    def kind(self) -> Kind:
        return kind_named(self.kind_name)

    def needs(self) -> Mapping[str, Wish]:
        return self.kind.needs()

    def explainable(self, event: EventRecord, seen: Seen) -> dict[str, float]:
        """What was measured, exactly as it is judged: to be stored, shown, and learned from."""
        return self.kind.measure(event, seen)

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        return self.inspect_many([(event, seen)])[0]

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        """One vectorised call for the batch; what is strange is then explained one by one."""
        found: list[Signal | None] = [None] * len(pairs)
        mine = [at for at, (event, _) in enumerate(pairs) if event.type in self.listens_to]
        if self.model is None or not mine:
            return found
        rows = [list(self.kind.measure(*pairs[at]).values()) for at in mine]
        for at, row, score in zip(mine, rows, self.model.scores(rows), strict=True):
            if isfinite(score) and score > self.model.threshold:
                found[at] = self._signal(self.model, *pairs[at], row, score)
            elif self._ordinary is not None and score <= (self.model.ordinary or 0.0) and _has_a_past(pairs[at][1]):
                found[at] = self._ordinary
        return found

    @cached_property
    def _ordinary(self) -> Signal | None:
        """What speaks for the member; nothing in shadow, where it would only be noise."""
        if self.shadow or self.model is None or self.model.ordinary is None or self.kind.odd is None:
            return None
        text = f"As usual as {100 * (1 - self.kind.odd):.0f} of 100 {self.kind.usual} here."
        points = -Severity.LOW.points
        return Signal(
            detector=self.id,
            title=f"Usual {self.kind.usual.removesuffix('s')}",
            severity=Severity.LOW,
            family=Family.TRUST,
            suggests=Action.NONE,
            reason=Reason(self.id, text, points=points),
            points=points,
            from_model=True,
        )

    @property
    def _severity(self) -> Severity:
        return Severity.MEDIUM if self.kind.points >= Severity.MEDIUM.points else Severity.LOW

    def _signal(self, model: Model, event: EventRecord, seen: Seen, row: Sequence[float], score: float) -> Signal:
        said = explain.reasons(self.kind, model, event, seen, row)
        return Signal(
            detector=self.id,
            title=self.kind.title,
            severity=self._severity,
            family=Family.ANOMALY,
            suggests=Action.CHALLENGE,
            reason=Reason(
                self.id, explain.sentence(self.kind, event, said), round(score, 4), round(model.threshold, 4)
            ),
            points=self.kind.points,
            from_model=True,
            shadow=self.shadow,
        )


def detector_id_of(kind_name: str) -> str:
    """Under which name a model of this kind is heard, or the layer over one."""
    if kind_name.endswith(SUFFIX):
        return f"learned-{kind_name.removesuffix(SUFFIX)}"
    return kind_named(kind_name).detector_id


def _has_a_past(seen: Seen) -> bool:
    return float(seen.get("visits") or 0) >= PAST


@dataclass(frozen=True)
class LearnedDetector(AnomalyDetector):
    """What people's verdicts taught, over the features and what the rules found: it speaks after them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "id", detector_id_of(self.kind_name + SUFFIX))

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        """Nothing yet: ``inspect_after`` answers once the rules have spoken."""
        return [None] * len(pairs)

    def inspect_after(
        self, pairs: Sequence[tuple[EventRecord, Seen]], found: Sequence[Sequence[Signal]]
    ) -> list[Signal | None]:
        """One vectorised call for the batch; ``found`` holds what was found about each event so far."""
        if self.model is None or not pairs:
            return [None] * len(pairs)
        rows = [
            [*self.kind.measure(*pair).values(), *signals_row(signals)]
            for pair, signals in zip(pairs, found, strict=True)
        ]
        return [
            self._said(score) if isfinite(score) and score > self.model.threshold else None
            for score in self.model.scores(rows)
        ]

    def _said(self, score: float) -> Signal:
        threshold = self.model.threshold if self.model else 0.0
        text = f"Like {self.kind.usual} that people here found to be fraud."
        return Signal(
            detector=self.id,
            title=self.kind.title,
            severity=Severity.MEDIUM,
            family=Family.ANOMALY,
            suggests=Action.CHALLENGE,
            reason=Reason(self.id, text, round(score, 4), round(threshold, 4)),
            points=Severity.MEDIUM.points,
            from_model=True,
            shadow=self.shadow,
        )
