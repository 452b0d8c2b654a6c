"""A claimed handful with its rows, in the order things happened, and with what it came too late for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q

from detection import inbox
from detection.enrich import additions, enrich
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import EventState
from detection.models import Event, Member
from detection.response import devices

LATE = timedelta(seconds=2)  # on its way, from which on an event may have been overtaken
REACH = timedelta(hours=1)  # after a late event, what was judged without it is looked at again
AGAIN = 200  # events at most, the oldest, so that a flood of late ones costs no more than twice its own work


@dataclass(frozen=True, slots=True)
class Batch:
    """``judged`` are events in the order they happened; those whose id is in ``again`` were judged before, without a
    late one that is among the others. ``taught`` only teach."""

    held: inbox.Claim
    rows: dict[str, Event]
    judged: tuple[EventRecord, ...]
    taught: tuple[EventRecord, ...]
    members: dict[str, Member]
    vouched: Mapping[tuple[int, str], datetime]  # devices that are their members' by proof, since when
    again: frozenset[str] = frozenset()

    @property
    def counted(self) -> frozenset[str]:
        """Those of ``again`` that an alert has counted already."""
        return frozenset(name for name in self.again if self.rows[name].alert_id)


def load(held: inbox.Claim) -> Batch:
    """Two queries at most, and one more when some of it came late."""
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
        record = _record(row)
        if not row.enriched:
            row.enriched = additions(record)
        (taught if item.observe_only else judged).append(record)
    overtaken = {str(row.pk): row for row in _overtaken([rows[event.id] for event in judged])}
    rows |= overtaken
    judged += [_record(row) for row in overtaken.values()]
    judged.sort(key=lambda event: event.occurred_at)
    vouched = devices.trusted([member.pk for member in members.values()]) if members else {}
    return Batch(held, rows, tuple(enrich(judged)), tuple(enrich(taught)), members, vouched, frozenset(overtaken))


def _record(row: Event) -> EventRecord:
    return row.record(row.member.member_id if row.member else None)


def _overtaken(rows: Sequence[Event]) -> list[Event]:
    """What members did soon after one of these events that came late, and what was judged before it came."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for row in rows:
        if row.member_id is not None and row.received_at - row.occurred_at > LATE:
            since, until = spans.get(row.member_id, (row.occurred_at, row.occurred_at))
            spans[row.member_id] = min(since, row.occurred_at), max(until, row.occurred_at)
    if not spans:
        return []
    then = [
        Q(member=member, occurred_at__gt=since, occurred_at__lte=until + REACH)
        for member, (since, until) in spans.items()
    ]
    found = Event.objects.filter(reduce(or_, then), state=EventState.PROCESSED).select_related("member")
    return list(found.order_by("occurred_at", "id")[:AGAIN])
