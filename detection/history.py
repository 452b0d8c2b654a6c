"""A member's past as the event table has it: what rebuilds a flushed store and stands in for a dead one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from detection.kernel.ids import first_id
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import EventState, Outcome
from detection.models import Device, Event

REACH = timedelta(days=400)
MOST_OF_ALL = 10_000  # newest events of everybody: what crosses members is filled from them, once after a flush
FOREVER = datetime.max.replace(tzinfo=UTC)
MOST = 1000  # newest events a member: more than any window needs of an honest one


def of_everyone(reach: timedelta) -> tuple[list[EventRecord], frozenset[str]]:
    """The newest judged events of all, in time order, and the ids of those that must teach nothing. One query."""
    since = timezone.now() - reach
    newest = (
        Event.objects.filter(id__gte=first_id(since), occurred_at__gt=since)
        .exclude(state=EventState.PENDING)
        .select_related("member")
        .defer("seen", "signals")
        .order_by("-id")[:MOST_OF_ALL]
    )
    events, unproven = [], set()
    for event in newest.iterator(chunk_size=2000):
        events.append(event.record(event.member.member_id if event.member else None))
        if event.outcome in (Outcome.CHALLENGE, Outcome.DENY):
            unproven.add(str(event.pk))
    events.sort(key=lambda event: event.occurred_at)
    return events, frozenset(unproven)


def of_members(member_ids: Collection[str]) -> tuple[dict[str, list[EventRecord]], frozenset[str]]:
    """Judged events of each member in time order, and the ids of those that were refused or challenged, or came from a
    device the member disowned or had forgotten, and so must teach nothing. Two queries."""
    ranked = (
        Event.objects.filter(member__member_id__in=member_ids, occurred_at__gt=timezone.now() - REACH)
        .exclude(state=EventState.PENDING)
        .annotate(place=Window(RowNumber(), partition_by="member", order_by=[F("occurred_at").desc(), F("id").desc()]))
        .filter(place__lte=MOST)
        .select_related("member")
        .order_by("occurred_at", "id")
    )
    histories: dict[str, list[EventRecord]] = {member_id: [] for member_id in member_ids}
    given_up = _given_up(member_ids)
    unproven: set[str] = set()
    for event in ranked.iterator(chunk_size=2000):
        name = event.member.member_id if event.member else ""
        histories[name].append(event.record(name))
        until = given_up.get((event.member_id, event.body.get("device_id")))
        strange = until is not None and event.occurred_at <= until
        if strange or event.outcome in (Outcome.CHALLENGE, Outcome.DENY):
            unproven.add(str(event.pk))
    return histories, frozenset(unproven)


def _given_up(member_ids: Collection[str]) -> dict[tuple[int, str], datetime]:
    """Until when nothing that came from these devices counts: for ever when disowned, until forgotten."""
    devices = Device.objects.filter(member__member_id__in=member_ids)
    found = devices.exclude(distrusted_at=None, forgotten_at=None)
    return {
        (member, device): FOREVER if distrusted else forgotten
        for member, device, distrusted, forgotten in found.values_list(
            "member", "device_id", "distrusted_at", "forgotten_at"
        )
    }
