"""The schedule, and a real beat that lives on while its broker is dead."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.test.utils import override_settings
from redis import Redis

from config.runner.spawn import kill_group
from tasks import pulse
from tasks.queues import queue_of
from tasks.schedule import SCHEDULE
from tests.live import eventually
from tests.realtime.servers import OwnValkey, start


def test_everything_scheduled_is_a_task_on_a_known_queue_and_no_ring_outlives_its_turn() -> None:
    current_app.loader.import_default_modules()
    for entry in SCHEDULE.values():
        assert entry["task"] in current_app.tasks
        room = entry["task"].split(".")[1]
        assert queue_of(entry["task"]) == {"events": "events", "notices": "notices", "webhooks": "notices"}.get(
            room, "upkeep"
        )
        assert entry["options"]["expires"] <= 3600


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    server = OwnValkey(tmp_path / "valkey")
    yield server
    server.kill()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_beat_rings_shows_its_pulse_and_outlives_its_broker(valkey: OwnValkey, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile=", "--loglevel", "WARNING"]
    schedule = ["--schedule", str(tmp_path / "schedule")]
    valkey.kill()
    beat = start(tmp_path / "beat.log", *command, *schedule, REDIS_URL=valkey.url)
    features = valkey.url.removesuffix("/0") + "/2"
    broker = Redis.from_url(valkey.url)

    def beats() -> bool:
        pulse._breaker.worked()
        return (pulse.read() or {}).get("beat", 99) < 5

    try:
        with override_settings(REDIS_FEATURES_URL=features):
            eventually(lambda: "beat.broker_away" in (tmp_path / "beat.log").read_text(), within=30)
            valkey.start()
            assert eventually(beats, within=30)
            assert eventually(lambda: broker.llen("upkeep") and broker.llen("events"), within=15)
            valkey.kill()
            dead_until = time.monotonic() + 8
            while time.monotonic() < dead_until:
                assert beat.poll() is None, (tmp_path / "beat.log").read_text()[-3000:]
                time.sleep(0.2)
            valkey.start()
            broker.delete("events", "upkeep", "notices")
            pulse.client().delete("pulse:beat")
            assert eventually(beats, within=15)
            assert eventually(lambda: broker.llen("upkeep") and broker.llen("events"), within=15)
    finally:
        kill_group(beat)
        broker.close()
