"""Locks: what is in force comes from the open reasons, by comparison with our clock.

Placing and releasing hold the member's ``AccountLock`` row and raise its version, so a code made for one lock never
opens the next. Anything that protects someone reads ``in_force`` in its own transaction; nothing is cached.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from detection import conf
from detection.kernel.records import SYSTEM, Actor, LockRecord
from detection.kernel.vocabulary import ActorKind, FrameKind, LockScope, LockState, WebhookKind
from detection.models import AccountLock, Client, LockEvent, LockReason, Member, OtpChallenge
from detection.response import health, letters, notifications, sessions
from detection.response.budgets import may_lock
from detection.response.standing import effective, in_force, joined, of
from detection.response.transitions import Cause, allowed
from detection.work import UnitOfWork, unit_of_work

__all__ = ["LockMoved", "Placed", "Released", "expire_due", "hold", "in_force", "may_lock", "of", "place", "release"]

FOREVER = datetime.max.replace(tzinfo=timezone.get_default_timezone())


class LockMoved(Exception):
    """Somebody changed the lock under us although its row was held: nothing of this unit may be written."""


@dataclass(frozen=True, slots=True)
class Placed:
    """``new`` is False when the same reason stood already and nothing changed."""

    lock: LockRecord
    new: bool


@dataclass(frozen=True, slots=True)
class Released:
    """``lock`` is what still stands, None when the member is clear. ``done`` is False when there was nothing to end."""

    done: bool
    lock: LockRecord | None


def hold(member: Member) -> AccountLock:
    """The member's lock row, held until the transaction ends: who holds it decides alone."""
    AccountLock.objects.get_or_create(member=member)
    row = AccountLock.objects.select_for_update().get(pk=member.pk)
    row.member = member
    return row


def place(
    member: Member,
    *,
    state: LockState,
    code: str,
    text: str,
    by: ActorKind,
    actor: Actor,
    scopes: Collection[LockScope] = (LockScope.PAYMENTS,),
    self_unlock: bool = True,
    expires_at: datetime | None = None,
    no_end: bool = False,
    alert: UUID | None = None,
    client: Client | None = None,
    source: str = "",
    capped: bool = False,
    now: datetime | None = None,
) -> Placed:
    """Place a lock, for 24 h unless told otherwise; only staff may place a longer one or one without an end.

    The same reason (``code``, ``by``) again changes nothing and never moves the end. If it asks for a stronger state or
    a wider scope, the standing reason is replaced by one that has both. A staff lock is never opened by a code. A
    ``capped`` one is weaker than was asked for, because there were too many: staff settle those together.
    """
    now = now or timezone.now()
    with unit_of_work(actor) as work:
        row = hold(member)
        before = of(member, now=now)
        standing = LockReason.objects.in_force(now).filter(member=member, code=code, by=by).first()
        if standing and before and _covers(standing, state, scopes):
            return Placed(before, new=False)
        wanted = LockReason(
            member=member,
            state=state,
            scopes=[scope.value for scope in joined(scopes)],
            code=code,
            text=text,
            by=by,
            actor=actor.label,
            self_unlock=self_unlock and by != ActorKind.STAFF,
            alert=alert,
            client=client,
            source=source,
            capped=capped,
            since=now,
            expires_at=_end(by, expires_at, no_end, now),
        )
        if standing:
            _take_over(wanted, standing)
            LockReason.objects.filter(pk=standing.pk).update(ended_at=now, ended_by=actor.label)
        _tidy(member, now)
        wanted.save(force_insert=True)
        lock = _moved(row, Cause.PLACE, before=before, actor=actor, code=code, text=text, now=now)
        if lock is None:
            raise LockMoved(member.member_id)
        _supersede_codes(member, now)
        work.audit(
            "member.locked",
            target=member.member_id,
            actor=actor,
            state=state.value,
            code=code,
            scopes=wanted.scopes,
            version=lock.version,
        )
        _tell(work, member, lock)
        if by == ActorKind.SYSTEM and lock.state == LockState.LOCKED and (before is None or before.state != lock.state):
            sessions.revoke_at_shop(work, member, code=code, text=text, alert=alert)
        notifications.to_member(
            work,
            member,
            "lock.placed",
            alert=alert,
            context=letters.lock_words(member, lock),
            only_page=before is not None and before.state == lock.state,  # they were told already
        )
        return Placed(lock, new=True)


def _covers(standing: LockReason, state: LockState, scopes: Collection[LockScope]) -> bool:
    return LockState(standing.state).rank >= state.rank and joined(standing.scopes) == joined(
        [*standing.scopes, *scopes]
    )


def _take_over(wanted: LockReason, standing: LockReason) -> None:
    wanted.state = max(LockState(wanted.state), LockState(standing.state), key=lambda state: state.rank)
    wanted.scopes = [scope.value for scope in joined([*standing.scopes, *wanted.scopes])]
    wanted.self_unlock = wanted.self_unlock and standing.self_unlock
    later = max(wanted.expires_at or FOREVER, standing.expires_at or FOREVER)
    wanted.expires_at = None if later == FOREVER else later


def _end(by: ActorKind, asked: datetime | None, no_end: bool, now: datetime) -> datetime | None:
    if by == ActorKind.STAFF and no_end:
        return None
    ceiling = now + conf.LOCK_FOR
    if asked is None:
        return ceiling
    return asked if by in {ActorKind.STAFF, ActorKind.SHOP} else min(asked, ceiling)


def release(
    member: Member,
    *,
    actor: Actor,
    reason: str,
    by: ActorKind,
    codes: Collection[str] | None = None,
    now: datetime | None = None,
) -> Released:
    """End the reasons in force, or those of ``codes`` only. A member can end them only when each of them allows it.

    Nobody lifts their own lock as staff. Staff who unlock also give self-service back to a member who had lost it by
    wrong codes.
    """
    now = now or timezone.now()
    with unit_of_work(actor) as work:
        row = hold(member)
        before = of(member, now=now)
        chosen = LockReason.objects.in_force(now).filter(member=member)
        if codes is not None:
            chosen = chosen.filter(code__in=codes)
        ended = sorted(chosen.values_list("code", flat=True))
        own = by == ActorKind.STAFF and actor.user_id is not None and actor.user_id == member.user_id
        if before is None or not ended or own or (by == ActorKind.MEMBER and not before.self_unlock):
            return Released(False, before)
        chosen.update(ended_at=now, ended_by=actor.label)
        _tidy(member, now)
        row.contacts_frozen_until = now + conf.CONTACTS_FROZEN_FOR
        after = _moved(row, Cause.RELEASE, before=before, actor=actor, code=",".join(ended)[:64], text=reason, now=now)
        _supersede_codes(member, now)
        if by == ActorKind.STAFF:
            Member.objects.filter(pk=member.pk).update(self_service_off_at=None, code_failures=0)
        work.audit("member.unlocked", target=member.member_id, actor=actor, by=by.value, reason=reason, codes=ended)
        _tell(work, member, after)
        kind = "lock.released" if after is None else "lock.placed"
        notifications.to_member(work, member, kind, context=letters.lock_words(member, after), only_page=True)
        return Released(True, after)


def expire_due(*, now: datetime | None = None, limit: int = 500) -> int:
    """Tidy reasons whose end has passed and say so live; how many members. They were over already by comparison."""
    now = now or timezone.now()
    due = LockReason.objects.filter(ended_at=None, expires_at__lte=now).order_by("expires_at")
    members = list(dict.fromkeys(due.values_list("member", flat=True)[:limit]))
    return sum(_expire(pk, now) for pk in members)


def _expire(member_pk: int, now: datetime) -> bool:
    with unit_of_work(SYSTEM) as work:
        member = Member.objects.filter(pk=member_pk).first()
        if member is None:
            return False
        row = hold(member)
        due = list(LockReason.objects.filter(member=member, ended_at=None, expires_at__lte=now))
        if not due:
            return False  # another one was quicker
        standing = LockReason.objects.filter(member=member, ended_at=None)
        before = effective(list(standing.order_by("since", "pk")))
        _tidy(member, now)
        last = max(reason.expires_at or now for reason in due) + conf.CONTACTS_FROZEN_FOR
        row.contacts_frozen_until = max(last, row.contacts_frozen_until or last)
        codes = sorted(reason.code for reason in due)
        said = {"code": ",".join(codes)[:64], "text": "It ran out."}
        after = _moved(row, Cause.EXPIRE, before=before, actor=SYSTEM, now=now, **said)
        _supersede_codes(member, now)
        work.audit("member.lock_expired", target=member.member_id, actor=SYSTEM, codes=codes)
        _tell(work, member, after)
        if after is None:
            notifications.to_member(work, member, "lock.expired", context={}, only_page=True)
        return True


def _tidy(member: Member, now: datetime) -> None:
    due = LockReason.objects.filter(member=member, ended_at=None, expires_at__lte=now)
    due.update(ended_at=F("expires_at"), ended_by=SYSTEM.label)


def _moved(
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


def _supersede_codes(member: Member, now: datetime) -> None:
    OtpChallenge.objects.filter(member=member, consumed_at=None, superseded_at=None).update(superseded_at=now)


def _tell(work: UnitOfWork, member: Member, lock: LockRecord | None) -> None:
    kind = FrameKind.MEMBER_LOCKED if lock else FrameKind.MEMBER_UNLOCKED
    told = {"member_id": member.member_id, "lock": lock.wire() if lock else None}
    work.tell(kind, member=member, payload=told)
    work.publish(WebhookKind(kind.value), told)
    health.tell(work, [member])
