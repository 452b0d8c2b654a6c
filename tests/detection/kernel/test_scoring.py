"""How findings are weighed: what raises a score, what lowers it, and how far."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from detection.kernel.incidents import worth_an_alert
from detection.kernel.records import EventRecord, Reason, Signal, Verdict
from detection.kernel.scoring import MOST_TRUST, POLICY, weigh
from detection.kernel.vocabulary import Action, Family, Outcome, Severity, Trust

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(kind: str = "transaction.attempted", **fields: Any) -> EventRecord:
    given = {"member_id": "mia", "session_id": "s", **fields}
    return EventRecord(id="1", event_id="1", type=kind, occurred_at=NOON, received_at=NOON, **given)


def finding(
    severity: Severity = Severity.MEDIUM,
    family: Family = Family.PAYMENT,
    suggests: Action = Action.CHALLENGE,
    **more: Any,
) -> Signal:
    name = more.pop("detector", f"{family.value}-{severity.value}")
    given = {"points": severity.points, "reason": Reason(name, "Something is odd."), **more}
    return Signal(detector=name, title=name, severity=severity, family=family, suggests=suggests, **given)


def assurance(points: int, name: str = "known-device") -> Signal:
    return finding(
        Severity.LOW,
        Family.TRUST,
        Action.NONE,
        detector=name,
        points=-points,
        reason=Reason(name, "It is known.", points=-points),
    )


def weighed(*signals: Signal, kind: str = "transaction.attempted", **fields: Any) -> Verdict:
    return weigh(event(kind, **fields), signals)


def test_points_of_one_family_count_once_and_families_add_up() -> None:
    assert weighed(finding(), finding(Severity.LOW)).risk_score == 45
    assert weighed(finding(), finding(family=Family.PLACE)).risk_score == 70


def test_trust_lowers_a_score_and_is_told_below_zero_after_what_raised_it() -> None:
    verdict = weighed(assurance(5, "known-network"), finding(), assurance(15))
    assert verdict.risk_score == 25
    assert verdict.outcome is Outcome.ALLOW
    assert [reason.wire().get("points") for reason in verdict.reasons] == [None, -15, -5]
    assert [signal.detector for signal in verdict.signals] == ["payment-medium"]


def test_what_is_all_about_a_source_is_its_alert_and_no_member_s() -> None:
    run, own = finding(about="address:192.0.2.1"), finding(Severity.LOW, Family.PLACE)
    assert (weighed(run).subject, weighed(run).member_id) == ("address:192.0.2.1", None)
    assert (weighed(run, own).subject, weighed(run, own).member_id) == ("member:mia", "mia")
    assert (weighed().subject, weighed().member_id) == ("member:mia", "mia")


def test_all_trust_together_lowers_by_no_more_than_the_table_says() -> None:
    verdict = weighed(finding(), finding(family=Family.PLACE), *(assurance(20, f"a{n}") for n in range(5)))
    assert verdict.risk_score == 70 - MOST_TRUST


def test_trust_alone_raises_nothing_and_is_not_told() -> None:
    verdict = weighed(assurance(15))
    assert (verdict.risk_score, verdict.outcome, verdict.action) == (0, Outcome.ALLOW, Action.NONE)
    assert (verdict.signals, verdict.trust, verdict.incident) == ((), (), None)
    assert not worth_an_alert(verdict)


@pytest.mark.parametrize("kind", sorted(POLICY))
def test_a_high_finding_after_sign_in_is_asked_about_whatever_speaks_for_the_member(kind: str) -> None:
    high = finding(Severity.HIGH, Family.AMOUNT, Action.LOCK)
    verdict = weighed(high, assurance(30), kind=kind)
    signed_in = event(kind).made_after_sign_in
    assert (verdict.risk_score >= POLICY[kind].challenge) is (signed_in or POLICY[kind].challenge <= 45)
    assert verdict.action is not Action.LOCK


def test_a_block_list_is_asked_about_even_before_sign_in() -> None:
    blocked = finding(Severity.HIGH, Family.PEOPLE, points=75)
    assert weighed(blocked, assurance(30), kind="page.viewed", member_id=None).outcome is Outcome.CHALLENGE
    guessed = finding(Severity.HIGH, Family.BROWSING, points=75)
    assert weighed(guessed, assurance(30), kind="page.viewed", member_id=None).outcome is Outcome.ALLOW


def test_the_floor_lifts_nothing_above_what_the_evidence_says() -> None:
    mild = finding(Severity.HIGH, points=30)
    assert weighed(mild, assurance(30)).risk_score == 30


def test_a_score_never_falls_below_zero() -> None:
    assert weighed(finding(Severity.LOW), assurance(30)).risk_score == 0


def test_a_lock_needs_a_high_score_after_trust() -> None:
    high = finding(Severity.HIGH, Family.AMOUNT, Action.LOCK)
    assert weighed(high).action is Action.LOCK
    assert weighed(high, assurance(5)).action is Action.LOCK
    assert weighed(high, assurance(6)).action is Action.CHALLENGE
    assert weighed(high, trust=Trust.LOW).action is Action.CHALLENGE


def test_a_model_tips_the_scales_to_a_challenge_and_no_further_with_trust_or_without() -> None:
    model = finding(Severity.MEDIUM, Family.ANOMALY, from_model=True)
    assert weighed(finding(), model).outcome is Outcome.CHALLENGE
    lock = finding(Severity.HIGH, Family.AMOUNT, Action.LOCK)
    assert weighed(lock, model, assurance(15)).action is Action.CHALLENGE  # 71 with the model, 60 without
    assert weighed(lock, model, assurance(15)).outcome is Outcome.CHALLENGE


def test_what_a_model_alone_finds_is_kept_aside_and_weighs_where_a_rule_speaks_too() -> None:
    model = finding(Severity.MEDIUM, Family.ANOMALY, from_model=True)
    alone = weighed(model, assurance(15))
    assert (alone.outcome, alone.risk_score, alone.signals) == (Outcome.ALLOW, 0, ())
    assert [(signal.detector, signal.shadow) for signal in alone.shadows] == [("anomaly-medium", True)]
    assert not worth_an_alert(alone)
    beside = weighed(model, finding(Severity.LOW))
    assert (beside.outcome, beside.risk_score) == (Outcome.CHALLENGE, 56)
    unheard = weighed(model, finding(Severity.LOW, shadow=True))
    assert unheard.outcome is Outcome.ALLOW


def test_trust_in_shadow_weighs_nothing_and_is_kept_aside() -> None:
    verdict = weighed(finding(), finding(Severity.LOW, Family.TRUST, Action.NONE, points=-15, shadow=True))
    assert verdict.risk_score == 45
    assert [signal.points for signal in verdict.shadows] == [-15]


def test_a_model_s_word_that_all_is_usual_spares_a_note_and_nothing_graver() -> None:
    usual = assurance(20, "anomaly-sign-ins")
    usual = replace(usual, from_model=True)
    note = finding(Severity.LOW, Family.PLACE, Action.NOTIFY)
    spared = weighed(note, usual, kind="login.succeeded")
    assert spared.risk_score == 0
    assert not worth_an_alert(spared)
    assert worth_an_alert(weighed(note, assurance(20), kind="login.succeeded"))
    graver = weighed(finding(), note, usual, kind="login.succeeded")
    assert graver == weighed(finding(), note, kind="login.succeeded")
    assert graver.outcome is Outcome.CHALLENGE
