"""A real worker over the test database, and the queues it empties."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from config.runner.spawn import kill_group
from tasks import pulse
from tasks.queues import QUEUES
from tests.live import eventually
from tests.realtime.servers import start


@pytest.fixture
def broker() -> Iterator[Redis]:
    """The broker's database, with every queue empty before and after."""
    client = Redis.from_url(settings.CELERY_BROKER_URL)
    client.delete(*QUEUES)
    yield client
    client.delete(*QUEUES)
    client.close()


@pytest.fixture
def frozen(broker: Redis) -> Iterator[Any]:
    """A switch that freezes the suite's Valkey and thaws it in the end."""
    pid = int(broker.info("server")["process_id"])
    yield lambda: os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path, broker: Redis) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with two processes on all queues; yielded when it shows its pulse."""
    if connection.vendor == "sqlite":
        connection.close()  # a fork must not find the file in use by a transaction of ours
    pulse.client().delete("pulse:worker")
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "WARNING"]
    queues = ",".join(QUEUES)
    log = tmp_path / "worker.log"
    process = start(log, *command, "--queues", queues, "--without-gossip", "--without-mingle")
    try:
        eventually(lambda: process.poll() is not None or "worker" in (pulse.read() or {}), within=60)
        assert process.poll() is None, log.read_text()[-3000:]
        yield process
    finally:
        kill_group(process)
