"""Folding: verdicts into alerts, one alert an incident."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from detection.conf import FOLD_FOR
from detection.kernel.incidents import grow, over, worth_an_alert
from detection.kernel.records import Verdict
from detection.kernel.vocabulary import Action, Severity
from detection.models import Alert, AlertDetector, Member

CHANGED = [
    "folding",
    "severity",
    "severity_rank",
    "risk_score",
    "title",
    "summary",
    "detectors",
    "reasons",
    "suggested_actions",
    "action_taken",
    "event_count",
    "first_seen_at",
    "last_seen_at",
    "ip",
    "country",
    "device",
    "context",
    "snoozed_until",
]


@dataclass(slots=True)
class Folded:
    """What a batch did to alerts: which are new, which changed, which grew to high, and each event's alert."""

    raised: list[Alert] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)
    grown_high: list[Alert] = field(default_factory=list)
    by_event: dict[str, Alert] = field(default_factory=dict)


def fold(
    verdicts: Sequence[Verdict], members: Mapping[str, Member], now: datetime, *, counted: Collection[str] = ()
) -> Folded:
    """Fold verdicts into unresolved alerts of their incident, raise new ones for the rest; events in ``counted`` are
    not counted in their alert once more. A constant number of queries; the alerts are held under their row locks until
    the transaction ends."""
    worth = [verdict for verdict in verdicts if worth_an_alert(verdict)]
    folded = Folded()
    if not worth:
        return folded
    subjects = {verdict.subject for verdict in worth}
    held = Alert.objects.select_for_update(of=("self",)).select_related("member", "assignee")
    current = {(a.subject, a.incident): a for a in held.filter(subject__in=subjects, folding=True)}
    ended: list[Alert] = []
    old_severity = {alert.pk: alert.severity for alert in current.values()}
    for verdict in worth:
        key = (verdict.subject, verdict.incident or "")
        alert = current.get(key)
        if alert is not None and over(alert.last_seen_at, verdict, FOLD_FOR):
            alert.folding = False
            ended.append(alert)
            alert = None
        if alert is None:
            alert = current[key] = _raise(verdict, members, now)
            folded.raised.append(alert)
        else:
            _grow(alert, verdict)
            alert.event_count -= verdict.event.id in counted
            if alert not in folded.raised and alert not in folded.changed:
                folded.changed.append(alert)
        folded.by_event[verdict.event.id] = alert
    folded.grown_high = [
        alert
        for alert in (*folded.raised, *folded.changed)
        if alert.severity == Severity.HIGH and old_severity.get(alert.pk) != Severity.HIGH
    ]
    _write(folded, ended)
    return folded


def _grow(alert: Alert, verdict: Verdict) -> None:
    """Take a verdict in; what was put aside comes back when it grows worse: graver, or by another detector."""
    before = alert.severity_rank, len(alert.detectors)
    grow(alert, verdict)
    if alert.severity_rank > before[0] or len(alert.detectors) > before[1]:
        alert.snoozed_until = None


def save_actions(alerts: Iterable[Alert]) -> None:
    """Write what was really done once the playbook knows it."""
    changed = list(alerts)
    if changed:
        Alert.objects.bulk_update(changed, ["action_taken"])


def took(alert: Alert, action: Action) -> bool:
    """Note a stronger action; whether it is news."""
    if action.rank <= Action(alert.action_taken).rank:
        return False
    alert.action_taken = action
    return True


def _write(folded: Folded, ended: list[Alert]) -> None:
    stored = [alert for alert in ended if alert not in folded.raised]
    if stored:
        Alert.objects.bulk_update(stored, CHANGED)
    if folded.changed:
        Alert.objects.bulk_update([a for a in folded.changed if a not in stored], CHANGED)
    if folded.raised:
        Alert.objects.bulk_create(folded.raised)
    marks = [
        AlertDetector(alert=alert, detector=detector)
        for alert in (*folded.raised, *folded.changed)
        for detector in alert.detectors
    ]
    AlertDetector.objects.bulk_create(marks, ignore_conflicts=True)


def _raise(verdict: Verdict, members: Mapping[str, Member], now: datetime) -> Alert:
    event = verdict.event
    alert = Alert(
        subject=verdict.subject,
        incident=verdict.incident or "",
        member=members.get(verdict.member_id) if verdict.member_id else None,
        severity=Severity.LOW,
        severity_rank=0,
        risk_score=0,
        event_id=event.event_id,
        event_count=0,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        created_at=now,
    )
    grow(alert, verdict)
    return alert
