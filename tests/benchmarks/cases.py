"""What is measured, and beside what."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from rest_framework import serializers

from detection import inbox, pipeline
from detection.models import Event, InboxItem
from tests.cast import happened, report, shop

Work = Callable[[], int]
_numbers = itertools.count()
SENDERS = 8


@dataclass(frozen=True)
class Case:
    """``ours`` and ``baseline`` prepare a round, untimed, and return its work, which answers how many units it did."""

    name: str
    ours: Callable[[], Work]
    baseline: Callable[[], Work]
    reach: float
    unit: str = "events"
    clock: Callable[[], float] = time.perf_counter


def ordinary(count: int) -> list[dict[str, Any]]:
    """Ordinary traffic: many members, a few kinds of event."""
    kinds = ("page.viewed", "login.succeeded", "cart.item_added", "transaction.succeeded")
    made = []
    for _ in range(count):
        number = next(_numbers)
        kind = kinds[number % 4]
        extra = (
            {"amount": "30.00", "currency": "EUR"} if kind.startswith("transaction") else {"path": f"/p/{number % 90}"}
        )
        made.append(
            happened(
                kind,
                f"member-{number % 500}",
                ip="81.2.69.142",
                device_id=f"phone-{number % 500}",
                session_id=f"s-{number % 500}",
                **extra,
            )
        )
    return made


class TextbookEvent(serializers.Serializer):
    """What a first version would write: one serializer, one save, one task an event."""

    event_id = serializers.CharField(max_length=128)
    type = serializers.CharField(max_length=64)
    member_id = serializers.CharField(max_length=128)
    ip = serializers.IPAddressField()
    device_id = serializers.CharField(max_length=128)
    session_id = serializers.CharField(max_length=128)
    path = serializers.CharField(required=False)
    amount = serializers.DecimalField(max_digits=20, decimal_places=4, required=False)
    currency = serializers.CharField(required=False)


def accept_in(size: int, total: int) -> Callable[[], Work]:
    def prepare() -> Work:
        events, client = ordinary(total), shop()

        def work() -> int:
            for start in range(0, total, size):
                report(*events[start : start + size], client=client, ring=False)
            return total

        return work

    return prepare


def textbook_intake(total: int) -> Callable[[], Work]:
    app = Celery(broker=settings.REDIS_BROKER_URL, set_as_current=False)

    def prepare() -> Work:
        events, client = ordinary(total), shop()

        def work() -> int:
            for payload in events:
                form = TextbookEvent(data=payload)
                form.is_valid(raise_exception=True)
                event = Event(
                    client=client,
                    event_id=payload["event_id"],
                    type=payload["type"],
                    occurred_at=datetime.now(UTC),
                    subject=f"member:{payload['member_id']}",
                    body=payload,
                )
                event.save()
                app.send_task("textbook.judge", (str(event.pk),), queue="textbook", ignore_result=True)
            return total

        return work

    return prepare


def from_many(make: Callable[[int], Callable[[], Work]], each: int) -> Callable[[], Work]:
    """The same work from several senders at once, each on a thread and a connection of its own."""

    def share(work: Work) -> int:
        try:
            return work()
        finally:
            connection.close()

    def prepare() -> Work:
        works = [make(each)() for _ in range(SENDERS)]

        def work() -> int:
            with ThreadPoolExecutor(SENDERS) as pool:
                return sum(pool.map(share, works))

        return work

    return prepare


def filled(total: int) -> None:
    InboxItem.objects.all().delete()
    events = ordinary(total)
    for start in range(0, total, 500):
        report(*events[start : start + 500], ring=False)


def drain(total: int) -> Callable[[], Work]:
    """In handfuls, as workers do."""

    def prepare() -> Work:
        filled(total)
        return lambda: pipeline.drain(seconds=60)

    return prepare


def one_by_one(total: int) -> Callable[[], Work]:
    """The same artery with one event a time: what a task an event would cost, its message not even counted."""

    def work() -> int:
        judged = 0
        while (held := inbox.claim(limit=1)) is not None:
            judged += pipeline.handle(held)
        return judged

    def prepare() -> Work:
        filled(total)
        return work

    return prepare


def forests() -> Iterator[Case]:
    import numpy as np
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest

    from detection.anomaly.forest import Forest, scorer_of
    from detection.anomaly.tails import Blend

    generator = np.random.default_rng(7)
    detector = IForest(n_estimators=100, random_state=7).fit(generator.normal(size=(10_000, 12)))
    flat = Forest.of(detector)
    rows = generator.normal(size=(200, 12))

    def singly(score: Callable[[Any], Any], count: int) -> Callable[[], Work]:
        def work() -> int:
            for row in rows[:count]:
                score(row.reshape(1, -1))
            return count

        return lambda: work

    many = generator.normal(size=(1000, 12))
    blend = Blend(trees=100, random_state=7).fit(np.abs(generator.normal(size=(10_000, 12))))
    flat_blend = scorer_of("blend", blend)
    yield Case(
        "forest, one row: compiled / PyOD",
        singly(flat.scores, 200),
        singly(detector.decision_function, 20),
        300,
        "rows",
    )
    yield Case(
        "forest, 1,000 rows: compiled / PyOD",
        lambda: lambda: len(flat.scores(many)),
        lambda: lambda: len(detector.decision_function(many)),
        1,
        "rows",
    )
    hbos = HBOS().fit(generator.normal(size=(10_000, 12)))
    histograms = scorer_of("hbos", hbos)
    yield Case(
        "histograms, one row: compiled / PyOD",
        singly(histograms.scores, 200),
        singly(hbos.decision_function, 200),
        10,
        "rows",
    )
    yield Case(
        "histograms, 1,000 rows: compiled / PyOD",
        lambda: lambda: len(histograms.scores(many)),
        lambda: lambda: len(hbos.decision_function(many)),
        1,
        "rows",
    )
    yield Case(
        "blend of forest and tails, one row: compiled / PyOD inside",
        singly(flat_blend.scores, 200),
        singly(blend.decision_function, 20),
        20,
        "rows",
    )


def all_cases() -> Iterator[Case]:
    with transaction.atomic():
        shop()
    work = time.process_time
    single, textbook = accept_in(1, 100), textbook_intake(100)
    yield Case("intake, single: ours / serializer + save + delay", single, textbook, 4)
    yield Case("intake, single, processor time: the same", single, textbook, 4, clock=work)
    yield Case(
        f"intake, single, {SENDERS} senders at once: the same",
        from_many(lambda each: accept_in(1, each), 25),
        from_many(textbook_intake, 25),
        4,
    )
    yield Case("intake: batches of 100 / single", accept_in(100, 1000), single, 20)
    yield Case("drain: handfuls / one event a time", drain(1000), one_by_one(60), 20)
    yield Case("drain, processor time: the same", drain(1000), one_by_one(60), 20, clock=work)
    yield from forests()
