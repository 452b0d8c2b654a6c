"""A member's word on an alert: "this wasn't me" and "it was me".

"This wasn't me" always wins: who holds the member's session can't take it back, only staff close it. "It was me" closes
the alert, but lifts no lock: whoever presses it has shown nothing yet, and a one-time code does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor, LockRecord
from detection.kernel.vocabulary import (
    Action,
    ActorKind,
    AlertStatus,
    Disposition,
    EventType,
    FrameKind,
    LockState,
    Severity,
    Trust,
    WebhookKind,
)
from detection.models import Alert, AlertAction, AlertDetector, Contact, Dispute, Event, Member
from detection.response import devices, folding, health, letters, locks, notifications, sessions
from detection.work import unit_of_work

CODE = "member-disputed"
NEW_PASSWORD = (EventType.PASSWORD_CHANGED, EventType.PASSWORD_RESET)
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another one on the telephone


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that leads out of trouble, and whether it is done."""

    code: str
    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class Case:
    """How a "this wasn't me" stands: what was done at once, and the way back to safety."""

    reference: str
    opened_at: datetime
    closed: bool
    lock: LockRecord | None
    send_to: str  # where a code would go, masked; "" when we know no safe address
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Disputed:
    """``missing``: no such alert of this member. ``stands``: an earlier "this wasn't me" stands against this answer.
    ``new`` is False when the same answer was given before and nothing changed."""

    alert: Alert | None = None
    reference: str = ""
    lock: LockRecord | None = None
    missing: bool = False
    stands: bool = False
    new: bool = True


def deny(alert_id: UUID | str, *, member: Member, actor: Actor, session_key: str | None = None) -> Disputed:
    """This wasn't me: raises the alert, keeps or places the lock, disowns the device, ends the member's other sessions
    here, tells staff, and answers with a reference."""
    with unit_of_work(actor) as work:
        alert = _mine(alert_id, member)
        if alert is None:
            return Disputed(missing=True)
        dispute, new = _open(alert, member, Dispute.NOT_ME)
        if not new:
            return Disputed(alert, dispute.reference, locks.of(member), new=False)
        Dispute.objects.filter(alert=alert, answer=Dispute.WAS_ME, closed_at=None).update(closed_at=timezone.now())
        _raise(alert, actor)
        disowned = devices.disown(alert, member)
        ended = _end_sessions(member, session_key)
        lock = _keep_or_place(alert, member, actor)
        work.audit(
            "alert.disputed",
            target=f"alert:{alert.pk}",
            member=member.member_id,
            reference=dispute.reference,
            sessions_ended=ended,
        )
        work.tell(FrameKind.ALERT_CHANGED, member=member, alert=alert)
        health.tell(work, [member])
        told = {"member_id": member.member_id, "alert_id": str(alert.pk), "reference": dispute.reference}
        work.publish(WebhookKind.MEMBER_DISPUTED, {**told, "lock": lock.wire() if lock else None})
        said = "The member says that this was not them."
        sessions.revoke_at_shop(work, member, code=CODE, text=said, alert=alert.pk, new_password=True)
        done = letters.done_words(member, lock, ended=ended, disowned=disowned)
        words = {"reference": dispute.reference, "done": done}
        notifications.to_member(work, member, "dispute.opened", alert=alert, context=words)
        notifications.to_staff(work, "member.disputed", alert=alert, context=words)
        return Disputed(alert, dispute.reference, lock)


def report(event_pk: UUID, *, member: Member, actor: Actor, session_key: str | None = None) -> Disputed:
    """This wasn't me, said of something nobody had noticed: an alert is raised for it, and goes the same way."""
    with unit_of_work(actor) as work:
        event = Event.objects.filter(pk=event_pk, member=member).first()
        if event is None:
            return Disputed(missing=True)
        if event.alert_id is None or not Alert.objects.filter(pk=event.alert_id, member=member).exists():
            alert = _raised_for(event, member)
            work.tell(FrameKind.ALERT_RAISED, member=member, alert=alert)
            work.publish(WebhookKind.ALERT_RAISED, alert)
            Event.objects.filter(pk=event.pk).update(alert_id=alert.pk)
            event.alert_id = alert.pk
        return deny(event.alert_id, member=member, actor=actor, session_key=session_key)


def _raised_for(event: Event, member: Member) -> Alert:
    seen = {**event.enriched, **{name: found for name, found in event.body.items() if found is not None}}
    words = event.type.replace(".", " ").replace("_", " ").capitalize()
    context = {name: seen.get(name) for name in ("ip", "country", "city", "network", "session_id")}
    return Alert.objects.create(
        subject=f"member:{member.member_id}",
        incident=f"reported-{event.pk.hex[:24]}",
        folding=False,
        member=member,
        severity=Severity.LOW,
        severity_rank=Severity.LOW.rank,
        risk_score=event.risk_score or 0,
        title="Reported by the member",
        summary=f"{words}: the member says that this was not them.",
        event_id=event.event_id,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        ip=seen.get("ip") or "",
        country=seen.get("country") or "",
        device=seen.get("device_id") or "",
        context={**context, "device": seen.get("device_id"), "user_agent": seen.get("agent")},
    )


def confirm(alert_id: UUID | str, *, member: Member, actor: Actor, proved: bool = False) -> Disputed:
    """It was me: resolves the alert as a false positive. It lifts no lock. Whoever holds the session can press it, so
    the device counts as the member's only when it is ``proved`` who speaks: by a code in this session, or by mail."""
    with unit_of_work(actor) as work:
        alert = _mine(alert_id, member)
        if alert is None:
            return Disputed(missing=True)
        denied = Dispute.objects.filter(alert=alert, answer=Dispute.NOT_ME, closed_at=None).first()
        if denied:
            return Disputed(alert, denied.reference, locks.of(member), stands=True, new=False)
        dispute, new = _open(alert, member, Dispute.WAS_ME)
        if not new:
            return Disputed(alert, dispute.reference, locks.of(member), new=False)
        Dispute.objects.filter(pk=dispute.pk).update(closed_at=timezone.now())
        if alert.status != AlertStatus.RESOLVED:
            _close(alert, member, actor)
            work.publish(WebhookKind.ALERT_RESOLVED, alert)
            work.tell(FrameKind.ALERT_CHANGED, member=member, alert=alert)
        if proved:
            devices.trust([alert.pk], member)
        work.audit(
            "alert.confirmed",
            target=f"alert:{alert.pk}",
            member=member.member_id,
            reference=dispute.reference,
            proved=proved,
        )
        health.tell(work, [member])
        notifications.to_member(work, member, "dispute.confirmed", alert=alert, context={}, only_page=True)
        return Disputed(alert, dispute.reference, locks.of(member))


def case(dispute: Dispute) -> Case:
    """The case a member opened, as it stands now: nothing of it is stored, so nothing of it can be out of date."""
    member = dispute.member
    lock = locks.of(member)
    renewed = Event.objects.filter(
        member=member, type__in=NEW_PASSWORD, received_at__gte=dispute.opened_at, trust__gte=Trust.NORMAL
    ).exists()
    contact = Contact.objects.safe(member, Contact.EMAIL)
    closed = dispute.closed_at is not None or dispute.alert.status == AlertStatus.RESOLVED
    steps = (
        Step("password", "Change your password in the shop, and anywhere else you use the old one.", renewed),
        Step("unlock", "Unlock your account with a one-time code.", lock is None),
        Step("closed", "Our staff look into what happened and close the case.", closed),
    )
    to = contact.masked if contact else ""
    return Case(dispute.reference, dispute.opened_at, closed, lock, to, steps)


def _mine(alert_id: UUID | str, member: Member) -> Alert | None:
    """The member's own alert, held; another's is as missing as none."""
    try:
        key = alert_id if isinstance(alert_id, UUID) else UUID(alert_id)
    except ValueError:
        return None
    mine = Alert.objects.select_related("member", "assignee").filter(pk=key, member=member)
    return mine.select_for_update(of=("self",)).first()


def _open(alert: Alert, member: Member, answer: str) -> tuple[Dispute, bool]:
    """The dispute with this answer, and whether it was opened now. The alert's row is held, so there is no race."""
    known = Dispute.objects.filter(alert=alert, answer=answer).first()
    if known and (known.closed_at is None or (alert.status == AlertStatus.RESOLVED and answer == Dispute.WAS_ME)):
        return known, False
    if known:  # closed by staff, said again
        Dispute.objects.filter(pk=known.pk).update(closed_at=None, opened_at=timezone.now())
        return known, True
    return Dispute.objects.create(alert=alert, member=member, answer=answer, reference=_reference()), True


def _reference() -> str:
    while True:
        text = "SR-" + "".join(secrets.choice(LETTERS) for _ in range(6))
        if not Dispute.objects.filter(reference=text).exists():
            return text


def _raise(alert: Alert, actor: Actor) -> None:
    """High and escalated, whatever it was before; a resolved one is open again."""
    reason = {"code": CODE, "text": "The member says that this was not them.", "observed": None, "threshold": None}
    alert.disputed = True
    alert.severity = Severity.HIGH
    alert.severity_rank = Severity.HIGH.rank
    alert.risk_score = max(alert.risk_score, Severity.HIGH.points)
    alert.status = AlertStatus.ESCALATED
    alert.disposition = ""
    alert.resolved_at = None
    alert.resolved_by = ""
    alert.snoozed_until = None
    if CODE not in alert.detectors:
        alert.detectors = [*alert.detectors, CODE]
        alert.reasons = [reason, *alert.reasons]
        AlertDetector.objects.get_or_create(alert=alert, detector=CODE)
    alert.save()
    _record(alert, "dispute", actor)


def _close(alert: Alert, member: Member, actor: Actor) -> None:
    alert.status = AlertStatus.RESOLVED
    alert.disposition = Disposition.FALSE_POSITIVE
    alert.resolved_at = timezone.now()
    alert.resolved_by = member.member_id
    alert.folding = False
    alert.save()
    _record(alert, "confirm", actor)


def _record(alert: Alert, verb: str, actor: Actor) -> None:
    """In the alert's trail. Without a "before" it can't be undone: only its member may take a word back."""
    after = {
        "status": alert.status,
        "disposition": alert.disposition,
        "severity": alert.severity,
        "disputed": alert.disputed,
    }
    AlertAction.objects.create(alert=alert, verb=verb, actor=actor.label, actor_user_id=actor.user_id, after=after)


def _keep_or_place(alert: Alert, member: Member, actor: Actor) -> LockRecord | None:
    """A lock that stands is kept as it is; without one the member is locked at their own word."""
    standing = locks.of(member)
    if (standing and standing.state == LockState.LOCKED) or not conf.current().enforcing:
        return standing
    placed = locks.place(
        member,
        state=LockState.LOCKED,
        code=CODE,
        text="You told us that something on your account was not you.",
        by=ActorKind.MEMBER,
        actor=actor,
        alert=alert.pk,
    )
    if placed.new and folding.took(alert, Action.LOCK):
        folding.save_actions([alert])
    return placed.lock


def _end_sessions(member: Member, session_key: str | None) -> int:
    if member.user_id is None or not conf.current().enforcing:
        return 0
    return sessions.end([member.user_id], keep=session_key)
