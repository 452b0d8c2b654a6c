"""Weighing: signals in, one verdict out.

Points of one family count once (the strongest), families combine as independent evidence,
``100 * (1 - prod(1 - points / 100))`` (noisy-or, Pearl 1988): two medium families make a high, ten lows of one family
stay low. What may lock is decided by the kind of evidence, never by the score alone.

Trust (a device known for long, a step-up just passed, an allow list) is told in points below zero, and lowers the score
by their sum, at most ``MOST_TRUST`` together. Where evidence is firm it lowers no further than to the event's challenge
threshold: a finding of high severity about what only a signed-in member can do, and one of people (a block list, a
dispute), are asked about whatever speaks for the member. Trust raises no alert and is told only where it weighs.

A model weighs only beside a rule: what it alone finds strange is kept aside, as in shadow. It may speak for a member
too, but only where every finding is of low severity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from detection.kernel.records import EventRecord, Signal, Verdict
from detection.kernel.vocabulary import BROWSING, SPENDING, Action, EventType, Family, Outcome, Severity, Trust


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
    EventType.LOGIN_FAILED: Policy(challenge=70, deny=95),  # wrong passwords are mostly their owners'
    **{kind: Policy(challenge=70, deny=95) for kind in BROWSING},
}
DEFAULT_POLICY = Policy(challenge=45, deny=80)

MEDIUM_FROM, HIGH_FROM = 40, 70
MOST_TRUST = 30


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


def trusted(score: int, trust: Sequence[Signal]) -> int:
    """The score after what speaks for the member."""
    return max(0, score - min(MOST_TRUST, sum(-signal.points for signal in trust)))


def firm(event: EventRecord, signals: Sequence[Signal]) -> bool:
    """Whether evidence is such that trust may not wave the event through."""
    return any(
        signal.severity is Severity.HIGH and (signal.family is Family.PEOPLE or event.made_after_sign_in)
        for signal in signals
        if not signal.from_model
    )


def weigh(
    event: EventRecord,
    signals: Sequence[Signal],
    *,
    seen: Mapping[str, Any] | None = None,
    broken: Sequence[str] = (),
    degraded: Sequence[str] = (),
) -> Verdict:
    """One verdict for one event. Pure: shadow signals are kept aside and weigh nothing."""
    signals = _with_models_aside(signals)
    heard = sorted((s for s in signals if not s.shadow), key=lambda s: (-s.points, s.from_model, s.detector))
    shadows = tuple(s for s in signals if s.shadow)
    live = [signal for signal in heard if signal.points >= 0]
    faint = all(signal.severity is Severity.LOW for signal in live)
    trust = [s for s in reversed(heard) if s.points < 0 and (faint or not s.from_model)] if live else []
    by_rules = [signal for signal in live if not signal.from_model]
    policy = POLICY.get(event.type, DEFAULT_POLICY)
    floor = policy.challenge if firm(event, live) else 0

    def scored(against: Sequence[Signal]) -> int:
        whole = score_of(against)
        return max(trusted(whole, trust), min(whole, floor))

    score, by_rules_alone = scored(live), scored(by_rules)
    severity = severity_of(score)
    outcome = Outcome.ALLOW
    if live and score >= policy.deny:
        outcome = Outcome.DENY
    elif live and score >= policy.challenge:
        outcome = Outcome.CHALLENGE
    if outcome is Outcome.DENY and by_rules_alone < policy.deny:
        outcome = Outcome.CHALLENGE  # a model may tip the scales to a challenge, no further
    return Verdict(
        event=event,
        signals=tuple(live),
        trust=tuple(trust),
        shadows=shadows,
        risk_score=score,
        severity=severity,
        outcome=outcome,
        action=_action(event, live, severity, by_rules_alone),
        seen=seen or {},
        broken=tuple(broken),
        degraded=tuple(degraded),
    )


def _with_models_aside(signals: Sequence[Signal]) -> Sequence[Signal]:
    """The signals, with what models found in shadow where no rule found anything."""
    if any(s.points >= 0 and not s.shadow and not s.from_model for s in signals):
        return signals
    return [replace(s, shadow=True) if s.from_model and s.points >= 0 else s for s in signals]


def _action(event: EventRecord, live: Sequence[Signal], severity: Severity, by_rules_alone: int) -> Action:
    """The strongest suggestion the evidence supports."""
    if not live:
        return Action.NONE
    strongest = max((signal.suggests for signal in live), key=lambda action: action.rank)
    if strongest is not Action.LOCK:
        return strongest
    may_lock = (
        severity is Severity.HIGH
        and by_rules_alone >= HIGH_FROM
        and any(signal.suggests is Action.LOCK and not signal.from_model for signal in live)
        and event.made_after_sign_in
        and event.trust >= Trust.NORMAL
    )
    return Action.LOCK if may_lock else Action.CHALLENGE
