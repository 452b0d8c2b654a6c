"""Budgets: how many automatic locks a client, an address and a rule may cause before the rest only restrict, and how
many members one administrator may lock or release together before a second one has to agree."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone

from detection import conf
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, LockState, Trust
from detection.models import LockBatch, LockEvent, LockReason, Member
from detection.work import unit_of_work

BUDGET_LOCK = 0x5EC_10C4  # advisory lock of those who place automatic locks, PostgreSQL only


def may_lock(
    *, client_id: int | None, trust: Trust, source: str = "", code: str = "", now: datetime | None = None
) -> bool:
    """Whether one more automatic lock fits the budgets of its client, its source and its rule. Ask inside the unit that
    locks: whoever asks waits for the one before to commit, so two workers cannot both take the last one."""
    if trust <= Trust.LOW:
        return False
    now = now or timezone.now()
    with unit_of_work(SYSTEM):
        _wait_for_ones_turn()
        automatic = LockReason.objects.filter(by=ActorKind.SYSTEM, state=LockState.LOCKED, actor=SYSTEM.label)
        lately = now - conf.CLIENT_LOCK_WINDOW
        if code and _spent(automatic.filter(code=code, since__gt=lately).count(), conf.RULE_LOCK_CAP):
            return False
        of_client = automatic.filter(client=client_id, since__gt=lately).count()
        if _spent(of_client, conf.CLIENT_LOCK_CAP) if trust >= Trust.HIGH else of_client >= conf.CLIENT_LOCK_CAP:
            return False
        if not source:
            return True
        of_source = automatic.filter(source=source)
        return (
            of_source.filter(since__gt=now - timedelta(minutes=1)).count() < conf.SOURCE_LOCKS_PER_MINUTE
            and of_source.filter(since__gt=now - timedelta(hours=1)).count() < conf.SOURCE_LOCKS_PER_HOUR
        )


def alone(actor: Actor, members: int, *, now: datetime | None = None) -> bool:
    """Whether this administrator may decide about so many members together without a second one. What they moved within
    ten minutes counts with it, one by one or together, so two halves are no way around. Ask inside the unit that
    decides: one at a time."""
    now = now or timezone.now()
    with unit_of_work(actor):
        _wait_for_ones_turn()
        mine = LockEvent.objects.filter(actor=actor.label, at__gt=now - conf.ALONE_WITHIN)
        moved = mine.exclude(actor=SYSTEM.label).values("member").distinct().count()
        under_way = LockBatch.objects.filter(approved_by=actor.label, closed_at=None)
        to_come = under_way.aggregate(left=Sum(F("count") - F("settled")))["left"] or 0
        return members + moved + to_come <= conf.ALONE_UP_TO


def _spent(locks: int, least: int) -> bool:
    """Whether a cap that grows with the house is reached. Members are counted only where the least is."""
    return locks >= least and locks >= Member.objects.count() // 200  # half a percent


def _wait_for_ones_turn() -> None:
    """A rule's and an address's locks come from any client, so counting and locking are one at a time for all."""
    if connection.vendor == "postgresql":  # SQLite has a single writer
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [BUDGET_LOCK])
