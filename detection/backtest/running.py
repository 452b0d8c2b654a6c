"""The run itself: events in time order in, verdicts and alert lines out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from detection.backtest.learning import Learner
from detection.catalog import Duty
from detection.conf import FOLD_FOR
from detection.enrich import enrich
from detection.features import MemoryStore
from detection.judging import Granted, judge_in_turn
from detection.kernel.features import Wish
from detection.kernel.incidents import grow, over, worth_an_alert
from detection.kernel.records import AlertRecord, EventRecord, Verdict
from detection.kernel.vocabulary import Action, AlertStatus, Outcome, Severity
from detection.models.alert import cursor_text

HANDFUL = 200
MOST_EVENT_IDS = 200  # an incident names its first event and the newest others
TIDY_EVERY = 20_000  # events, after which incidents long over are forgotten


@dataclass(slots=True)
class Incident:
    """One alert as it grows. Holds what an alert's row holds, and the strongest action so far."""

    id: str
    subject: str
    member_id: str | None
    event_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    created_at: datetime
    severity: Severity = Severity.LOW
    severity_rank: int = 0
    risk_score: int = 0
    title: str = ""
    summary: str = ""
    detectors: list[str] = field(default_factory=list)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    suggested_actions: list[str] = field(default_factory=list)
    event_count: int = 0
    context: dict[str, Any] = field(default_factory=dict)
    ip: str = ""
    country: str = ""
    device: str = ""
    action: Action = Action.NONE
    event_ids: list[str] = field(default_factory=list)

    @property
    def gravity(self) -> tuple[int, int, int]:
        """Grows when the alert grows worse."""
        return self.severity_rank, self.action.rank, len(self.detectors)

    def take_in(self, verdict: Verdict) -> bool:
        """Fold one more verdict in; whether that made it worse."""
        before = self.gravity
        grow(self, verdict)
        self.action = max(self.action, would_do(verdict), key=lambda action: action.rank)
        self.event_ids.append(verdict.event.event_id)
        if len(self.event_ids) > MOST_EVENT_IDS:
            del self.event_ids[1]
        return any(now > then for now, then in zip(self.gravity, before, strict=True))

    def wire(self, cursor: int) -> dict[str, Any]:
        """The line that is written, as ``GET alerts/`` would show the alert, with what it rests on."""
        record = AlertRecord(
            id=self.id,
            cursor=cursor_text(cursor),
            status=AlertStatus.OPEN.value,
            disposition=None,
            severity=self.severity.value,
            risk_score=self.risk_score,
            title=self.title,
            summary=self.summary,
            detectors=tuple(self.detectors),
            reasons=tuple(self.reasons),
            suggested_actions=tuple(self.suggested_actions),
            action_taken=Action.NONE.value,
            member_id=self.member_id,
            subject=self.subject,
            event_id=self.event_id,
            event_count=self.event_count,
            first_seen_at=self.first_seen_at,
            last_seen_at=self.last_seen_at,
            created_at=self.created_at,
            disputed=False,
            assignee=None,
            context=self.context,
        )
        return {**record.wire(), "event_ids": list(self.event_ids), "action": self.action.value}


@dataclass(frozen=True, slots=True)
class Step:
    """One judged event; ``line`` is the alert line it made us write, if any."""

    verdict: Verdict
    line: dict[str, Any] | None = None


def would_do(verdict: Verdict) -> Action:
    """What would have been done at once: lock a member, ask for proof (a refusal asks for more than proof, and is
    counted with it), tell somebody, or nothing."""
    if verdict.action is Action.LOCK and verdict.event.member_id is not None:
        return Action.LOCK
    if verdict.outcome is not Outcome.ALLOW:
        return Action.CHALLENGE
    told = verdict.severity is Severity.HIGH or (
        verdict.severity is Severity.MEDIUM and verdict.event.member_id is not None
    )
    return Action.NOTIFY if told else Action.NONE


class Backtest:
    """Judges events one after the other with what it has seen before. The same events give the same steps.

    No lock is placed: what a locked member does next is judged like everything else.
    """

    def __init__(self, duty: Duty, learner: Learner | None = None) -> None:
        self.duty = duty
        self._learner = learner
        self._store = MemoryStore(duty.wishes, complete=True)
        self._incidents: dict[tuple[str, str], Incident] = {}
        self._spoken = 0
        self._judged = 0

    def run(self, events: Iterable[EventRecord]) -> Iterator[Step]:
        """Steps in the order of the events, which come in time order."""
        handful: list[EventRecord] = []
        for event in events:
            if self._learner and event.occurred_at >= self._learner.until:
                yield from self._judge(handful)
                self.duty, handful = self._learner.train(self.duty, event.occurred_at), []
            handful.append(event)
            if len(handful) == HANDFUL:
                yield from self._judge(handful)
                handful = []
        yield from self._judge(handful)

    def teach(self, events: Sequence[EventRecord], *, unproven: AbstractSet[str] = frozenset()) -> None:
        """Take in a past that was judged already: it is known from then on, and nothing is said of it."""
        self._store.rebuild({"": events}, unproven=unproven)

    def _judge(self, handful: Sequence[EventRecord]) -> Iterator[Step]:
        if not handful:
            return
        events = enrich(handful)
        wishes = [self.duty.listening(event.type)[1] for event in events]
        seen = self._measure(events, wishes)
        verdicts = judge_in_turn(events, seen, self.duty, unteach=self._store.unteach, again=self._measure)
        for verdict in verdicts:
            if self._learner:
                self._learner.watch(verdict)
            yield Step(verdict, self._fold(verdict) if worth_an_alert(verdict) else None)
        self._judged += len(events)
        if self._judged % TIDY_EVERY < len(events):
            self._tidy(verdicts[-1])

    def _measure(
        self,
        events: Sequence[EventRecord],
        wishes: Sequence[Collection[Wish]],
        unproven: AbstractSet[str] = frozenset(),
    ) -> Sequence[Granted]:
        return self._store.observe_and_measure(events, wishes, unproven=unproven).seen

    def _fold(self, verdict: Verdict) -> dict[str, Any] | None:
        key = (verdict.subject, verdict.incident or "")
        incident = self._incidents.get(key)
        if incident is None or over(incident.last_seen_at, verdict, FOLD_FOR):
            incident = self._incidents[key] = _begin(verdict)
            incident.take_in(verdict)
        elif not incident.take_in(verdict):
            return None
        self._spoken += 1
        return incident.wire(self._spoken)

    def _tidy(self, newest: Verdict) -> None:
        self._store.let_go(newest.event.occurred_at)
        self._incidents = {
            key: incident
            for key, incident in self._incidents.items()
            if not over(incident.last_seen_at, newest, FOLD_FOR)
        }


def _begin(verdict: Verdict) -> Incident:
    event = verdict.event
    digest = hashlib.sha256(f"{event.id}\n{verdict.subject}\n{verdict.incident or ''}".encode()).hexdigest()
    return Incident(
        id=digest[:32],
        subject=verdict.subject,
        member_id=verdict.member_id,
        event_id=event.event_id,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        created_at=event.occurred_at,
    )
