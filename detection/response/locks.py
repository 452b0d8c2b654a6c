"""Locks: what is in force comes from the open reasons, by comparison with our clock.

Placing and releasing hold the member's ``AccountLock`` row and raise its version, so a code made for one lock never
opens the next. Anything that protects someone reads ``in_force`` in its own transaction; nothing is cached.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from detection import conf
from detection.kernel.ids import uuid7
from detection.kernel.records import SYSTEM, Actor, LockRecord, iso
from detection.kernel.vocabulary import ActorKind, LockScope, LockState
from detection.models import Client, LockEvent, LockReason, Member
from detection.response import letters, notifications, sessions
from detection.response.budgets import may_lock
from detection.response.moves import LockMoved, hold, move, supersede_codes, tell, tidy
from detection.response.standing import effective, in_force, joined, of
from detection.response.transitions import Cause
from detection.work import unit_of_work

__all__ = [
    "LockMoved",
    "Placed",
    "Released",
    "expire_due",
    "hold",
    "in_force",
    "may_lock",
    "of",
    "place",
    "release",
    "restore",
]

FOREVER = datetime.max.replace(tzinfo=timezone.get_default_timezone())


@dataclass(frozen=True, slots=True)
class Placed:
    """``new`` is False when the same reason stood already and nothing changed."""

    lock: LockRecord
    new: bool


@dataclass(frozen=True, slots=True)
class Released:
    """``lock`` is what still stands, None when the member is clear. ``done`` is False when there was nothing to end;
    ``reasons`` are those that ended; by ``action`` staff take it back (``reversals``)."""

    done: bool
    lock: LockRecord | None
    reasons: tuple[int, ...] = ()
    action: UUID | None = None


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
        unended = list(LockReason.objects.filter(member=member, ended_at=None).order_by("since", "pk"))
        reasons = [one for one in unended if one.in_force(now)]
        before = effective(reasons, version=row.version) if reasons else None
        standing = next((one for one in reasons if (one.code, one.by) == (code, by)), None)
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
        if len(reasons) < len(unended):
            tidy(member, now)
        wanted.save(force_insert=True)
        lock = move(row, Cause.PLACE, before=before, actor=actor, code=code, text=text, now=now)
        if lock is None:
            raise LockMoved(member.member_id)
        supersede_codes(member, now)
        work.audit(
            "member.locked",
            target=member.member_id,
            actor=actor,
            state=state.value,
            code=code,
            scopes=wanted.scopes,
            version=lock.version,
        )
        tell(work, member, lock)
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


def own(member: Member, actor: Actor) -> bool:
    """Whether this is the actor's own account: about that, others decide."""
    return actor.user_id is not None and actor.user_id == member.user_id


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
        reasons = dict(chosen.values_list("pk", "code"))
        ended = sorted(reasons.values())
        mine = by == ActorKind.STAFF and own(member, actor)
        if before is None or not ended or mine or (by == ActorKind.MEMBER and not before.self_unlock):
            return Released(False, before)
        LockReason.objects.filter(pk__in=reasons).update(ended_at=now, ended_by=actor.label)
        tidy(member, now)
        row.contacts_frozen_until = now + conf.CONTACTS_FROZEN_FOR
        after = move(row, Cause.RELEASE, before=before, actor=actor, code=",".join(ended)[:64], text=reason, now=now)
        supersede_codes(member, now)
        action = _by_staff(member, row.version + 1, list(reasons)) if by == ActorKind.STAFF else None
        work.audit("member.unlocked", target=member.member_id, actor=actor, by=by.value, reason=reason, codes=ended)
        tell(work, member, after)
        kind = "lock.released" if after is None else "lock.placed"
        notifications.to_member(work, member, kind, context=letters.lock_words(member, after), only_page=True)
        return Released(True, after, tuple(reasons), action)


def _by_staff(member: Member, version: int, reasons: list[int]) -> UUID:
    """Give self-service back, and remember what taking all of it back has to know."""
    held = Member.objects.values("self_service_off_at", "code_failures").get(pk=member.pk)
    Member.objects.filter(pk=member.pk).update(self_service_off_at=None, code_failures=0)
    action = uuid7()
    kept = {"reasons": reasons, "self_service": [iso(held["self_service_off_at"]), held["code_failures"]]}
    LockEvent.objects.filter(member=member, version=version).update(action=action, kept=kept)
    return action


def restore(
    member: Member, reasons: Collection[int], *, actor: Actor, now: datetime | None = None
) -> LockRecord | None:
    """Take a release back: these reasons are in force again, each to the end it was given; what stands then. One whose
    end has passed stays over, and so does one that was placed anew meanwhile."""
    now = now or timezone.now()
    with unit_of_work(actor) as work:
        row = hold(member)
        before = of(member, now=now)
        tidy(member, now)
        standing = LockReason.objects.filter(member=member, ended_at=None).values_list("code", "by")
        ended = LockReason.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), member=member, pk__in=reasons)
        chosen = [one for one in ended.exclude(ended_at=None) if (one.code, one.by) not in set(standing)]
        if not chosen:
            return before
        LockReason.objects.filter(pk__in=[one.pk for one in chosen]).update(ended_at=None, ended_by="")
        codes = sorted(one.code for one in chosen)
        said = {"code": ",".join(codes)[:64], "text": "The release was taken back."}
        lock = move(row, Cause.PLACE, before=before, actor=actor, now=now, **said)
        if lock is None:
            raise LockMoved(member.member_id)
        supersede_codes(member, now)
        work.audit("member.locked", target=member.member_id, actor=actor, taken_back=codes, version=lock.version)
        tell(work, member, lock)
        words = letters.lock_words(member, lock)
        notifications.to_member(work, member, "lock.placed", context=words, only_page=True)  # the first one told them
        return lock


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
        tidy(member, now)
        last = max(reason.expires_at or now for reason in due) + conf.CONTACTS_FROZEN_FOR
        row.contacts_frozen_until = max(last, row.contacts_frozen_until or last)
        codes = sorted(reason.code for reason in due)
        said = {"code": ",".join(codes)[:64], "text": "It ran out."}
        after = move(row, Cause.EXPIRE, before=before, actor=SYSTEM, now=now, **said)
        supersede_codes(member, now)
        work.audit("member.lock_expired", target=member.member_id, actor=SYSTEM, codes=codes)
        tell(work, member, after)
        if after is None:
            notifications.to_member(work, member, "lock.expired", context={}, only_page=True)
        return True
