"""Folding: verdicts into alerts, one alert an incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from detection.conf import FOLD_FOR
from detection.kernel.records import Verdict
from detection.kernel.vocabulary import Action, Severity
from detection.models import Alert, AlertDetector, Member

MOST_REASONS = 12
CHANGED = (
    "folding severity severity_rank risk_score title summary detectors reasons suggested_actions action_taken "
    "event_count first_seen_at last_seen_at ip country device context"
).split()


@dataclass(slots=True)
class Folded:
    """What a batch did to alerts: which are new, which changed, which grew to high, and each event's alert."""

    raised: list[Alert] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)
    grown_high: list[Alert] = field(default_factory=list)
    by_event: dict[str, Alert] = field(default_factory=dict)


def worth_an_alert(verdict: Verdict) -> bool:
    """Somebody has to hear of it: a live signal that suggests anything at all."""
    return any(signal.suggests is not Action.NONE for signal in verdict.signals)


def fold(verdicts: Sequence[Verdict], members: Mapping[str, Member], now: datetime) -> Folded:
    """Fold verdicts into unresolved alerts of their incident, raise new ones for the rest. A constant number of
    queries; the alerts are held under their row locks until the transaction ends."""
    worth = [verdict for verdict in verdicts if worth_an_alert(verdict)]
    folded = Folded()
    if not worth:
        return folded
    subjects = {verdict.event.subject for verdict in worth}
    held = Alert.objects.select_for_update(of=("self",)).select_related("member", "assignee")
    current = {(a.subject, a.incident): a for a in held.filter(subject__in=subjects, folding=True)}
    ended: list[Alert] = []
    old_severity = {alert.pk: alert.severity for alert in current.values()}
    for verdict in worth:
        key = (verdict.event.subject, verdict.incident or "")
        alert = current.get(key)
        if alert is not None and verdict.event.occurred_at - alert.last_seen_at > FOLD_FOR:
            alert.folding = False
            ended.append(alert)
            alert = None
        if alert is None:
            alert = current[key] = _raise(verdict, members, now)
            folded.raised.append(alert)
        else:
            _grow(alert, verdict)
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
        subject=event.subject,
        incident=verdict.incident or "",
        member=members.get(event.member_id) if event.member_id else None,
        severity=Severity.LOW,
        severity_rank=0,
        risk_score=0,
        event_id=event.event_id,
        event_count=0,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        created_at=now,
    )
    _grow(alert, verdict)
    return alert


def _grow(alert: Alert, verdict: Verdict) -> None:
    event = verdict.event
    alert.event_count += 1
    alert.first_seen_at = min(alert.first_seen_at, event.occurred_at)
    alert.last_seen_at = max(alert.last_seen_at, event.occurred_at)
    if verdict.risk_score >= alert.risk_score:
        lead = verdict.signals[0]
        alert.risk_score = verdict.risk_score
        alert.severity = verdict.severity
        alert.severity_rank = verdict.severity.rank
        alert.title = lead.title
        alert.summary = lead.reason.text
    reasons: dict[str, dict[str, Any]] = {reason["code"]: reason for reason in alert.reasons}
    for signal in verdict.signals:
        if signal.detector not in alert.detectors:
            alert.detectors = [*alert.detectors, signal.detector]
        reasons[signal.reason.code] = signal.reason.wire()
    alert.reasons = list(reasons.values())[:MOST_REASONS]
    suggested = {Action(action) for action in alert.suggested_actions} | {
        signal.suggests for signal in verdict.signals if signal.suggests is not Action.NONE
    }
    alert.suggested_actions = [action.value for action in sorted(suggested, key=lambda a: -a.rank)]
    _context(alert, verdict)


def _context(alert: Alert, verdict: Verdict) -> None:
    """Where it came from, as of the newest event that knew."""
    event = verdict.event
    known = {
        "ip": event.ip,
        "country": event.country,
        "city": event.city,
        "network": event.network_owner or event.network,
        "device": event.device_id,
        "user_agent": event.agent or event.user_agent,
        "session_id": event.session_id,
    }
    alert.context = {name: value or alert.context.get(name) for name, value in known.items()}
    alert.ip = alert.context["ip"] or ""
    alert.country = alert.context["country"] or ""
    alert.device = alert.context["device"] or ""
