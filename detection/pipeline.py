"""The artery: claim, observe, judge, answer. It takes handfuls; one event answered inline is a handful of one.

Claiming commits on its own; enrichment, features, rules and models run outside any transaction; all results of a
handful are one transaction, conditional on the claim.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.utils import timezone

from detection import answers, batches, catalog, inbox, measuring, recording
from detection.announcements import DeviceDisowned
from detection.batches import Batch
from detection.conf import current
from detection.features import StoreError
from detection.judging import Granted, judge, judge_in_turn, learned
from detection.kernel.features import FirstSeen, Wish
from detection.kernel.records import EventRecord, Verdict
from detection.kernel.vocabulary import Outcome
from detection.response import faults, playbook
from detection.work import unit_of_work

logger = structlog.get_logger(__name__)

PROVED = FirstSeen("device_id")
KNOWN_FOR_LONG = timedelta(days=365)
GIVE_UP_WAITING = timedelta(minutes=10)


class DatabaseAway(Exception):
    """The database failed under a handful: nothing of it was written, and the fault is not in it."""


def drain(*, seconds: float = 15.0) -> int:
    """Judge what waits until nothing does or the time is up; how many events were taken off the queue."""
    until = time.monotonic() + seconds
    total = 0
    while time.monotonic() < until:
        held = inbox.claim()
        if held is None:
            break
        try:
            with inbox.kept(held):
                total += work_through(held)
        except (StoreError, DatabaseAway) as error:
            logger.warning("work.put_back", error=type(error.__cause__ or error).__name__, events=len(held.items))
            inbox.put_back(held.items, after=timedelta(seconds=measuring.AWAY_FOR))
            break
    return total


def handle(
    held: inbox.Claim,
    *,
    answering: Collection[str] = (),
    until: float | None = None,
    missing: tuple[str, ...] = (),
) -> int:
    """Judge one handful and commit its results. For somebody who waits (``answering`` names their events, ``until`` is
    when their time is up, ``missing`` what is known to be left out) features come from the database when the store is
    away; a worker lets the error through and tries later."""
    duty = catalog.on_duty()
    batch = batches.load(held)
    granted, degraded = _measure(batch, duty, waiting=bool(answering), until=until)
    verdicts = _judge(batch, granted, duty, degraded, until)
    if missing and not degraded:
        verdicts = [replace(v, degraded=missing) if v.event.id in answering else v for v in verdicts]
    now = timezone.now()
    with unit_of_work() as work:
        inbox.finish(held, teach_later=bool(degraded), now=now)
        response = playbook.respond(
            work, verdicts, members=batch.members, now=now, answering=answering, counted=batch.counted
        )
        recording.write(batch, verdicts, response, now)
        faults.note(verdicts, now)
        answers.write(verdicts, batch.rows, response, answering, now)
    return len(held.items)


def work_through(held: inbox.Claim, *, until: float | None = None) -> int:
    """Handle a handful; when it fails, find the one that is the poison and let its neighbours go on."""
    try:
        return handle(held, until=until)
    except (StoreError, DatabaseAway):
        raise
    except inbox.ClaimLost:
        logger.warning("claim.lost", events=len(held.items))
        return 0
    except DatabaseError as error:
        if not _poison_after_all(held, error):
            raise DatabaseAway from error  # the fault is not in the work: it goes back untried
        return _alone(held, error, until)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is written down there
        return _alone(held, error, until)


def _poison_after_all(held: inbox.Claim, error: DatabaseError) -> bool:
    """Whether a database fault is the events' own. One of the server's making (locked, away, a table that is not there
    yet) must not spend their tries; but what still fails after ten minutes is looked at one by one."""
    if not isinstance(error, (OperationalError, InterfaceError, ProgrammingError)):
        return True
    return any(item.created_at < timezone.now() - GIVE_UP_WAITING for item in held.items)


def _alone(held: inbox.Claim, error: Exception, until: float | None) -> int:
    """Find the one that is the poison and let its neighbours go on."""
    if len(held.items) > 1:
        logger.warning("batch.split", error=type(error).__name__, events=len(held.items))
        return sum(work_through(single, until=until) for single in inbox.split(held))
    inbox.fail(held.items[0], error)
    logger.error("inbox.failed", item=str(held.items[0].event), attempt=held.items[0].attempt, exc_info=error)
    return 0


def _measure(
    batch: Batch, duty: catalog.Duty, *, waiting: bool, until: float | None
) -> tuple[Sequence[Granted], tuple[str, ...]]:
    """The features of what is judged, after what only teaches was observed and measured for the models' sake."""
    wishes = [duty.listening(event.type)[1] for event in batch.judged]
    lessons = [duty.learning(event.type) for event in batch.taught]
    if waiting:
        taught, degraded = measuring.for_someone_waiting(batch.taught, lessons, duty, until=until)
        granted, also = measuring.for_someone_waiting(batch.judged, wishes, duty, until=until, again=batch.again)
        degraded = degraded or also
    else:
        taught = measuring.ask_store(batch.taught, lessons, until=until)
        granted = measuring.ask_store(batch.judged, wishes, until=until, unproven=batch.again, settled=batch.again)
        degraded = ()
    _vouch(batch, batch.judged, granted)
    for event, lesson in zip(batch.taught, taught, strict=True):
        batch.rows[event.id].seen = learned(event, lesson)
    return granted, degraded


def _judge(
    batch: Batch, granted: Sequence[Granted], duty: catalog.Duty, degraded: tuple[str, ...], until: float | None
) -> list[Verdict]:
    """The verdicts, and nothing learned from what was challenged or refused: that proves nothing about who acted. What
    was judged before is among them when there is more to say of it now."""
    if degraded:
        verdicts = judge(batch.judged, granted, duty, degraded=degraded)
        return [verdict for verdict in verdicts if verdict.event.id not in batch.again]
    if not current().enforcing:
        return _news(batch, judge(batch.judged, granted, duty))

    def again(
        events: Sequence[EventRecord], wishes: Sequence[Collection[Wish]], unproven: AbstractSet[str]
    ) -> Sequence[Granted]:
        seen = measuring.ask_store(events, wishes, until=until, unproven=unproven, settled=batch.again)
        _vouch(batch, events, seen)
        return seen

    unteach = catalog.store().unteach
    try:
        verdicts = judge_in_turn(batch.judged, granted, duty, unteach=unteach, again=again, before=batch.again)
        news = _news(batch, verdicts)
        refused = [v.event for v in news if v.event.id in batch.again and v.outcome is not Outcome.ALLOW]
        if refused:
            unteach(refused)
        return news
    except StoreError as error:
        logger.warning("features.unteach_failed", error=type(error).__name__, events=len(batch.judged))
        return _news(batch, judge(batch.judged, granted, duty))


def _news(batch: Batch, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """All but those of events judged before of which no other detector speaks now."""
    spoke = {name: {signal["detector"] for signal in batch.rows[name].signals} for name in batch.again}
    return [v for v in verdicts if v.event.id not in spoke or {s.detector for s in v.signals} - spoke[v.event.id]]


def _vouch(batch: Batch, events: Sequence[EventRecord], granted: Sequence[Granted]) -> None:
    """A device its member proved by a one-time code, or staff vouched for, is no stranger: it counts as known for long,
    or the payment that was stopped would be stopped again the moment the lock is gone."""
    if not batch.vouched:
        return
    for event, seen in zip(events, granted, strict=True):
        member = batch.members.get(event.member_id or "")
        if member is not None and (member.pk, event.device_id or "") in batch.vouched:
            seen[PROVED] = event.occurred_at - KNOWN_FOR_LONG


def disown_device(announcement: DeviceDisowned, **_options: Any) -> None:
    """A device the member disowned is new again wherever it shows up."""
    try:
        catalog.store().forget(announcement.member_id, "device_id", announcement.device_id)
    except StoreError as error:
        logger.warning("features.forget_failed", error=type(error).__name__)
