"""Models trained inside the history: on what was measured up to a moment, on duty from then on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from detection.anomaly import trainer
from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.vector import KINDS
from detection.catalog import Duty
from detection.kernel.records import Verdict
from detection.kernel.vocabulary import EventType, Outcome


class Learner:
    """Remembers what ordinary events measured, leaving out what was challenged, failed, or is known to be bad."""

    def __init__(self, until: datetime, bad: Collection[str] = frozenset(), *, shadow: bool = False) -> None:
        self.until = until
        self.shadow = shadow  # the models are heard and weigh nothing
        self.cards: dict[str, Any] = {}
        self._bad = bad
        self._rows: dict[str, list[trainer.Row]] = {kind.name: [] for kind in KINDS}

    def watch(self, verdict: Verdict) -> None:
        """Take one judged event in."""
        event = verdict.event
        for kind in KINDS:
            measured = verdict.seen.get(kind.detector_id)
            if measured is None or event.type not in kind.listens_to:
                continue
            unfit = ""
            if event.event_id in self._bad:
                unfit = "disputed"
            elif verdict.outcome is not Outcome.ALLOW:
                unfit = "challenged"
            elif event.type == EventType.PAYMENT_FAILED:
                unfit = "failed"
            row = trainer.Row(measured, event.occurred_at, event.subject, event.ip, unfit)
            self._rows[kind.name].append(row)

    def train(self, duty: Duty) -> Duty:
        """The roster with the models that could be trained; ``cards`` says what they learned from or why not."""
        from detection.anomaly.forest import Forest

        models = []
        for kind in KINDS:
            trained = trainer.train(self._rows[kind.name], kind.name)
            if isinstance(trained, trainer.TooLittle):
                self.cards[kind.name] = str(trained)
                continue
            self.cards[kind.name] = {
                name: trained.card[name] for name in ("rows", "clean_rows", "left_out", "threshold")
            }
            scorer = Forest.of(trained.detector)
            known = (trained.names, trained.medians, trained.threshold, scorer, trained.ordinary)
            models.append(AnomalyDetector(kind.name, Model(kind.name, 1, *known), shadow=self.shadow))
        self._rows.clear()
        shadow = duty.shadow | {model.id for model in models} if self.shadow else duty.shadow
        return Duty((*duty.detectors, *models), shadow)
