"""The models by themselves: how well they rank what was bad before what was not, which features carry what, and the
textbook's way beside them: PyOD as it comes, on the columns as they come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.trainer import SEED
from detection.anomaly.vector import KINDS
from detection.backtest.running import Step
from detection.catalog import Duty
from detection.kernel.records import EventRecord

Labelled = list[tuple[list[float], bool]]


@dataclass(slots=True)
class ModelAlone:
    """How well the first models rank events without any rule: none that learned from what it is asked about."""

    _rows: dict[str, Labelled] = field(default_factory=lambda: defaultdict(list))
    _models: dict[str, Model] = field(default_factory=dict)

    def add(self, step: Step, duty: Duty, *, bad: bool) -> None:
        """Take one step in, once models are on duty."""
        for detector in duty.detectors:
            if not isinstance(detector, AnomalyDetector) or detector.model is None:
                continue
            row = detector.kind.row(step.verdict.seen.get(detector.id, {}))
            if row is not None:
                self._models.setdefault(detector.kind_name, detector.model)
                self._rows[detector.kind_name].append((row, bad))

    def average_precision(self) -> dict[str, float]:
        """By kind: the mean over bad events of the precision at their rank."""
        return {kind: self._ranked(kind, []) for kind in self._rows}

    def ablation(self) -> dict[str, dict[str, float]]:
        """By kind and feature: how much average precision falls when the feature is silent, the most telling first."""
        found = {}
        for kind, whole in self.average_precision().items():
            names = self._models[kind].names
            falls = {name: whole - self._ranked(kind, [at]) for at, name in enumerate(names)}
            found[kind] = dict(sorted(falls.items(), key=lambda item: -item[1]))
        return found

    def _ranked(self, kind: str, silent: Sequence[int]) -> float:
        rows = [[0.0 if at in silent else value for at, value in enumerate(row)] for row, _ in self._rows[kind]]
        return average_precision(self._models[kind].scores(rows), [bad for _, bad in self._rows[kind]])


@dataclass(slots=True)
class TextbookModel:
    """PyOD's forest with its defaults, fitted on raw columns of everything before ``until``, as the first tutorial
    would."""

    until: datetime
    _learned: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    _rows: dict[str, Labelled] = field(default_factory=lambda: defaultdict(list))

    def add(self, step: Step, *, bad: bool) -> None:
        """Take one step in."""
        event = step.verdict.event
        for kind in KINDS:
            if event.type in kind.listens_to:
                if event.occurred_at < self.until:
                    self._learned[kind.name].append(raw(event))
                else:
                    self._rows[kind.name].append((raw(event), bad))

    def average_precision(self) -> dict[str, float]:
        """By kind, as above."""
        import numpy as np

        from detection.anomaly import makes

        found = {}
        for kind, learned in self._learned.items():
            fitted = makes.textbook(SEED).fit(np.array(learned))
            scores = fitted.decision_function(np.array([row for row, _ in self._rows[kind]]))
            found[kind] = average_precision(scores.tolist(), [bad for _, bad in self._rows[kind]])
        return found


def raw(event: EventRecord) -> list[float]:
    """An event's fields as numbers: text by its checksum, what is absent as -1."""
    texts = (event.device_id, event.ip, event.country, event.agent, event.network, event.payment_method_id, event.path)
    numbers = (event.amount, event.latitude, event.longitude, event.asn, event.http_status)
    at = event.occurred_at
    return [
        float(at.hour),
        float(at.weekday()),
        *(-1.0 if number is None else float(number) for number in numbers),
        *(-1.0 if text is None else float(crc32(text.encode())) for text in texts),
    ]


def average_precision(scores: Sequence[float], bad: Sequence[Any]) -> float:
    """The mean over bad rows of the precision at their rank; NaN when there is none."""
    ranked = sorted(zip(scores, bad, strict=True), key=lambda pair: -pair[0])
    hits, total = 0, 0.0
    for rank, (_, was_bad) in enumerate(ranked, 1):
        hits += bool(was_bad)
        total += hits / rank if was_bad else 0.0
    return total / hits if hits else float("nan")
