"""One move of a member's lock: the row held, the version raised, the history written, everybody told."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from detection.kernel.records import SYSTEM, Actor, LockRecord
from detection.kernel.vocabulary import FrameKind, LockState, WebhookKind
from detection.models import AccountLock, LockEvent, LockReason, Member, OtpChallenge
from detection.response import health
from detection.response.standing import of
from detection.response.transitions import Cause, allowed
from detection.work import UnitOfWork


class LockMoved(Exception):
    """Somebody changed the lock under us although its row was held: nothing of this unit may be written."""


def hold(member: Member) -> AccountLock:
    """The member's lock row, held until the transaction ends: who holds it decides alone."""
    held = AccountLock.objects.select_for_update().filter(pk=member.pk)
    row = held.first()
    if row is None:
        made, ours = AccountLock.objects.get_or_create(member=member)  # what we made nobody else sees yet
        row = made if ours else held.get()
    row.member = member
    return row


def tidy(member: Member, now: datetime) -> None:
    """Write down that reasons have ended whose end has passed."""
    due = LockReason.objects.filter(member=member, ended_at=None, expires_at__lte=now)
    due.update(ended_at=F("expires_at"), ended_by=SYSTEM.label)


def move(
    row: AccountLock, cause: Cause, *, before: LockRecord | None, actor: Actor, code: str, text: str, now: datetime
) -> LockRecord | None:
    """Raise the version, conditional on the one we read, and write the history; the lock as it stands now. A move that
    the table does not have is never written."""
    version, member = row.version + 1, row.member
    changed = AccountLock.objects.filter(pk=row.pk, version=row.version).update(
        version=version, contacts_frozen_until=row.contacts_frozen_until
    )
    if not changed:
        raise LockMoved(member.member_id)
    after = of(member, now=now)
    came_from, got_to = (lock.state if lock else LockState.CLEAR for lock in (before, after))
    if not allowed(came_from, got_to, cause):
        raise LockMoved(member.member_id)
    LockEvent.objects.create(
        member=member,
        version=version,
        before=came_from,
        after=got_to,
        code=code,
        text=text,
        actor=actor.label,
        at=now,
    )
    return after


def supersede_codes(member: Member, now: datetime) -> None:
    """Codes made for the lock as it was open nothing any more."""
    OtpChallenge.objects.filter(member=member, consumed_at=None, superseded_at=None).update(superseded_at=now)


def tell(work: UnitOfWork, member: Member, lock: LockRecord | None) -> None:
    """Say how the lock stands now: on open pages, to the shop, and in the member's health."""
    kind = FrameKind.MEMBER_LOCKED if lock else FrameKind.MEMBER_UNLOCKED
    told = {"member_id": member.member_id, "lock": lock.wire() if lock else None}
    work.tell(kind, member=member, payload=told)
    work.publish(WebhookKind(kind.value), told)
    health.tell(work, [member])
