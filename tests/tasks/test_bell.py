"""The bell: an announcement becomes a ring, and nothing that happens to the broker is felt by whoever announces."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from detection.announcements import AuditWaiting, EventsAccepted, OutboxFilled, announce
from tasks import receivers
from tests.live import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def rung(broker: Redis, queue: str) -> list[str]:
    """The names of the tasks that wait in a queue."""
    return [json.loads(message)["headers"]["task"] for message in broker.lrange(queue, 0, -1)]


@pytest.mark.parametrize(
    ("announcement", "queue", "task"),
    [
        (EventsAccepted(1), "events", "tasks.events.drain"),
        (OutboxFilled(1), "notices", "tasks.notices.deliver"),
        (AuditWaiting(1), "upkeep", "tasks.upkeep.sequence_audit"),
    ],
)
def test_each_announcement_wakes_its_task(broker: Redis, announcement: Any, queue: str, task: str) -> None:
    announce(announcement)
    assert eventually(lambda: rung(broker, queue), within=20) == [task]


def test_a_storm_of_announcements_leaves_no_more_rings_than_there_are_workers(broker: Redis) -> None:
    for _ in range(2000):
        announce(EventsAccepted(1))
    assert receivers._bell.flush(10)
    assert 1 <= len(rung(broker, "events")) <= settings.CELERY_WORKER_CONCURRENCY


def test_a_ring_carries_nothing_but_the_wish_that_someone_look(broker: Redis) -> None:
    announce(EventsAccepted(7))
    eventually(lambda: rung(broker, "events"))
    message = json.loads(broker.lrange("events", 0, -1)[0])
    assert message["headers"]["argsrepr"] == "()"
    assert message["headers"]["kwargsrepr"] == "{}"


def test_a_frozen_broker_is_not_felt_by_whoever_announces_and_the_ring_is_made_up_for(
    broker: Redis, frozen: Any
) -> None:
    announce(EventsAccepted(1))
    assert receivers._bell.flush(5)
    broker.delete("events")
    frozen()
    costs = []
    until = time.monotonic() + 3  # longer than the broker's socket timeout
    while time.monotonic() < until:
        began = time.perf_counter()
        announce(EventsAccepted(1))
        announce(OutboxFilled(1))
        announce(AuditWaiting(1))
        costs.append((time.perf_counter() - began) / 3)
        time.sleep(0.001)  # the announcing threads of a server do other things in between
    figures = f"median {statistics.median(costs) * 1e6:.0f} µs, slowest {max(costs) * 1e3:.2f} ms of {3 * len(costs)}"
    print(f"announcing while Valkey is frozen: {figures}")
    assert max(costs) < 0.05


def test_rings_missed_while_the_broker_was_frozen_come_when_it_thaws(broker: Redis, frozen: Any) -> None:
    import os
    import signal

    pid = int(broker.info("server")["process_id"])
    frozen()
    announce(EventsAccepted(1))
    eventually(lambda: receivers._breaker.troubled, within=10)
    os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: rung(broker, "events"), within=10)
    assert receivers._bell.flush(10)
    assert not receivers._breaker.troubled
