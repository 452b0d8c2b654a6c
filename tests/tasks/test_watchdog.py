"""A worker that completes nothing while work waits ends itself; one that has nothing to do, or is at work, does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.test.utils import override_settings
from redis import Redis

from tasks.queues import NOTICES
from tasks.watchdog import EXIT_CODE, Watchdog

ENDLESS = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.dev"
import django
django.setup()
from tasks.watchdog import Watchdog
Watchdog(["notices"], patience=0.3, every=0.1).start()
time.sleep(60)
"""


def impatient() -> Watchdog:
    dog = Watchdog([NOTICES], patience=0.0)
    assert not dog.stuck(), "the first look only begins the wait"
    return dog


def test_work_that_waits_while_nothing_is_done_is_noticed(broker: Redis) -> None:
    dog = impatient()
    broker.lpush(NOTICES, "a canary")
    assert dog.stuck()


def test_patience_is_counted_from_the_last_thing_done(broker: Redis) -> None:
    dog = Watchdog([NOTICES], patience=30)
    broker.lpush(NOTICES, "a canary")
    assert not dog.stuck()
    assert not dog.stuck()


def test_an_idle_worker_is_not_stuck(broker: Redis) -> None:
    dog = Watchdog([NOTICES], patience=30)
    dog.stuck()
    began = dog._since
    assert not dog.stuck()
    assert dog._since > began, "while nothing waits the wait begins anew"


def test_a_broker_that_is_away_ends_nobody(tmp_path: Path) -> None:
    with override_settings(REDIS_BROKER_URL=f"unix://{tmp_path}/nobody.sock"):
        dog = Watchdog([NOTICES], patience=30)
        dog.stuck()
        began = dog._since
        assert not dog.stuck()
        assert dog._since > began


def test_a_stuck_process_ends_with_a_code_that_is_not_zero(broker: Redis) -> None:
    broker.lpush(NOTICES, "a canary")
    ended = subprocess.run([sys.executable, "-c", ENDLESS], timeout=60, capture_output=True, text=True, check=False)
    assert ended.returncode == EXIT_CODE
    assert "worker.stuck" in ended.stderr + ended.stdout
