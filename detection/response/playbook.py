"""The playbook: detection ends at a verdict, response begins at an alert, and this file knows both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from detection.conf import current
from detection.kernel.records import SYSTEM, LockRecord, Reason, Verdict
from detection.kernel.vocabulary import Action, ActorKind, FrameKind, LockState, Outcome, Severity, WebhookKind
from detection.models import AccountLock, Alert, Client, Member
from detection.response import folding, health, letters, locks, notifications
from detection.response.folding import Folded
from detection.work import UnitOfWork

#: The reason an app gets for an action that a lock refuses.
LOCKED = Reason(
    "member-locked", "This account is locked for actions of this kind until its owner has confirmed who they are."
)
STORMS = "/admin_dashboard/storms/"
_STRICTNESS = {Outcome.ALLOW: 0, Outcome.CHALLENGE: 1, Outcome.DENY: 2}


@dataclass(slots=True)
class Response:
    """What was done about a batch: each event's outcome, its alert, the members' locks as they are now."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    locks: dict[int, LockRecord] = field(default_factory=dict)
    refusals: dict[str, Reason] = field(default_factory=dict)
    paged: bool = False  # staff know of the storm


def respond(
    work: UnitOfWork,
    verdicts: Sequence[Verdict],
    *,
    members: Mapping[str, Member],
    now: datetime,
    answering: Collection[str] = (),
    counted: Collection[str] = (),
) -> Response:
    """Alerts, locks and notices for judged events, in the transaction of ``work``. ``answering`` names the events whose
    sender waits for the answer: only there has a challenge or a refusal really happened; ``counted`` those that an
    alert has counted before."""
    enforcing = current().enforcing
    response = Response(locks=_standing(members, hold=bool(answering)))
    folded = folding.fold(verdicts, members, now, counted=counted)
    response.alerts = folded.by_event
    for alert in folded.raised:
        work.tell(FrameKind.ALERT_RAISED, alert=alert, member=alert.member)
        work.publish(WebhookKind.ALERT_RAISED, alert)
        work.audit("alert.raised", target=f"alert:{alert.pk}", severity=str(alert.severity), subject=alert.subject)
    for alert in folded.changed:
        work.tell(FrameKind.ALERT_CHANGED, alert=alert, member=alert.member)
    acted: dict[str, Alert] = {}
    for verdict in verdicts:
        alert = folded.by_event.get(verdict.event.id)
        done = Action.NONE
        if enforcing and verdict.action is Action.LOCK and alert is not None and alert.member is not None:
            done = _lock(verdict, alert, alert.member, response, now)
        outcome = _outcome(verdict, members, response) if enforcing else Outcome.ALLOW
        response.outcomes[verdict.event.id] = outcome
        if verdict.event.id in answering and outcome is not Outcome.ALLOW:
            done = max(done, Action.DENY if outcome is Outcome.DENY else Action.CHALLENGE, key=lambda a: a.rank)
        if alert is not None and folding.took(alert, done):
            acted[str(alert.pk)] = alert
    if enforcing:
        acted |= _notify(work, folded)
    folding.save_actions(acted.values())
    _tell_health(work, folded)
    return response


def _standing(members: Mapping[str, Member], *, hold: bool) -> dict[int, LockRecord]:
    """The locks in force. When somebody waits for an answer they are read under the row lock, so that a lock placed a
    moment ago is never missed."""
    pks = [member.pk for member in members.values()]
    if not pks:
        return {}
    if hold:
        list(AccountLock.objects.select_for_update().filter(member__in=pks).order_by("pk").values_list("pk"))
    return locks.in_force(pks)


def _lock(verdict: Verdict, alert: Alert, member: Member, response: Response, now: datetime) -> Action:
    """Lock within the budget, restrict above it and page staff once."""
    event = verdict.event
    standing = response.locks.get(member.pk)
    if standing is not None and standing.state is LockState.LOCKED and standing.refuses(event.type):
        return Action.LOCK  # it is what stops this one too; another reason would only tell the member twice
    lead = next(s for s in verdict.signals if s.suggests is Action.LOCK and not s.from_model)
    may = locks.may_lock(
        client_id=event.client_id, trust=event.trust, source=event.ip or "", code=lead.detector, now=now
    )
    placed = locks.place(
        member,
        state=LockState.LOCKED if may else LockState.RESTRICTED,
        code=lead.detector,
        text=lead.reason.text,
        by=ActorKind.SYSTEM,
        actor=SYSTEM,
        alert=alert.pk,
        client=Client(pk=event.client_id) if event.client_id else None,
        source=event.ip or "",
        capped=not may,
    )
    response.locks[member.pk] = placed.lock
    if not may and not response.paged:
        response.paged = True
        notifications.page_once("lock.storm", alert=alert, context={"storm_page": letters.page(STORMS)})
    return Action.LOCK if placed.lock.state is LockState.LOCKED else Action.CHALLENGE


def _outcome(verdict: Verdict, members: Mapping[str, Member], response: Response) -> Outcome:
    """The stricter of what the score says and what a lock refuses."""
    event = verdict.event
    member = members.get(event.member_id) if event.member_id else None
    refused = refusal(response.locks.get(member.pk) if member else None, event.type)
    if refused is None:
        return verdict.outcome
    response.refusals[event.id] = LOCKED
    return stricter(refused, verdict.outcome)


def stricter(one: Outcome, other: Outcome) -> Outcome:
    """The one that lets less through."""
    return max(one, other, key=_STRICTNESS.__getitem__)


def refusal(lock: LockRecord | None, event_type: str) -> Outcome | None:
    """What a lock makes of an action: denied when locked, challenged when restricted, None when untouched."""
    if lock is None or not lock.refuses(event_type):
        return None
    return Outcome.DENY if lock.state is LockState.LOCKED else Outcome.CHALLENGE


def _notify(work: UnitOfWork, folded: Folded) -> dict[str, Alert]:
    """Staff hear of what became high, and of less where a way of theirs wants it; a member of what is new and at least
    medium."""
    told: dict[str, Alert] = {}
    quieter = [alert for alert in folded.raised if alert.severity != Severity.HIGH]
    heard = notifications.about_alerts(work, [*folded.grown_high, *quieter])
    for alert in (*folded.grown_high, *quieter):
        if (alert.pk in heard or alert.severity == Severity.HIGH) and folding.took(alert, Action.NOTIFY):
            told[str(alert.pk)] = alert
    for alert in folded.raised:
        if alert.member is not None and alert.severity != Severity.LOW:
            notifications.to_member(work, alert.member, "alert.raised", alert=alert, context={})
            if folding.took(alert, Action.NOTIFY):
                told[str(alert.pk)] = alert
    return told


def _tell_health(work: UnitOfWork, folded: Folded) -> None:
    touched = {alert.member.pk: alert.member for alert in (*folded.raised, *folded.grown_high) if alert.member}
    if touched:
        health.tell(work, list(touched.values()))
