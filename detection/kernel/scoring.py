"""Weighing: signals in, one verdict out.

Points of one family count once (the strongest), families combine as independent evidence,
``100 * (1 - prod(1 - points / 100))`` (noisy-or, Pearl 1988): two medium families make a high, ten lows of one family
stay low. What may lock is decided by the kind of evidence, never by the score alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detection.kernel.records import EventRecord, Signal, Verdict
from detection.kernel.vocabulary import BROWSING, SPENDING, Action, EventType, Outcome, Severity, Trust


@dataclass(frozen=True, slots=True)
class Policy:
    """From which score an action is challenged, and from which denied."""

    challenge: int
    deny: int


#: The visible policy table. Types not named take ``DEFAULT_POLICY``.
POLICY: dict[str, Policy] = {
    **{kind: Policy(challenge=40, deny=70) for kind in SPENDING},
    EventType.PAYMENT_METHOD_ADDED: Policy(challenge=40, deny=70),
    EventType.BENEFICIARY_ADDED: Policy(challenge=40, deny=70),
    EventType.LOGIN_SUCCEEDED: Policy(challenge=40, deny=90),
    **{kind: Policy(challenge=70, deny=95) for kind in BROWSING},
}
DEFAULT_POLICY = Policy(challenge=45, deny=80)

MEDIUM_FROM, HIGH_FROM = 40, 70


def severity_of(score: int) -> Severity:
    if score >= HIGH_FROM:
        return Severity.HIGH
    return Severity.MEDIUM if score >= MEDIUM_FROM else Severity.LOW


def score_of(signals: Sequence[Signal]) -> int:
    strongest: dict[str, int] = {}
    for signal in signals:
        strongest[signal.family] = max(strongest.get(signal.family, 0), signal.points)
    quiet = 1.0
    for points in strongest.values():
        quiet *= 1 - points / 100
    return round(100 * (1 - quiet))


def weigh(
    event: EventRecord,
    signals: Sequence[Signal],
    *,
    seen: Mapping[str, Any] | None = None,
    broken: Sequence[str] = (),
    degraded: Sequence[str] = (),
) -> Verdict:
    """One verdict for one event. Pure: shadow signals are kept aside and weigh nothing."""
    live = sorted((s for s in signals if not s.shadow), key=lambda s: (-s.points, s.from_model, s.detector))
    shadows = tuple(s for s in signals if s.shadow)
    score = score_of(live)
    severity = severity_of(score)
    policy = POLICY.get(event.type, DEFAULT_POLICY)
    outcome = Outcome.ALLOW
    if live and score >= policy.deny:
        outcome = Outcome.DENY
    elif live and score >= policy.challenge:
        outcome = Outcome.CHALLENGE
    by_rules = [signal for signal in live if not signal.from_model]
    if outcome is Outcome.DENY and score_of(by_rules) < policy.deny:
        outcome = Outcome.CHALLENGE  # a model may tip the scales to a challenge, no further
    return Verdict(
        event=event,
        signals=tuple(live),
        shadows=shadows,
        risk_score=score,
        severity=severity,
        outcome=outcome,
        action=_action(event, by_rules, live, severity),
        seen=seen or {},
        broken=tuple(broken),
        degraded=tuple(degraded),
    )


def _action(
    event: EventRecord, by_rules: Sequence[Signal], live: Sequence[Signal], severity: Severity
) -> Action:
    """The strongest suggestion the evidence supports."""
    if not live:
        return Action.NONE
    strongest = max((signal.suggests for signal in live), key=lambda action: action.rank)
    if strongest is not Action.LOCK:
        return strongest
    may_lock = (
        severity is Severity.HIGH
        and score_of(by_rules) >= HIGH_FROM
        and any(signal.suggests is Action.LOCK for signal in by_rules)
        and event.made_after_sign_in
        and event.trust >= Trust.NORMAL
    )
    return Action.LOCK if may_lock else Action.CHALLENGE
