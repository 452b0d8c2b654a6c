"""One incident is one alert: how verdicts gather in it, the same live and in a back-test."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

from detection.kernel.records import Verdict
from detection.kernel.vocabulary import Action, Severity

MOST_REASONS = 12


class Foldable(Protocol):
    """What gathers verdicts: an alert's row, or an incident in memory. ``severity`` begins low with score 0."""

    severity: Any
    severity_rank: int
    risk_score: int
    title: str
    summary: str
    detectors: list[str]
    reasons: list[dict[str, Any]]
    suggested_actions: list[str]
    event_count: int
    first_seen_at: datetime
    last_seen_at: datetime
    context: dict[str, Any]
    ip: str
    country: str
    device: str


def worth_an_alert(verdict: Verdict) -> bool:
    """Somebody has to hear of it: a live signal that suggests anything at all, or small ones that weigh together, but
    not faint ones about what a model finds ordinary."""
    if any(signal.from_model for signal in verdict.trust):
        return False
    suggested = any(signal.suggests is not Action.NONE for signal in verdict.signals)
    return suggested or (bool(verdict.signals) and verdict.severity is not Severity.LOW)


def over(last_seen_at: datetime, verdict: Verdict, quiet: timedelta) -> bool:
    """Whether the incident had been quiet for so long that this verdict begins a new one."""
    return verdict.event.occurred_at - last_seen_at > quiet


def grow(alert: Foldable, verdict: Verdict) -> None:
    """Take one more verdict in: the gravest speaks for all, reasons and detectors add up."""
    event = verdict.event
    alert.event_count += 1
    alert.first_seen_at = min(alert.first_seen_at, event.occurred_at)
    alert.last_seen_at = max(alert.last_seen_at, event.occurred_at)
    if verdict.risk_score >= alert.risk_score:
        lead = verdict.signals[0]
        alert.risk_score = verdict.risk_score
        alert.severity = verdict.severity
        alert.severity_rank = Severity(verdict.severity).rank
        alert.title = lead.title
        alert.summary = lead.reason.text
    reasons: dict[str, dict[str, Any]] = {reason["code"]: reason for reason in alert.reasons}
    for signal in verdict.signals:
        if signal.detector not in alert.detectors:
            alert.detectors = [*alert.detectors, signal.detector]
    for reason in verdict.reasons:
        reasons[reason.code] = reason.wire()
    alert.reasons = list(reasons.values())[:MOST_REASONS]
    suggested = {Action(action) for action in alert.suggested_actions} | {
        signal.suggests for signal in verdict.signals if signal.suggests is not Action.NONE
    }
    alert.suggested_actions = [action.value for action in sorted(suggested, key=lambda action: -action.rank)]
    _context(alert, verdict)


def _context(alert: Foldable, verdict: Verdict) -> None:
    """Where it came from, as of the newest event that knew."""
    event = verdict.event
    known = {
        "ip": event.ip,
        "country": event.country,
        "city": event.city,
        "network": event.network_owner or event.network,
        "network_kind": event.network,
        "device": event.device_id,
        "user_agent": event.agent or event.user_agent,
        "session_id": event.session_id,
    }
    alert.context = {name: value or alert.context.get(name) for name, value in known.items()}
    alert.ip = alert.context["ip"] or ""
    alert.country = alert.context["country"] or ""
    alert.device = alert.context["device"] or ""
