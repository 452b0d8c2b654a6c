"""The models by themselves: how well they rank what was bad before what was not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from detection.anomaly.detector import AnomalyDetector, Model
from detection.backtest.running import Step
from detection.catalog import Duty


@dataclass(slots=True)
class ModelAlone:
    """How well the models rank events without any rule."""

    _rows: dict[str, list[tuple[list[float], bool]]] = field(default_factory=lambda: defaultdict(list))
    _models: dict[str, Model] = field(default_factory=dict)

    def add(self, step: Step, duty: Duty, *, bad: bool) -> None:
        """Take one step in, once models are on duty."""
        for detector in duty.detectors:
            if not isinstance(detector, AnomalyDetector) or detector.model is None:
                continue
            row = detector.kind.row(step.verdict.seen.get(detector.id, {}))
            if row is not None:
                self._models[detector.kind_name] = detector.model
                self._rows[detector.kind_name].append((row, bad))

    def average_precision(self) -> dict[str, float]:
        """By kind: the mean over bad events of the precision at their rank."""
        found = {}
        for kind, rows in self._rows.items():
            scores = self._models[kind].scores([row for row, _ in rows])
            ranked = sorted(zip(scores, (bad for _, bad in rows), strict=True), key=lambda pair: -pair[0])
            hits, total = 0, 0.0
            for rank, (_, bad) in enumerate(ranked, 1):
                hits += bad
                total += hits / rank if bad else 0.0
            found[kind] = total / hits if hits else float("nan")
        return found
