"""Alerts: what people work on. Every verb is the same behind the API, the page and the task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from detection.conf import UNDO_FOR
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import AlertStatus, Disposition, FrameKind, WebhookKind
from detection.models import Alert, AlertAction, Dispute
from detection.response import devices, health, locks, reversals
from detection.work import UnitOfWork, unit_of_work

#: What undo puts back.
UNDOABLE = ("status", "disposition", "folding", "assignee_id", "snoozed_until", "resolved_at", "resolved_by")

#: What an action does to an alert; it may give back what undo has to know beside the alert's own fields.
Change = Callable[[Alert, UnitOfWork], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Acted:
    """What became of an action. ``conflict`` names who was first: ``{"by", "at", "status"}``."""

    alert: Alert | None = None
    action_id: str | None = None
    conflict: dict[str, Any] | None = None
    refused: str = ""  # why it can't be done at all, in words; "" when it could

    @property
    def missing(self) -> bool:
        return self.alert is None and self.conflict is None


def visible() -> QuerySet[Alert]:
    """Alerts with what their records read, so that a page is one query."""
    return Alert.objects.select_related("member", "assignee")


def acknowledge(alert_id: UUID | str, *, actor: Actor, if_status: str | None = None) -> Acted:
    """Say that somebody is looking at it."""
    return _move(alert_id, "acknowledge", AlertStatus.ACKNOWLEDGED, {AlertStatus.OPEN}, actor, if_status=if_status)


def escalate(alert_id: UUID | str, *, actor: Actor, note: str = "", if_status: str | None = None) -> Acted:
    """Ask for more senior eyes."""
    sources = {AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED}
    return _move(alert_id, "escalate", AlertStatus.ESCALATED, sources, actor, if_status=if_status, note=note)


def resolve(
    alert_id: UUID | str,
    *,
    actor: Actor,
    disposition: str,
    note: str = "",
    unlock: bool = False,
    if_status: str | None = None,
) -> Acted:
    """Close it with what it was. With ``unlock`` the member's lock is lifted in the same transaction (an override)."""

    def close(alert: Alert, work: UnitOfWork) -> dict[str, Any]:
        kept = reversals.noted(alert)
        work.publish(WebhookKind.ALERT_RESOLVED, alert)
        alert.disposition = Disposition(disposition)
        alert.folding = False
        alert.resolved_at = timezone.now()
        alert.resolved_by = actor.label
        Dispute.objects.filter(alert=alert, closed_at=None).update(closed_at=alert.resolved_at)
        if unlock and alert.member is not None and not locks.own(alert.member, actor):
            if disposition == Disposition.FALSE_POSITIVE:
                devices.trust([alert.pk], alert.member)
            reason = note or f"Alert resolved as {disposition.replace('_', ' ')}"
            released = locks.release(alert.member, actor=actor, reason=reason, by=actor.kind)
            reversals.released(kept, released.reasons)
        return {reversals.KEPT: kept}

    sources = {AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED, AlertStatus.ESCALATED}
    return _move(
        alert_id, "resolve", AlertStatus.RESOLVED, sources, actor, if_status=if_status, note=note, change=close
    )


def reopen(alert_id: UUID | str, *, actor: Actor, note: str = "", if_status: str | None = None) -> Acted:
    """Take a resolved alert up again. It folds no further: what happens next is a new incident, or already is one."""

    def open_again(alert: Alert, work: UnitOfWork) -> None:
        work.publish(WebhookKind.ALERT_RAISED, alert)
        alert.disposition = ""
        alert.resolved_at = None
        alert.resolved_by = ""

    return _move(
        alert_id,
        "reopen",
        AlertStatus.OPEN,
        {AlertStatus.RESOLVED},
        actor,
        if_status=if_status,
        note=note,
        change=open_again,
    )


def assign(
    alert_id: UUID | str, *, actor: Actor, assignee: AbstractBaseUser | None, if_status: str | None = None
) -> Acted:
    """Give it to one of the staff, or to nobody."""

    def hand_over(alert: Alert, _work: UnitOfWork) -> None:
        alert.assignee = assignee  # type: ignore[assignment]

    return _change(alert_id, "assign", actor, if_status, change=hand_over)


def snooze(alert_id: UUID | str, *, actor: Actor, until: datetime | None, if_status: str | None = None) -> Acted:
    """Put it aside until a moment, or take it up again with None. It comes back by itself when it grows worse."""

    def put_aside(alert: Alert, _work: UnitOfWork) -> None:
        alert.snoozed_until = until

    return _change(alert_id, "snooze", actor, if_status, change=put_aside)


def comment(alert_id: UUID | str, *, actor: Actor, note: str, if_status: str | None = None) -> Acted:
    """Leave a note in its trail."""
    return _change(alert_id, "comment", actor, if_status, note=note)


def bulk(ids: Sequence[UUID | str], *, verb: Callable[..., Acted], **arguments: Any) -> list[dict[str, Any]]:
    """The same action on many, each on its own; what became of each, in order."""
    results = []
    for alert_id in ids:
        acted = verb(alert_id, **arguments)
        result: dict[str, Any] = {"id": str(alert_id), "status": "done", "action_id": acted.action_id}
        if acted.conflict:
            result |= {"status": "conflict", "conflict": acted.conflict}
        elif acted.missing:
            result["status"] = "missing"
        results.append(result)
    return results


def undo(action_id: UUID | str, *, actor: Actor) -> Acted:
    """Put back what an action changed, the lock it lifted too, within 30 s and while nobody changed it since."""
    with unit_of_work(actor) as work:
        action = AlertAction.objects.select_related("alert").filter(pk=_uuid(action_id)).first()
        if action is None or not action.before:
            return Acted()
        with _held(action.alert_id) as alert:
            if alert is None:
                return Acted()
            now = timezone.now()
            if action.undone_at is not None:
                return Acted(alert, str(action.pk))
            if now > action.at + UNDO_FOR or any(_plain(alert, name) != action.after[name] for name in UNDOABLE):
                return Acted(alert, conflict=_conflict(alert))
            if action.before["folding"] and _another_folds(alert):
                return Acted(alert, conflict=_conflict(alert))
            for name in UNDOABLE:
                setattr(alert, name, _restored(name, action.before[name]))
            alert.save()
            if action.after["status"] == AlertStatus.RESOLVED != alert.status:
                work.publish(WebhookKind.ALERT_RAISED, alert)
                reversals.put_back(alert, action.before.get(reversals.KEPT, {}), actor=actor)
            AlertAction.objects.filter(pk=action.pk).update(undone_at=now)
            _tell(alert, "undo", actor, work, note=f"Undid: {action.verb}")
            return Acted(alert, str(action.pk))


def trail(alert: Alert) -> list[AlertAction]:
    """Everything people did to it, oldest first."""
    return list(alert.actions.order_by("at", "id"))


def _move(
    alert_id: UUID | str,
    verb: str,
    target: AlertStatus,
    sources: set[AlertStatus],
    actor: Actor,
    *,
    if_status: str | None = None,
    note: str = "",
    change: Change | None = None,
) -> Acted:
    def move(alert: Alert, work: UnitOfWork) -> dict[str, Any] | None:
        alert.status = target
        return change(alert, work) if change else None

    return _change(alert_id, verb, actor, if_status, note=note, change=move, target=target, sources=sources)


def _change(
    alert_id: UUID | str,
    verb: str,
    actor: Actor,
    if_status: str | None,
    *,
    note: str = "",
    change: Change | None = None,
    target: AlertStatus | None = None,
    sources: set[AlertStatus] | None = None,
) -> Acted:
    with unit_of_work(actor) as work, _held(alert_id) as alert:
        if alert is None:
            return Acted()
        if target is not None and alert.status == target:
            last = alert.actions.filter(verb=verb).order_by("-at", "-id").first()
            if last is not None and last.actor == actor.label:
                return Acted(alert, str(last.pk))  # the same person repeating is no race
            return Acted(alert, conflict=_conflict(alert))
        lost = (sources is not None and alert.status not in sources) or (if_status and alert.status != if_status)
        if lost:
            return Acted(alert, conflict=_conflict(alert))
        before = {name: _plain(alert, name) for name in UNDOABLE}
        if change:
            before |= change(alert, work) or {}
            alert.save()
        action = _tell(alert, verb, actor, work, note=note, before=before if change else None)
        return Acted(alert, str(action.pk))


@contextmanager
def _held(alert_id: UUID | str) -> Iterator[Alert | None]:
    """The alert under its row lock, so that of two people one is first."""
    key = _uuid(alert_id)
    if key is None:
        yield None
        return
    held = Alert.objects.select_for_update().filter(pk=key).values_list("pk", flat=True).first()
    yield visible().filter(pk=held).first() if held else None


def _tell(
    alert: Alert,
    verb: str,
    actor: Actor,
    work: UnitOfWork,
    *,
    note: str = "",
    before: dict[str, Any] | None = None,
) -> AlertAction:
    action = AlertAction.objects.create(
        alert=alert,
        verb=verb,
        actor=actor.label,
        actor_user_id=actor.user_id,
        note=note,
        before=before or {},
        after={name: _plain(alert, name) for name in UNDOABLE},
    )
    work.audit(f"alert.{verb}", target=f"alert:{alert.pk}", actor=actor, status=alert.status, note=note)
    work.tell(FrameKind.ALERT_CHANGED, alert=alert, member=alert.member)
    if alert.member is not None and before is not None and before["status"] != alert.status:
        health.tell(work, [alert.member])
    return action


def _another_folds(alert: Alert) -> bool:
    same = Alert.objects.filter(subject=alert.subject, incident=alert.incident, folding=True)
    return same.exclude(pk=alert.pk).exists()


def _conflict(alert: Alert) -> dict[str, Any]:
    last = alert.actions.exclude(verb="comment").order_by("-at", "-id").first()
    return {
        "by": last.actor if last else "system",
        "at": iso(last.at if last else alert.created_at),
        "status": alert.status,
    }


def _plain(alert: Alert, name: str) -> Any:
    value = getattr(alert, name)
    return iso(value) if isinstance(value, datetime) else value


def _restored(name: str, value: Any) -> Any:
    if value is not None and name.endswith(("_at", "_until")):
        return datetime.fromisoformat(value)
    return value


def _uuid(value: UUID | str) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        return None
