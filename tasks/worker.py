"""What a worker does beside its tasks: it warms up before it forks, shows its pulse, gives its work back when it is
told to stop, and says what it has to say before a process of its pool ends."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import structlog
from celery import signals
from django.db import connections

from tasks import courier, pulse
from tasks.queues import EVENTS
from tasks.watchdog import Watchdog

logger = structlog.get_logger(__name__)

PULSE_EVERY = 2.0
LAST_WORDS = 1.0

_pulse_due = 0.0
_part = "worker"


def connect() -> None:
    """Listen to the worker's own signals. They are sent in worker processes only."""
    signals.worker_init.connect(warm_up, dispatch_uid="tasks.worker.warm_up")
    signals.heartbeat_sent.connect(show_pulse, dispatch_uid="tasks.worker.show_pulse")
    signals.worker_process_init.connect(heed_the_end, dispatch_uid="tasks.worker.heed_the_end")
    signals.worker_ready.connect(watch, dispatch_uid="tasks.worker.watch")
    signals.worker_process_shutdown.connect(say_last_words, dispatch_uid="tasks.worker.last_words")


def warm_up(sender: Any = None, **_: Any) -> None:
    """Load rules, models and data once, so that the pool's processes share their memory. A worker that cannot starts
    all the same: its processes load what they need when they need it. One that judges nothing needs none of it."""
    global _part
    from detection import catalog

    if sender is not None and EVENTS not in sender.app.amqp.queues.consume_from:
        _part = "chores"
        return
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
        pulse.write(_part)


def heed_the_end(**_: Any) -> None:
    """Told to stop in the middle of a task (the broker is lost, or the task was revoked), a pool process leaves through
    every ``finally``: what it had claimed is given back and does not wait out its lease."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def watch(sender: Any, **_: Any) -> None:
    """Have somebody look whether this worker still does anything."""
    Watchdog(sorted(sender.app.amqp.queues.consume_from)).start()


def say_last_words(**_: Any) -> None:
    """Rings and pushes left by the last task still go out."""
    courier.flush_all(LAST_WORDS)
