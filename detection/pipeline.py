"""The artery: claim, observe, judge, answer. It takes handfuls; one event answered inline is a handful of one.

Claiming commits on its own; enrichment, features, rules and models run outside any transaction; all results of a
handful are one transaction, conditional on the claim.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.utils import timezone

from detection import answers, catalog, inbox, measuring
from detection.announcements import DeviceDisowned
from detection.conf import current
from detection.enrich import additions, enrich
from detection.features import StoreError
from detection.judging import Granted, judge, judge_in_turn, learned
from detection.kernel.features import TEACHES, FirstSeen, Wish
from detection.kernel.records import EventRecord, Verdict, iso
from detection.kernel.vocabulary import EventState, Outcome, Trust
from detection.models import Device, Event, Member
from detection.response import devices, playbook
from detection.response.playbook import Response
from detection.work import unit_of_work

logger = structlog.get_logger(__name__)

PROVED = FirstSeen("device_id")
KNOWN_FOR_LONG = timedelta(days=365)
GIVE_UP_WAITING = timedelta(minutes=10)
PLAIN = frozenset({str, int, float, bool, type(None)})
PATIENCE = 8.0  # seconds a decision waits for a worker that holds the member's earlier events
ACROSS = 1.0  # seconds it spends on others' waiting events that share an address or a device with it
ACROSS_MOST = 400  # and how many of them it judges


class DatabaseAway(Exception):
    """The database failed under a handful: nothing of it was written, and the fault is not in it."""


class Busy(Exception):
    """The member's earlier events are still being judged elsewhere: ask again in a moment."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A claimed handful with its rows: what is judged, and what only teaches."""

    held: inbox.Claim
    rows: dict[str, Event]
    judged: tuple[EventRecord, ...]
    taught: tuple[EventRecord, ...]
    members: dict[str, Member]


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
                total += _work_through(held)
        except (StoreError, DatabaseAway) as error:
            logger.warning("work.put_back", error=type(error.__cause__ or error).__name__, events=len(held.items))
            inbox.put_back(held.items, after=timedelta(seconds=measuring.AWAY_FOR))
            break
    return total


def decide(event: UUID, *, deadline: timedelta | None = None) -> dict[str, Any]:
    """The wire answer for one accepted event, judged now together with everything that waits of its subject, after
    what waits of others and shares an address, a device or another name with it; the same again whenever it is asked
    again.

    What is not there in time is skipped and named in ``degraded``: ``features`` are read from the database, and
    ``queue`` says that earlier events which concern this one were not judged yet. With a ``deadline`` that holds for
    the subject's own earlier events too; without one, raises Busy when a worker keeps those too long.
    """
    until = time.monotonic() + deadline.total_seconds() if deadline else None
    told = answers.known(event)
    if told:
        return told
    row = Event.objects.select_related("member").get(pk=event)
    patience = until or time.monotonic() + PATIENCE
    missing = () if row.state != EventState.PENDING or _clear_the_way(row, until) else ("queue",)
    while row.state == EventState.PENDING:
        held = inbox.claim(subjects=[row.subject])
        if held is not None:
            with inbox.kept(held):
                _judge_inline(held, row, until, missing)
        elif time.monotonic() < patience:
            time.sleep(0.01)  # a worker has them: its results commit in milliseconds
        elif until is None:
            raise Busy(row.subject)
        else:
            return _answer_meanwhile(row)
        row.refresh_from_db()
    if row.state == EventState.DEAD:
        raise Busy(row.subject)  # it could not be judged: no answer is better than "allow"
    return answers.known(event) or answers.later(row, timezone.now())


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
    batch = _load(held)
    granted, degraded = _measure(batch, duty, waiting=bool(answering), until=until)
    verdicts = _judge(batch, granted, duty, degraded, until)
    if missing and not degraded:
        verdicts = [replace(v, degraded=missing) if v.event.id in answering else v for v in verdicts]
    now = timezone.now()
    with unit_of_work() as work:
        inbox.finish(held, teach_later=bool(degraded), now=now)
        response = playbook.respond(work, verdicts, members=batch.members, now=now, answering=answering)
        _write(batch, verdicts, response, now)
        answers.write(verdicts, batch.rows, response, answering, now)
    return len(held.items)


def _clear_the_way(row: Event, until: float | None) -> bool:
    """Judge what was accepted earlier of others and concerns this event, as long as there is time; whether that was
    all. While the store is away nothing across members is seen anyway, and that is said."""
    now = time.monotonic()
    up = now + ACROSS if until is None else min(now + ACROSS, (now + until) / 2)
    judged = 0
    while not measuring.store_away():
        concern = inbox.concerning(row)
        if not concern.subjects:
            return concern.whole
        if time.monotonic() >= up or judged >= ACROSS_MOST:
            return False
        held = inbox.claim(subjects=concern.subjects, before=concern.before)
        if held is None:
            time.sleep(0.01)  # workers have them
            continue
        try:
            with inbox.kept(held):
                judged += _work_through(held, until=up)
        except (StoreError, DatabaseAway):
            inbox.put_back(held.items)
            return False
    return False


def _work_through(held: inbox.Claim, *, until: float | None = None) -> int:
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
        return sum(_work_through(single, until=until) for single in inbox.split(held))
    inbox.fail(held.items[0], error)
    logger.error("inbox.failed", item=str(held.items[0].event), attempt=held.items[0].attempt, exc_info=error)
    return 0


def _judge_inline(held: inbox.Claim, row: Event, until: float | None, missing: tuple[str, ...]) -> None:
    answering = {str(row.pk)}
    try:
        handle(held, answering=answering, until=until, missing=missing)
    except inbox.ClaimLost:
        return
    except Exception as error:
        if len(held.items) == 1:
            inbox.fail(held.items[0], error)
            raise
        for single in inbox.split(held):
            try:
                handle(single, answering=answering, until=until, missing=missing)
            except Exception as fault:
                inbox.fail(single.items[0], fault)
                if single.items[0].event == row.pk:
                    raise


def _answer_meanwhile(row: Event) -> dict[str, Any]:
    record = row.record(row.member.member_id if row.member else None)
    duty = catalog.on_duty()
    (event,) = enrich([record])
    granted = measuring.from_database([event], [duty.listening(event.type)[1]], duty)
    (verdict,) = judge([event], granted, duty, degraded=("queue", "features"))
    return answers.meanwhile(row, verdict, timezone.now())


def _load(held: inbox.Claim) -> Batch:
    rows = {str(row.pk): row for row in Event.objects.select_related("member").filter(pk__in=held.events)}
    judged: list[EventRecord] = []
    taught: list[EventRecord] = []
    members: dict[str, Member] = {}
    for item in held.items:
        row = rows.get(str(item.event))
        if row is None:  # erased while it waited
            continue
        if row.member is not None:
            members[row.member.member_id] = row.member
        record = row.record(row.member.member_id if row.member else None)
        if not row.enriched:
            row.enriched = additions(record)
        (taught if item.observe_only else judged).append(record)
    return Batch(held, rows, tuple(enrich(judged)), tuple(enrich(taught)), members)


def _measure(
    batch: Batch, duty: catalog.Duty, *, waiting: bool, until: float | None
) -> tuple[Sequence[Granted], tuple[str, ...]]:
    """The features of what is judged, after what only teaches was observed and measured for the models' sake."""
    wishes = [duty.listening(event.type)[1] for event in batch.judged]
    lessons = [duty.learning(event.type) for event in batch.taught]
    if waiting:
        taught, degraded = measuring.for_someone_waiting(batch.taught, lessons, duty, until=until)
        granted, also = measuring.for_someone_waiting(batch.judged, wishes, duty, until=until)
        degraded = degraded or also
    else:
        taught = measuring.ask_store(batch.taught, lessons, until=until)
        granted = measuring.ask_store(batch.judged, wishes, until=until)
        degraded = ()
    _vouch(batch.members, batch.judged, granted)
    for event, lesson in zip(batch.taught, taught, strict=True):
        batch.rows[event.id].seen = learned(event, lesson)
    return granted, degraded


def _judge(
    batch: Batch, granted: Sequence[Granted], duty: catalog.Duty, degraded: tuple[str, ...], until: float | None
) -> list[Verdict]:
    """The verdicts, and nothing learned from what was challenged or refused: that proves nothing about who acted."""
    if degraded or not current().enforcing:
        return judge(batch.judged, granted, duty, degraded=degraded)

    def again(events: Sequence[EventRecord], wishes: Sequence[Collection[Wish]]) -> Sequence[Granted]:
        seen = measuring.ask_store(events, wishes, until=until)
        _vouch(batch.members, events, seen)
        return seen

    try:
        return judge_in_turn(batch.judged, granted, duty, unteach=catalog.store().unteach, again=again)
    except StoreError as error:
        logger.warning("features.unteach_failed", error=type(error).__name__, events=len(batch.judged))
        return judge(batch.judged, granted, duty)


def _vouch(members: Mapping[str, Member], events: Sequence[EventRecord], granted: Sequence[Granted]) -> None:
    """A device its member proved by a one-time code, or staff vouched for, is no stranger: it counts as known for long,
    or the payment that was stopped would be stopped again the moment the lock is gone."""
    proved = devices.trusted([member.pk for member in members.values()]) if members else {}
    if not proved:
        return
    for event, seen in zip(events, granted, strict=True):
        member = members.get(event.member_id or "")
        if member is not None and (member.pk, event.device_id or "") in proved:
            seen[PROVED] = event.occurred_at - KNOWN_FOR_LONG


def _write(batch: Batch, verdicts: Sequence[Verdict], response: Response, now: datetime) -> None:
    done: list[Event] = []
    for verdict in verdicts:
        row = batch.rows[verdict.event.id]
        alert = response.alerts.get(verdict.event.id)
        row.state = EventState.PROCESSED
        row.outcome = response.outcomes[verdict.event.id]
        row.risk_score = verdict.risk_score
        row.severity = verdict.severity
        row.signals = [signal.wire() for signal in (*verdict.signals, *verdict.trust, *verdict.shadows)]
        row.seen = _plain(verdict.seen)
        row.broken = list(verdict.broken)
        row.degraded = list(verdict.degraded)
        row.alert_id = alert.pk if alert else None
        row.judged_at = now
        done.append(row)
    for record in batch.taught:
        row = batch.rows[record.id]
        if row.state == EventState.PENDING:  # history: it teaches and is not judged
            row.state, row.outcome, row.judged_at = EventState.PROCESSED, Outcome.ALLOW, now
            done.append(row)
    Event.objects.write_verdicts(done)
    _meet_devices(batch, response)


def _meet_devices(batch: Batch, response: Response) -> None:
    """Devices that a member proved to be theirs, or at least used, with when they were first and last seen."""
    met: dict[tuple[int, str], Device] = {}
    for event in (*batch.judged, *batch.taught):
        member = batch.members.get(event.member_id) if event.member_id else None
        refused = response.outcomes.get(event.id, Outcome.ALLOW) is not Outcome.ALLOW
        if member is None or not event.device_id or refused or event.type not in TEACHES or event.trust < Trust.NORMAL:
            continue
        device = met.setdefault(
            (member.pk, event.device_id),
            Device(
                member=member,
                device_id=event.device_id,
                first_seen_at=event.occurred_at,
                last_seen_at=event.occurred_at,
            ),
        )
        device.first_seen_at = min(device.first_seen_at, event.occurred_at)
        device.last_seen_at = max(device.last_seen_at, event.occurred_at)
        device.agent = (event.agent or device.agent)[:120]
        device.country = event.country or device.country
    if met:
        Device.objects.bulk_create(
            met.values(),
            update_conflicts=True,
            unique_fields=["member", "device_id"],
            update_fields=["last_seen_at", "agent", "country"],
        )


def disown_device(announcement: DeviceDisowned, **_options: Any) -> None:
    """A device the member disowned is new again wherever it shows up."""
    try:
        catalog.store().forget(announcement.member_id, "device_id", announcement.device_id)
    except StoreError as error:
        logger.warning("features.forget_failed", error=type(error).__name__)


def _plain(value: Any) -> Any:
    """What detectors saw, as JSON holds it."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Decimal) else value
