"""What a worker does beside its tasks: it warms up before it forks, shows its pulse, and says what it has to say before
a process of its pool ends."""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery import signals
from django.db import connections

from tasks import courier, pulse

logger = structlog.get_logger(__name__)

PULSE_EVERY = 2.0
LAST_WORDS = 1.0

_pulse_due = 0.0


def connect() -> None:
    """Listen to the worker's own signals. They are sent in worker processes only."""
    signals.worker_init.connect(warm_up, dispatch_uid="tasks.worker.warm_up")
    signals.heartbeat_sent.connect(show_pulse, dispatch_uid="tasks.worker.show_pulse")
    signals.worker_process_shutdown.connect(say_last_words, dispatch_uid="tasks.worker.last_words")


def warm_up(**_: Any) -> None:
    """Load rules, models and data once, so that the pool's processes share their memory. A worker that cannot starts
    all the same: its processes load what they need when they need it."""
    from detection import catalog

    try:
        catalog.warm()
    except Exception as error:
        logger.warning("worker.cold", error=type(error).__name__, exc_info=True)
    finally:
        connections.close_all()  # a connection shared over a fork is broken for both


def show_pulse(**_: Any) -> None:
    """The worker's main process lives and reaches the broker."""
    global _pulse_due
    if time.monotonic() >= _pulse_due:
        _pulse_due = time.monotonic() + PULSE_EVERY
        pulse.write("worker")


def say_last_words(**_: Any) -> None:
    """Rings and pushes left by the last task still go out."""
    courier.flush_all(LAST_WORDS)
