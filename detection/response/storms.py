"""Storms: when more locks are asked for than one client, source or rule may cause, the rest only restrict, and staff
release or confirm all of them with one decision.

Above twenty members in ten minutes a second administrator has to agree. A decision is a row that is worked through
member by member, so it survives a crash half way, and whoever was restricted after it was made is not part of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Min, QuerySet
from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import Client, LockBatch, LockReason
from detection.response import budgets, locks
from detection.work import unit_of_work

SHOWN = 12
HANDFUL = 100


@dataclass(frozen=True, slots=True)
class Storm:
    """Members one rule restricted for one client because there were too many, and what was decided about them."""

    client: Client | None
    code: str
    text: str
    count: int
    first_at: datetime
    last_at: datetime
    members: Sequence[str] = field(default_factory=tuple)
    batch: LockBatch | None = None

    @property
    def needs_two(self) -> bool:
        return self.count > conf.ALONE_UP_TO


@dataclass(frozen=True, slots=True)
class Asked:
    """``refused`` is nothing-there, undecided (another decision waits), own-request or gone; "" when it was done."""

    batch: LockBatch | None = None
    refused: str = ""


def standing(now: datetime | None = None) -> list[Storm]:
    """Every storm that is not settled, the newest first."""
    groups = (
        _capped(now)
        .values("client", "code")
        .annotate(count=Count("pk"), first=Min("since"), last=Max("since"))
        .order_by("-last")
    )
    waiting = {(batch.client_id, batch.code): batch for batch in LockBatch.objects.filter(closed_at=None)}
    clients = Client.objects.in_bulk([group["client"] for group in groups if group["client"]])
    return [
        Storm(
            client=clients.get(group["client"]),
            code=group["code"],
            count=group["count"],
            first_at=group["first"],
            last_at=group["last"],
            batch=waiting.get((group["client"], group["code"])),
            **_who(_of(group["client"], group["code"], now)),
        )
        for group in groups
    ]


def ask(client_id: int | None, code: str, *, verb: str, reason: str, actor: Actor) -> Asked:
    """Decide about a whole storm: at once up to twenty members in ten minutes, above once a second one agrees."""
    now = timezone.now()
    count = _of(client_id, code, now).count()
    if not count:
        return Asked(refused="nothing-there")
    try:
        with transaction.atomic(), unit_of_work(actor) as work:
            alone = budgets.alone(actor, count, now=now)
            batch = LockBatch.objects.create(
                client_id=client_id,
                code=code,
                verb=verb,
                reason=reason,
                count=count,
                asked_by=actor.label,
                asked_by_user_id=actor.user_id,
                asked_at=now,
                approved_by=actor.label if alone else "",
                approved_at=now if alone else None,
            )
            work.audit("storm.decided", target=f"storm:{batch.pk}", verb=verb, code=code, count=count, reason=reason)
    except IntegrityError:
        return Asked(refused="undecided")
    if alone:
        settle_due(seconds=5)
    batch.refresh_from_db()
    return Asked(batch)


def approve(batch_id: UUID, *, actor: Actor) -> Asked:
    """The second administrator agrees; the work begins."""
    with unit_of_work(actor) as work:
        batch = LockBatch.objects.select_for_update().filter(pk=batch_id, closed_at=None, approved_at=None).first()
        if batch is None:
            return Asked(refused="gone")
        if actor.user_id is None or batch.asked_by_user_id == actor.user_id:
            return Asked(batch, refused="own-request")
        batch.approved_by, batch.approved_at = actor.label, timezone.now()
        batch.save(update_fields=["approved_by", "approved_at"])
        work.audit("storm.approved", target=f"storm:{batch.pk}", asked_by=batch.asked_by)
    settle_due(seconds=5)
    batch.refresh_from_db()
    return Asked(batch)


def withdraw(batch_id: UUID, *, actor: Actor) -> Asked:
    """Take back a decision nobody has agreed to yet."""
    with unit_of_work(actor) as work:
        mine = LockBatch.objects.filter(pk=batch_id, closed_at=None, approved_at=None)
        if not mine.update(closed_at=timezone.now()):
            return Asked(refused="gone")
        work.audit("storm.withdrawn", target=f"storm:{batch_id}")
    return Asked()


def settle_due(*, seconds: float = 10.0) -> int:
    """Work on what was decided, for so long but one member at least; how many. Two at once are harmless."""
    until = time.monotonic() + seconds
    done = 0
    for batch in LockBatch.objects.filter(closed_at=None).exclude(approved_at=None).order_by("approved_at"):
        while part := list(_left(batch)[:HANDFUL]):
            for reason in part:
                done += _settle(batch, reason)
                if time.monotonic() >= until:
                    return done
        LockBatch.objects.filter(pk=batch.pk, closed_at=None).update(closed_at=timezone.now())
    return done


def _settle(batch: LockBatch, reason: LockReason) -> int:
    actor = Actor(ActorKind.STAFF, batch.approved_by)
    with unit_of_work(actor):
        locks.hold(reason.member)
        if not _capped(None).filter(pk=reason.pk).exists():
            return 0  # it ended, or another one was quicker
        if batch.verb == LockBatch.RELEASE:
            locks.release(reason.member, actor=actor, reason=batch.reason, by=ActorKind.STAFF, codes=[batch.code])
        else:
            locks.place(
                reason.member,
                state=LockState.LOCKED,
                code=reason.code,
                text=reason.text,
                by=ActorKind(reason.by),
                actor=actor,
                scopes=reason.scopes,
                self_unlock=reason.self_unlock,
                alert=reason.alert,
                client=reason.client,
                source=reason.source,
            )
        LockReason.objects.filter(pk=reason.pk).update(capped=False)
        LockBatch.objects.filter(pk=batch.pk).update(settled=F("settled") + 1)
    return 1


def _left(batch: LockBatch) -> QuerySet[LockReason]:
    """Those that remain, but for the accounts of the two who decided: nobody decides about their own."""
    found = _of(batch.client_id, batch.code, None).filter(since__lte=batch.asked_at)
    return (
        found.exclude(member__user__username__in=[batch.asked_by, batch.approved_by])
        .select_related("member", "client")
        .order_by("since", "pk")
    )


def _capped(now: datetime | None) -> QuerySet[LockReason]:
    return LockReason.objects.in_force(now).filter(capped=True)


def _of(client_id: int | None, code: str, now: datetime | None) -> QuerySet[LockReason]:
    return _capped(now).filter(client=client_id, code=code)


def _who(found: QuerySet[LockReason]) -> dict[str, object]:
    newest = list(found.order_by("-since").values_list("member__member_id", "text")[:SHOWN])
    return {"members": tuple(name for name, _ in newest), "text": newest[0][1] if newest else ""}
