"""What stands: a member's lock read from the open reasons, by comparison with our clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import F

from detection.kernel.records import LockRecord, Reason
from detection.kernel.vocabulary import ActorKind, LockScope, LockState
from detection.models import LockReason, Member


def in_force(member_pks: Collection[int], *, now: datetime | None = None) -> dict[int, LockRecord]:
    """The lock each of these members is under; who is clear is absent. One query."""
    found: dict[int, list[LockReason]] = {}
    if not member_pks:
        return {}
    reasons = LockReason.objects.in_force(now).filter(member__in=set(member_pks)).order_by("since", "pk")
    for reason in reasons.annotate(version=F("member__lock__version")):
        found.setdefault(reason.member_id, []).append(reason)
    return {pk: effective(reasons) for pk, reasons in found.items()}


def of(member: Member, *, now: datetime | None = None) -> LockRecord | None:
    """The lock a member is under, None when clear."""
    return in_force([member.pk], now=now).get(member.pk)


def effective(reasons: list[LockReason], *, version: int | None = None) -> LockRecord:
    """The strongest state, with the scopes of all reasons of that state, from the first of them to the last one's end.

    The words are those of one that a code does not lift, if there is any, else of the oldest. A code opens the lock
    only when every reason in force, weaker ones too, lets it.
    """
    strongest = max((LockState(reason.state) for reason in reasons), key=lambda state: state.rank)
    main = [reason for reason in reasons if reason.state == strongest]
    spoken = next((reason for reason in main if not reason.self_unlock), main[0])
    ends = [reason.expires_at for reason in main]
    return LockRecord(
        state=strongest,
        scopes=joined(scope for reason in main for scope in reason.scopes),
        reason=Reason(spoken.code, spoken.text),
        since=main[0].since,
        expires_at=None if None in ends else max(end for end in ends if end),
        by=ActorKind(spoken.by),
        self_unlock=all(reason.self_unlock for reason in reasons),
        version=version if version is not None else getattr(spoken, "version", None) or 0,
    )


def joined(scopes: Iterable[str]) -> tuple[LockScope, ...]:
    named = {LockScope(scope) for scope in scopes}
    if LockScope.EVERYTHING in named:
        return (LockScope.EVERYTHING,)
    return tuple(scope for scope in LockScope if scope in named)
