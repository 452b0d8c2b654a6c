"""A member's health: 100 less what the reasons cost, computed from the tables and never stored.

=====================================  ======================================
locked                                 −40
restricted                             −20
open alerts                            −25 high, −12 medium, −4 low, together at most −45
an open "this wasn't me"               −10
no address we can safely write to      −5
=====================================  ======================================

80 and more is good, 50 and more fair, less is at risk. The worst of all is exactly 0, so lifting a lock always raises
it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from detection.kernel.records import HealthReason, HealthRecord, LockRecord
from detection.kernel.vocabulary import AlertStatus, FrameKind, LockState, Severity
from detection.models import Alert, Authenticator, Contact, Device, Dismissal, Dispute, Member
from detection.response import standing
from detection.work import UnitOfWork, unit_of_work

COST_OF_LOCK = {LockState.LOCKED: 40, LockState.RESTRICTED: 20}
COST_OF_ALERT = {Severity.HIGH: 25, Severity.MEDIUM: 12, Severity.LOW: 4}
MOST_FOR_ALERTS = 45
COST_OF_DISPUTE = 10
COST_OF_NO_CONTACT = 5
GOOD, FAIR = 80, 50

MEMBER_PAGE = "/member/"
UNLOCK_PAGE = "/member/unlock/"
TWO_STEP_PAGE = "/member/two-step/"
DEVICES_PAGE = "/member/devices/"
ACTIVITY_PAGE = "/member/activity/"

URGENT = frozenset({"unlock", "contact-shop", "answer-alerts", "change-password"})
CODES = URGENT | {"add-contact", "set-up-app", "remove-device", "review-activity"}
AWAY_FOR, AWAY_FOR_A_DAY = timedelta(days=30), timedelta(days=1)
LATELY, STALE = timedelta(days=30), timedelta(days=90)


@dataclass(slots=True)
class _Facts:
    lock: LockRecord | None = None
    alerts: dict[Severity, int] = field(default_factory=dict)
    asked: set[Severity] = field(default_factory=set)  # how grave those are that wait for the member's word
    disputed: bool = False
    reachable: bool = False
    app: bool = False  # an authenticator app is set up
    lately: bool = False  # something was noticed within a month
    stale: bool = False  # a device that was not used for months still counts as theirs
    dismissed: frozenset[str] = frozenset()


def assess(member_pks: Collection[int], *, now: datetime | None = None) -> dict[int, HealthRecord]:
    """The health of each of these members. Eight queries, however many there are."""
    pks = set(member_pks)
    if not pks:
        return {}
    facts = {pk: _Facts() for pk in pks}
    for pk, lock in standing.in_force(pks, now=now).items():
        facts[pk].lock = lock
    unresolved = Alert.objects.filter(member__in=pks).exclude(status=AlertStatus.RESOLVED)
    counted = unresolved.values_list("member", "severity", "disputed").annotate(count=Count("pk"))
    for pk, severity, answered, count in counted.order_by():
        alerts = facts[pk].alerts
        alerts[Severity(severity)] = alerts.get(Severity(severity), 0) + count
        if not answered:
            facts[pk].asked.add(Severity(severity))
    disputes = Dispute.objects.filter(member__in=pks, answer=Dispute.NOT_ME, closed_at=None)
    for pk in disputes.exclude(alert__status=AlertStatus.RESOLVED).values_list("member", flat=True):
        facts[pk].disputed = True
    for pk in Contact.objects.filter(member__in=pks, held=False).values_list("member", flat=True):
        facts[pk].reachable = True
    _what_could_be_better(facts, now or timezone.now())
    return {pk: _weigh(known) for pk, known in facts.items()}


def dismiss(member: Member, code: str, *, now: datetime | None = None) -> bool:
    """Put a suggestion away for a month, one that is about a danger for a day; whether there is such a suggestion."""
    if code not in CODES:
        return False
    with unit_of_work() as work:
        until = (now or timezone.now()) + (AWAY_FOR_A_DAY if code in URGENT else AWAY_FOR)
        Dismissal.objects.update_or_create(member=member, code=code, defaults={"until": until})
        tell(work, [member])
    return True


def _what_could_be_better(facts: Mapping[int, _Facts], now: datetime) -> None:
    """What suggestions go by, for all of these members at once."""
    apps = Authenticator.objects.filter(user__member__in=facts).exclude(confirmed_at=None)
    for pk in apps.values_list("user__member", flat=True):
        facts[pk].app = True
    lately = Alert.objects.filter(member__in=facts, created_at__gt=now - LATELY).order_by()
    for pk in lately.values_list("member", flat=True).distinct():
        facts[pk].lately = True
    old = Device.objects.filter(member__in=facts, distrusted_at=None, forgotten_at=None, last_seen_at__lt=now - STALE)
    for pk in old.values_list("member", flat=True).distinct():
        facts[pk].stale = True
    for pk, code in Dismissal.objects.filter(member__in=facts, until__gt=now).values_list("member", "code"):
        facts[pk].dismissed |= {code}


def of(member: Member, *, now: datetime | None = None) -> HealthRecord:
    return assess([member.pk], now=now)[member.pk]


def tell(work: UnitOfWork, members: Sequence[Member]) -> None:
    """Say these members' health on the feed, as it stands at the end of this unit of work."""
    for member in members:
        work.together(_say, member)


def _say(work: UnitOfWork, told: list[Member]) -> None:
    members = {member.pk: member for member in told}
    found = assess(members)
    for member in members.values():
        payload = {"member_id": member.member_id, "health": found[member.pk].wire()}
        work.tell(FrameKind.HEALTH_CHANGED, member=member, payload=payload)


def _weigh(facts: _Facts) -> HealthRecord:
    reasons = [*_of_lock(facts.lock), *_of_alerts(facts.alerts, facts.asked)]
    if facts.disputed:
        reasons.append(
            HealthReason(
                "disputed",
                "You told us that something was not you",
                -COST_OF_DISPUTE,
                "Our staff are looking into it. Change your password at the shop if you have not yet.",
            )
        )
    if not facts.reachable:
        reasons.append(
            HealthReason(
                "no-contact",
                "We have no address where we can safely reach you",
                -COST_OF_NO_CONTACT,
                "Add an e-mail address in the shop.",
            )
        )
    score = max(0, 100 + sum(reason.points for reason in reasons))
    band = "good" if score >= GOOD else "fair" if score >= FAIR else "at_risk"
    return HealthRecord(score=score, band=band, reasons=tuple(reasons), suggestions=_suggestions(facts))


def _of_lock(lock: LockRecord | None) -> list[HealthReason]:
    if lock is None:
        return []
    text, fix = {
        LockState.LOCKED: ("Your account is locked for your safety", "Unlock it with a one-time code."),
        LockState.RESTRICTED: ("Your account asks for an extra check", "Confirm that it is you with a one-time code."),
    }[lock.state]
    if not lock.self_unlock:
        fix = "The shop’s staff have to lift this. Please contact them."
    return [HealthReason(lock.state.value, text, -COST_OF_LOCK[lock.state], fix)]


def _of_alerts(alerts: Mapping[Severity, int], asked: Collection[Severity]) -> list[HealthReason]:
    reasons: list[HealthReason] = []
    left = MOST_FOR_ALERTS
    for severity, cost in COST_OF_ALERT.items():
        count = alerts.get(severity, 0)
        if not count:
            continue
        points = min(cost * count, left)
        if not points:
            break
        left -= points
        words = {Severity.HIGH: "serious", Severity.MEDIUM: "unusual", Severity.LOW: "minor"}[severity]
        text = f"One {words} alert is open" if count == 1 else f"{count} {words} alerts are open"
        fix = "Tell us whether it was you." if severity in asked else "Our staff are looking into it."
        reasons.append(HealthReason(f"alerts-{severity.value}", text, -points, fix))
    return reasons


def _suggestions(facts: _Facts) -> tuple[Mapping[str, str], ...]:
    """The next steps that help most, at most three, without those the member put away."""
    steps: list[Mapping[str, str]] = []
    if facts.lock and facts.lock.self_unlock:
        steps.append({"code": "unlock", "text": "Unlock your account with a one-time code", "url": UNLOCK_PAGE})
    elif facts.lock:
        steps.append({"code": "contact-shop", "text": "Ask the shop’s staff to lift the lock", "url": UNLOCK_PAGE})
    if facts.asked:
        steps.append({"code": "answer-alerts", "text": "Tell us whether it was you", "url": f"{MEMBER_PAGE}#alerts"})
    if facts.disputed:
        steps.append({"code": "change-password", "text": "Change your password at the shop", "url": MEMBER_PAGE})
    if not facts.reachable:
        steps.append({"code": "add-contact", "text": "Add an e-mail address in the shop", "url": MEMBER_PAGE})
    if not facts.app and not facts.lock:
        steps.append({"code": "set-up-app", "text": "Set up an authenticator app", "url": TWO_STEP_PAGE})
    if facts.stale:
        steps.append({"code": "remove-device", "text": "Forget devices you no longer use", "url": DEVICES_PAGE})
    if facts.lately and not facts.alerts:
        steps.append({"code": "review-activity", "text": "Look through what happened lately", "url": ACTIVITY_PAGE})
    return tuple(step for step in steps if step["code"] not in facts.dismissed)[:3]
