"""A changed rule beside the rule as it is, over stored events: the real engine in memory, both in step, within bounds.

Models stay out of it: what a rule finds does not depend on them. What was known before the period is taken in first, so
that old devices are old; a rule in shadow is judged as if it were live.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import QuerySet
from django.utils import timezone

from detection import catalog
from detection.anomaly.detector import AnomalyDetector
from detection.backtest.running import Backtest
from detection.backtest.sides import Side, Stopwatch
from detection.catalog import Duty
from detection.kernel.detector import Detector
from detection.kernel.records import EventRecord, iso
from detection.kernel.vocabulary import EventState, Outcome, RuleState
from detection.models import Alert, Event, RuleSetting, RuleTrial
from detection.response import estimates, rules, trials, truths

MOST = 40_000  # events judged, the newest of the period
MOST_BEFORE = 20_000  # events taken in before it
BEFORE = timedelta(days=30)
SECONDS = 60.0
HANDFUL = 400
SAMPLES = 10  # events named that a change newly hits, or no longer
LEAST = timedelta(days=1)  # covered, for an estimate to be worth anything

logger = structlog.get_logger(__name__)


def run_next(*, seconds: float = SECONDS) -> bool:
    """Run the back-test that has waited longest; whether there was one."""
    trial = trials.claim()
    if trial is None:
        return False
    try:
        result = Trying(trial, seconds).run()
    except Exception as error:
        trials.fail(trial, type(error).__name__)
        logger.exception("rule.backtest_failed", rule=trial.rule_id, error=type(error).__name__)
    else:
        if result is not None:
            trials.finish(trial, result)
    return True


@dataclass(slots=True)
class Plan:
    """Which events are judged, oldest first, and which came before. ``cut`` says that they are not the whole period."""

    judged: list[UUID]
    before: list[UUID]
    start: datetime
    cut: str | None = None


@dataclass
class Trying:
    """One back-test at work."""

    trial: RuleTrial
    seconds: float
    known_bad: int = 0
    known_good: int = 0
    until: datetime | None = None
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> dict[str, Any] | None:
        """What came out; None when another worker took over."""
        plan = self._plan()
        before, after, watches = self._sides(plan)
        total = len(plan.before) + len(plan.judged)
        done = 0
        for events in _records(plan.before):
            taught = [event for event, _ in events]
            unproven = frozenset(event.id for event, row in events if row.outcome in _UNPROVEN)
            for side in (before, after):
                side.backtest.teach(taught, unproven=unproven)
            done += len(events)
            if not trials.progress(self.trial, done, total):
                return None
        alerts = truths.of_alerts(
            Alert.objects.filter(last_seen_at__gte=plan.start, first_seen_at__lt=self.trial.ends_at)
        )
        for events in _records(plan.judged):
            if time.monotonic() - self._began > self.seconds:
                plan.cut = "time"
                break
            known = self._known(events, alerts)
            taught = [event for event, _ in events]
            before.judge(taught, known)
            after.judge(taught, known)
            self.until = taught[-1].occurred_at
            done += len(events)
            if not trials.progress(self.trial, done, total):
                return None
        return self._result(plan, before, after, watches)

    def _plan(self) -> Plan:
        start, end = self.trial.starts_at, self.trial.ends_at
        judged = _newest(start, end, MOST + 1)
        cut = "events" if len(judged) > MOST else None
        judged = judged[-MOST:]
        first = Event.objects.filter(pk__in=judged[:1]).values_list("occurred_at", flat=True).first() or start
        return Plan(judged, _newest(first - BEFORE, first, MOST_BEFORE), first, cut)

    def _sides(self, plan: Plan) -> tuple[Side, Side, list[Stopwatch]]:
        """The rule as it is and as it would be, each among everybody else on duty."""
        trial, duty = self.trial, catalog.on_duty()
        others = tuple(
            one for one in duty.detectors if one.id != trial.rule_id and not isinstance(one, AnomalyDetector)
        )
        shadow = duty.shadow - {trial.rule_id}
        cls = rules.find(trial.rule_id)
        if cls is None:
            raise LookupError(trial.rule_id)
        row = RuleSetting.objects.filter(rule_id=trial.rule_id).first()
        tuned = RuleSetting(state=trial.state, parameters=trial.parameters, severity=trial.severity)
        as_it_is, changed = catalog.tuned(cls(), row), catalog.tuned(cls(), tuned)
        state = row.state if row else RuleState.LIVE.value
        watches = [Stopwatch(as_it_is), Stopwatch(changed)]
        return (
            Side(trial.rule_id, state, Backtest(_duty(others, shadow, watches[0], state)), plan.start),
            Side(
                trial.rule_id,
                trial.state,
                Backtest(_duty(others, shadow, watches[1], _spoken(trial.state))),
                plan.start,
            ),
            watches,
        )

    def _known(
        self, events: Sequence[tuple[EventRecord, Event]], alerts: Mapping[UUID, truths.Known]
    ) -> dict[str, bool]:
        """Which of these events are known to be bad, or good: by label, else by what became of their alert."""
        labels = truths.of_events(row.pk for _, row in events)
        known: dict[str, bool] = {}
        for event, row in events:
            if row.pk in labels:
                known[event.id] = labels[row.pk][1].bad
            elif row.alert_id in alerts:
                known[event.id] = alerts[row.alert_id].bad
        bad = sum(known.values())
        self.known_bad += bad
        self.known_good += len(known) - bad
        return known

    def _result(self, plan: Plan, before: Side, after: Side, watches: Sequence[Stopwatch]) -> dict[str, Any]:
        trial = self.trial
        end = (self.until or plan.start) if plan.cut == "time" else trial.ends_at
        new, gone = after.hits - before.hits, before.hits - after.hits
        enough = end - plan.start >= LEAST and trial.state != RuleState.OFF
        return {
            "from": iso(plan.start),
            "to": iso(end),
            "cut": plan.cut,
            "events": after.judged,
            "before_events": len(plan.before),
            "seconds": round(time.monotonic() - self._began, 1),
            "known": {"bad": self.known_bad, "good": self.known_good},
            "before": before.wire(end) | {"microseconds": watches[0].microseconds},
            "after": after.wire(end) | {"microseconds": watches[1].microseconds},
            "newly_hit": {"count": len(new), "events": sorted(new, reverse=True)[:SAMPLES]},
            "no_longer_hit": {"count": len(gone), "events": sorted(gone, reverse=True)[:SAMPLES]},
            "estimate": estimates.of_moments(
                after.alerts.values(), start=plan.start, end=end, source=estimates.BACKTEST, made_at=timezone.now()
            )
            if enough
            else None,
        }


_UNPROVEN = frozenset({Outcome.CHALLENGE, Outcome.DENY})


def _duty(others: tuple[Detector, ...], shadow: frozenset[str], rule: Detector, state: str) -> Duty:
    if state == RuleState.OFF:
        return Duty(others, shadow)
    return Duty((*others, rule), shadow | {rule.id} if state == RuleState.SHADOW else shadow)


def _spoken(state: str) -> str:
    return RuleState.LIVE.value if state == RuleState.SHADOW else state


def _newest(start: datetime, end: datetime, most: int) -> list[UUID]:
    """The newest judged events of a time, oldest first, by their keys."""
    found = Event.objects.filter(occurred_at__gte=start, occurred_at__lt=end).exclude(state=EventState.PENDING)
    return list(found.order_by("-occurred_at", "-pk").values_list("pk", flat=True)[:most])[::-1]


def _records(keys: Sequence[UUID]) -> Iterator[list[tuple[EventRecord, Event]]]:
    """The events of these keys in their order, a handful at a time. One erased meanwhile is left out."""
    for first in range(0, len(keys), HANDFUL):
        part = keys[first : first + HANDFUL]
        rows: QuerySet[Event] = Event.objects.filter(pk__in=part).select_related("member")
        found = {row.pk: row for row in rows.defer("seen", "signals", "broken", "degraded")}
        handful = [found[key] for key in part if key in found]
        if handful:
            yield [(row.record(row.member.member_id if row.member else None), row) for row in handful]
