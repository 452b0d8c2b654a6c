"""A real worker: events are judged soon after the bell, and also when no bell was heard."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from celery import current_app
from redis import Redis

from detection.announcements import announced
from detection.kernel.vocabulary import EventState
from detection.models import AuditEntry, AuditPending, Event, InboxItem
from detection.work import unit_of_work
from tasks import pulse
from tests.cast import happened, report
from tests.live import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def judged(count: int) -> bool:
    return Event.objects.filter(state=EventState.PROCESSED).count() == count


def test_a_worker_judges_chains_and_shows_its_pulse(worker: subprocess.Popen[bytes], broker: Redis) -> None:
    report(happened("login.succeeded", session_id="s"))
    eventually(lambda: judged(1), within=20)  # the pool's first task imports what it needs
    costs = []
    for _ in range(10):
        began = time.monotonic()
        report(happened("page.viewed"))
        eventually(lambda: not InboxItem.objects.exists(), within=30, every=0.002)
        costs.append(time.monotonic() - began)
    print(f"accepted to judged, one event at a time: median {sorted(costs)[5] * 1000:.0f} ms")
    AuditEntry.objects.all().delete()
    with unit_of_work() as work:
        work.audit("test.said", target="mia")
    began = time.monotonic()
    eventually(lambda: AuditEntry.objects.filter(action="test.said").exists(), within=30, every=0.01)
    print(f"committed to chained: {(time.monotonic() - began) * 1000:.0f} ms")
    assert time.monotonic() - began < 10
    assert not AuditPending.objects.exists()
    assert (pulse.read() or {})["worker"] < 15
    current_app.send_task("tasks.upkeep.pulse")
    assert eventually(lambda: "queue:upkeep" in (pulse.read() or {}))
    assert eventually(lambda: broker.llen("events") == 0)


def test_what_no_bell_was_rung_for_is_found_by_the_sweeper(worker: subprocess.Popen[bytes]) -> None:
    heard, announced.receivers[:] = announced.receivers[:], []
    announced.sender_receivers_cache.clear()
    try:
        report(happened("page.viewed"), happened("page.viewed", "sam"))
    finally:
        announced.receivers[:] = heard
        announced.sender_receivers_cache.clear()
    InboxItem.objects.update(created_at="2026-01-01T00:00:00Z")
    current_app.send_task("tasks.events.sweep")
    eventually(lambda: judged(2), within=20)


def test_a_worker_told_to_end_ends_with_zero_and_leaves_nothing_undone(worker: subprocess.Popen[bytes]) -> None:
    report(*(happened("page.viewed", f"member-{number}") for number in range(300)))
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    left = InboxItem.objects.count()
    assert Event.objects.filter(state=EventState.PENDING).count() == left
    assert not InboxItem.objects.filter(lease_until__isnull=False).exists(), "the turn was finished, not broken off"
