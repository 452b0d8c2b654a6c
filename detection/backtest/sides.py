"""One side of a back-test of a rule: the rule as it is or as it would be, and what it did."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from detection.backtest.running import Backtest, Step
from detection.kernel.detector import Detector, Seen
from detection.kernel.features import Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Outcome

DAY = timedelta(days=1)


class Stopwatch:
    """A detector with a watch beside it: the same answers, and how long they took."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.id, self.listens_to = detector.id, detector.listens_to
        self._seconds, self._asked = 0.0, 0

    def needs(self) -> Mapping[str, Wish]:
        return self._detector.needs()

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        return self._detector.inspect(event, seen)

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        began = time.perf_counter()
        found = self._detector.inspect_many(pairs)
        self._seconds += time.perf_counter() - began
        self._asked += len(pairs)
        return found

    @property
    def microseconds(self) -> float | None:
        """For one event it listens to."""
        return round(1e6 * self._seconds / self._asked, 1) if self._asked else None


@dataclass
class Side:
    """What a rule did over the events. ``alerts`` are those it spoke in, with when it first did."""

    rule_id: str
    state: str
    backtest: Backtest
    start: datetime
    judged: int = 0
    hits: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    guests: set[str] = field(default_factory=set)
    alerts: dict[str, datetime] = field(default_factory=dict)
    known: Counter[bool] = field(default_factory=Counter)
    challenged: Counter[bool | None] = field(default_factory=Counter)
    _speakers: dict[str, list[str]] = field(default_factory=dict)

    def judge(self, events: Sequence[EventRecord], known: Mapping[str, bool]) -> None:
        """Take these events in. ``known`` says of some, by id, whether they are bad."""
        for step in self.backtest.run(events):
            self._take(step, known.get(step.verdict.event.id))

    def _take(self, step: Step, bad: bool | None) -> None:
        self.judged += 1
        verdict, event = step.verdict, step.verdict.event
        if any(one.detector == self.rule_id for one in (*verdict.signals, *verdict.trust, *verdict.shadows)):
            self.hits.add(event.id)
            (self.members if event.member_id else self.guests).add(event.member_id or event.subject)
            if bad is not None:
                self.known[bad] += 1
        if verdict.outcome is not Outcome.ALLOW:
            self.challenged[bad] += 1
        if step.line is not None:
            self._speakers[step.line["id"]] = step.line["detectors"]
            if self.rule_id in step.line["detectors"]:
                raised = parse_datetime(step.line["created_at"]) or event.occurred_at
                self.alerts.setdefault(step.line["id"], raised)

    def wire(self, end: datetime) -> dict[str, Any]:
        mine = [self._speakers[alert] for alert in self.alerts]
        others = Counter(name for speakers in mine for name in speakers if name != self.rule_id)
        days = max((end - self.start) / DAY, 1 / 24)
        by_day = Counter(int((moment - self.start) / DAY) for moment in self.alerts.values())
        return {
            "state": self.state,
            "hits": len(self.hits),
            "members": len(self.members),
            "guests": len(self.guests),
            "alerts": len(self.alerts),
            "alerts_a_day": round(len(self.alerts) / days, 2),
            "alone": sum(len(speakers) == 1 for speakers in mine),
            "overlap": [{"rule": name, "alerts": count} for name, count in sorted(others.items(), key=_most_first)],
            "known_bad_caught": self.known[True],
            "known_good_hit": self.known[False],
            "days": [by_day[day] for day in range(int(days - 1e-9) + 1)],
            "all": {
                "alerts": len(self._speakers),
                "challenged": self.challenged.total(),
                "known_bad_challenged": self.challenged[True],
                "known_good_challenged": self.challenged[False],
            },
        }


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
