"""The queue: rows waiting to be judged, claimed in handfuls, never two handfuls with the same subject at once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from detection.announcements import EventsAccepted, announce
from detection.conf import ATTEMPTS, BACKOFF, BATCH, LEASE, LEASE_AT_MOST, STALE_AFTER
from detection.kernel.vocabulary import EventState
from detection.models import Event, InboxItem

logger = structlog.get_logger(__name__)

CLAIM_LOCK = 0x5EC_C1A1
LOOK_AT = 1000  # newest waiting items looked through for what concerns an event
#: What windows across members are kept by: events that share one of these are about each other.
SHARED = ("ip", "device_id", "session_id", "email", "payment_method_id", "recipient_id")


class ClaimLost(Exception):
    """The lease ran out and somebody else took the work: nothing of this handful may be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A handful of work. ``token`` is the fence: the final write is conditional on it."""

    token: UUID
    items: tuple[InboxItem, ...]

    @property
    def events(self) -> list[UUID]:
        return [item.event for item in self.items]


@dataclass(frozen=True, slots=True)
class Concern:
    """Subjects whose waiting events concern another's, the place in the queue ``before`` which they all wait, and
    whether that is all there is: what has to wait for its next try, or lies too far back, is not in it."""

    subjects: frozenset[str] = frozenset()
    before: int = 0
    whole: bool = True


NOTHING = Concern()


def claim(
    limit: int = BATCH,
    *,
    subjects: Collection[str] | None = None,
    before: int | None = None,
    now: datetime | None = None,
) -> Claim | None:
    """Take up to ``limit`` due items, oldest first, leaving out subjects that somebody is working on; None when there
    is nothing. The attempt is counted and committed before the work begins, so a task that kills its process still
    counts one. Work that failed before travels alone, so poison never takes neighbours with it. ``subjects`` takes
    only theirs; ``before`` (a place in the queue) only what waits before it, and all of that or nothing: an event never
    overtakes an earlier one that somebody is working on."""
    now = now or timezone.now()
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
        _bury(now)
        busy = InboxItem.objects.filter(dead=False, lease_until__gt=now).values("subject")
        ready = InboxItem.objects.filter(_free(now), dead=False, due_at__lte=now).exclude(subject__in=busy)
        if subjects is not None:
            ready = ready.filter(subject__in=subjects)
        if before is not None:
            ready = ready.filter(id__lt=before)
            if busy.filter(subject__in=subjects or ()).exists():
                return None
        items = _handful(list(ready.order_by("id")[:limit]))
        if not items:
            return None
        token = uuid4()
        InboxItem.objects.filter(pk__in=[item.pk for item in items]).update(
            token=token, attempt=F("attempt") + 1, lease_until=now + LEASE
        )
    for item in items:
        item.attempt += 1
        item.token = token
    return Claim(token, tuple(items))


def concerning(event: Event, *, now: datetime | None = None) -> Concern:
    """What waits of other subjects, was accepted before this event and shares an address, a device or another name
    with it. Looks at the newest ``LOOK_AT`` that wait; history that only teaches is left aside. One query while nothing
    waits, else two."""
    shared = Q()
    for name in SHARED:
        if event.body.get(name):
            shared |= Q(**{f"body__{name}": event.body[name]})
    if not shared:
        return NOTHING
    place = InboxItem.objects.filter(event=event.pk).values_list("id", flat=True)
    waiting = (
        InboxItem.objects.filter(dead=False, observe_only=False, id__lt=place[:1])
        .exclude(subject=event.subject)
        .order_by("-id")
        .values_list("id", "event", "created_at", "due_at")[:LOOK_AT]
    )
    rows = {row[1]: row for row in waiting}
    if not rows:
        return NOTHING
    oldest = min(created_at for _, _, created_at, _ in rows.values())  # prunes partitions
    found = Event.objects.filter(shared, pk__in=rows, received_at__gte=oldest).values_list("pk", "subject")
    now = now or timezone.now()
    due = [(rows[pk][0], subject) for pk, subject in found if rows[pk][3] <= now]
    return Concern(
        frozenset(subject for _, subject in due),
        before=max((place for place, _ in due), default=0) + 1,
        whole=len(rows) < LOOK_AT and len(due) == len(found),
    )


@contextmanager
def kept(held: Claim) -> Iterator[None]:
    """Keep the lease while its work goes on and this process lives. Left by an end of the process that can still be
    felt (it was told to stop), the work is given back untried and need not wait out the lease."""
    _keeper.take(held.token)
    try:
        yield
    except Exception:
        raise
    except BaseException:
        with suppress(Exception):  # with the database gone too the lease runs out
            put_back(held.items)
        raise
    finally:
        _keeper.leave(held.token)


class _Keeper:
    """A thread that renews the leases of claims this process works on for long."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._since: dict[UUID, float] = {}
        self._thread: threading.Thread | None = None

    def take(self, token: UUID) -> None:
        self._since[token] = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
            self._thread.start()

    def leave(self, token: UUID) -> None:
        self._since.pop(token, None)

    def _run(self) -> None:
        while True:
            pause = LEASE.total_seconds() / 3
            time.sleep(pause)
            now = time.monotonic()
            most = LEASE_AT_MOST.total_seconds()
            old = [token for token, since in list(self._since.items()) if pause / 2 < now - since < most]
            if old:
                self._renew(old)

    def _renew(self, tokens: list[UUID]) -> None:
        try:
            InboxItem.objects.filter(token__in=tokens).update(lease_until=timezone.now() + LEASE)
        except DatabaseError as error:
            logger.warning("lease.not_renewed", error=type(error).__name__)
        finally:
            connection.close()


_keeper = _Keeper()


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)


def _handful(ready: list[InboxItem]) -> list[InboxItem]:
    if ready and ready[0].attempt:
        return ready[:1]
    held_back = set()
    handful = []
    for item in ready:
        if item.attempt:
            held_back.add(item.subject)  # what follows of this subject waits for its turn
        elif item.subject not in held_back:
            handful.append(item)
    return handful


def _bury(now: datetime) -> None:
    """Five tries, then dead: also for work whose process died each time."""
    spent = InboxItem.objects.filter(dead=False, attempt__gte=ATTEMPTS, lease_until__lte=now)
    events = list(spent.values_list("event", flat=True)[:BATCH])
    if events:
        InboxItem.objects.filter(event__in=events).update(dead=True, lease_until=None, token=None, error="WorkerDied")
        Event.objects.filter(pk__in=events).update(state=EventState.DEAD)


def finish(done: Claim, *, teach_later: bool = False, now: datetime | None = None) -> None:
    """Take the handful off the queue, inside the transaction of its results. Raises ClaimLost. ``teach_later`` leaves
    it there for the feature store only: it was judged while that was away."""
    mine = InboxItem.objects.filter(token=done.token, pk__in=[item.pk for item in done.items])
    if teach_later:
        done_with = mine.update(
            observe_only=True, attempt=0, token=None, lease_until=None, due_at=now or timezone.now()
        )
    else:
        done_with, _ = mine.delete()
    if done_with != len(done.items):
        raise ClaimLost(str(done.token))


def fail(item: InboxItem, error: BaseException, *, now: datetime | None = None) -> None:
    """Put one item back with its back-off, or bury it after its last try. Only the exception's class is kept."""
    now = now or timezone.now()
    name = type(error).__name__
    mine = InboxItem.objects.filter(pk=item.pk, token=item.token)
    if item.attempt >= ATTEMPTS:
        with transaction.atomic():
            if mine.update(dead=True, lease_until=None, token=None, error=name):
                Event.objects.filter(pk=item.event).update(state=EventState.DEAD)
        return
    wait = BACKOFF[min(item.attempt, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    mine.update(lease_until=None, token=None, error=name, due_at=now + timedelta(seconds=wait))


def put_back(items: Sequence[InboxItem], *, after: timedelta = timedelta(0), now: datetime | None = None) -> None:
    """Give work back untried: the fault was not in it (a store was away)."""
    now = now or timezone.now()
    for item in items:
        InboxItem.objects.filter(pk=item.pk, token=item.token).update(
            lease_until=None, token=None, attempt=F("attempt") - 1, due_at=now + after
        )


def split(held: Claim) -> list[Claim]:
    """The handful as handfuls of one, under the same token, to find which of them is the poison."""
    return [Claim(held.token, (item,)) for item in held.items]


def counts() -> dict[str, int]:
    return {
        "pending": InboxItem.objects.filter(dead=False).count(),
        "dead": InboxItem.objects.filter(dead=True).count(),
    }


def oldest_age(now: datetime | None = None) -> timedelta | None:
    """How long the oldest waiting event has waited; None when nothing waits."""
    now = now or timezone.now()
    oldest = InboxItem.objects.filter(dead=False).aggregate(oldest=Min("created_at"))["oldest"]
    return now - oldest if oldest else None


def stale(now: datetime | None = None) -> bool:
    """Whether something waits that no bell will wake: the sweeper's question."""
    now = now or timezone.now()
    waiting = InboxItem.objects.filter(dead=False, due_at__lte=now)
    expired = waiting.filter(lease_until__lte=now)
    lost = waiting.filter(lease_until=None).filter(Q(created_at__lte=now - STALE_AFTER) | Q(attempt__gt=0))
    return expired.exists() or lost.exists()


def dead(limit: int = 100) -> list[InboxItem]:
    """The dead letters, newest first."""
    return list(InboxItem.objects.filter(dead=True).order_by("-id")[:limit])


def replay(events: Sequence[UUID] | None = None) -> int:
    """Give dead letters five new tries; how many. ``None`` means all."""
    chosen = InboxItem.objects.filter(dead=True)
    if events is not None:
        chosen = chosen.filter(event__in=events)
    with transaction.atomic():
        ids = list(chosen.values_list("event", flat=True))
        moved = InboxItem.objects.filter(dead=True, event__in=ids).update(
            dead=False, attempt=0, due_at=timezone.now(), error="", lease_until=None, token=None
        )
        Event.objects.filter(pk__in=ids).update(state=EventState.PENDING)
        if moved:
            announce(EventsAccepted(moved))
    return moved
