"""Answering inline: one event judged now, for an app that waits for the answer."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from detection import answers, catalog, inbox, measuring, pipeline
from detection.enrich import enrich
from detection.features import StoreError
from detection.judging import judge
from detection.kernel.vocabulary import EventState
from detection.models import Event

PATIENCE = 8.0  # seconds a decision waits for a worker that holds the member's earlier events
ACROSS = 1.0  # seconds it spends on others' waiting events that share an address or a device with it
ACROSS_MOST = 400  # and how many of them it judges


class Busy(Exception):
    """The member's earlier events are still being judged elsewhere: ask again in a moment."""


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
                judged += pipeline.work_through(held, until=up)
        except (StoreError, pipeline.DatabaseAway):
            inbox.put_back(held.items)
            return False
    return False


def _judge_inline(held: inbox.Claim, row: Event, until: float | None, missing: tuple[str, ...]) -> None:
    answering = {str(row.pk)}
    try:
        pipeline.handle(held, answering=answering, until=until, missing=missing)
    except inbox.ClaimLost:
        return
    except Exception as error:
        if len(held.items) == 1:
            inbox.fail(held.items[0], error)
            raise
        for single in inbox.split(held):
            try:
                pipeline.handle(single, answering=answering, until=until, missing=missing)
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
