"""Models trained inside the history as a shop trains them: on what was measured so far, and anew every night."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from detection.anomaly import trainer
from detection.anomaly.comparison import DAYS, MOST, worse
from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.vector import KINDS, Kind
from detection.catalog import Duty
from detection.kernel.records import Verdict
from detection.kernel.vocabulary import EventType, Family, Outcome

NIGHT = timedelta(days=1)
FOREVER = datetime.max.replace(tzinfo=UTC)


class Learner:
    """Remembers what ordinary events measured, leaving out what was challenged, failed, or is known to be bad.

    At ``until`` the first models go on duty. Every night after it each kind is trained anew, and what was trained the
    night before takes over if it is no worse on the same days, as it is live. In ``shadow`` the models are heard and
    weigh nothing, and the first stay.
    """

    def __init__(self, until: datetime, bad: Collection[str] = frozenset(), *, shadow: bool = False) -> None:
        self.until = until  # when it trains next
        self.shadow = shadow
        self.cards: dict[str, Any] = {}
        self._bad = bad
        self._rows: dict[str, list[trainer.Row]] = {kind.name: [] for kind in KINDS}
        self._on_duty: dict[str, Model] = {}
        self._waiting: dict[str, Model] = {}

    def watch(self, verdict: Verdict) -> None:
        """Take one judged event in."""
        if self.until == FOREVER:
            return
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
            ruled = any(signal.family is not Family.ANOMALY and signal.points > 0 for signal in verdict.signals)
            row = trainer.Row(measured, event.occurred_at, event.subject, event.ip, unfit, ruled)
            self._rows[kind.name].append(row)

    def train(self, duty: Duty, now: datetime) -> Duty:
        """The roster with the models of this night; ``cards`` says what they learned from or why not."""
        for kind in KINDS:
            self._take_over(kind, now)
            fitted = self._fitted(kind)
            if fitted is None:
                continue
            if kind.name in self._on_duty:
                self._waiting[kind.name] = fitted
            else:
                self._on_duty[kind.name] = fitted
        if self.shadow:
            self.until = FOREVER
            self._rows.clear()
        else:
            self.until += max((now - self.until) // NIGHT + 1, 1) * NIGHT
        models = [AnomalyDetector(name, model, shadow=self.shadow) for name, model in self._on_duty.items()]
        ids = {model.id for model in models}
        rules = [detector for detector in duty.detectors if detector.id not in ids]
        return Duty((*rules, *models), duty.shadow | ids if self.shadow else duty.shadow)

    def _take_over(self, kind: Kind, now: datetime) -> None:
        """Last night's model goes on duty if it is no worse."""
        challenger = self._waiting.pop(kind.name, None)
        if challenger is None:
            return
        newest: deque[tuple[trainer.Row, list[float]]] = deque(maxlen=MOST)
        for row in self._rows[kind.name]:
            vector = kind.row(row.measured)
            if vector is not None and row.occurred_at >= now - DAYS:
                newest.append((row, vector))
        if not worse(challenger, self._on_duty[kind.name], newest):
            self._on_duty[kind.name] = challenger

    def _fitted(self, kind: Kind) -> Model | None:
        from detection.anomaly.forest import Forest

        trained = trainer.train(self._rows[kind.name], kind.name)
        if isinstance(trained, trainer.TooLittle):
            self.cards[kind.name] = str(trained)
            return None
        self.cards[kind.name] = {name: trained.card[name] for name in ("rows", "clean_rows", "left_out", "threshold")}
        scorer = Forest.of(trained.detector)
        known = (trained.names, trained.medians, trained.threshold, scorer, trained.ordinary)
        return Model(kind.name, 1, *known)
