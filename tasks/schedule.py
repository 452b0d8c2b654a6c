"""When tasks run by themselves, and the beat that says it lives.

Nothing here is needed for things to be right, only for them to be soon: locks end by comparison, events wait in rows.
Each ring expires before the next, so a worker that comes back finds one of each and not an hour's worth.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from celery.beat import PersistentScheduler
from celery.schedules import crontab

from tasks import pulse
from tasks.queues import QUEUES

logger = structlog.get_logger(__name__)


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _every(task: str, seconds: float) -> dict[str, Any]:
    return {"task": task, "schedule": timedelta(seconds=seconds), "options": {"expires": seconds, "retry": False}}


def _canary(queue: str) -> dict[str, Any]:
    """Due at once: a system that has just started is whole when the first one came through, not ten seconds later."""
    entry = _every("tasks.upkeep.pulse", 10)
    return {**entry, "args": (queue,), "options": {**entry["options"], "queue": queue}, "last_run_at": LONG_AGO}


def _nightly(task: str, hour: int, minute: int) -> dict[str, Any]:
    return {"task": task, "schedule": crontab(hour=hour, minute=minute), "options": {"expires": 3600}}


SCHEDULE: dict[str, dict[str, Any]] = {
    "look for events nobody was woken for": _every("tasks.events.sweep", 5),
    "carry messages that are due": _every("tasks.notices.deliver", 5),
    "tell the full results of decisions that skipped something": _every("tasks.events.settle", 5),
    "tell the shop's own systems": _every("tasks.webhooks.deliver", 5),
    "end locks and codes that ran out": _every("tasks.expiry.expire", 5),
    "chain the audit trail": _every("tasks.upkeep.sequence_audit", 2),
    **{f"a canary through {queue}": _canary(queue) for queue in QUEUES},
    "run back-tests of rules nobody was woken for": _every("tasks.rules.backtest", 15),
    "send runaway rules back to shadow": _every("tasks.rules.trip", 30),
    "look for senders whose clocks are wrong": _every("tasks.upkeep.clocks", 300),
    "look for the events of labels that wait": _every("tasks.upkeep.match_labels", 60),
    "see that the models can be used": _every("tasks.learning.check", 60),
    "look at how the models do": _every("tasks.learning.look", 3600),
    "teach the models": _nightly("tasks.learning.train", 3, 17),
    "clear out and make room": _nightly("tasks.upkeep.purge", 4, 17),
}


class PulseScheduler(PersistentScheduler):
    """Beat's scheduler with a pulse at least every five seconds. It lives on while the broker is away."""

    PULSE_EVERY = 2.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pulse_due = 0.0
        self._away = False
        super().__init__(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one ring. One that cannot be sent is no loss: the next is seconds away."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # noqa: BLE001 - beat outlives whatever keeps it from ringing
            self._note(error)
        else:
            self._note(None)

    def _ensure_connected(self) -> Any:
        return self.connection.ensure_connection(max_retries=1, interval_start=0.2, interval_step=0)

    def _note(self, error: Exception | None) -> None:
        """Say it once when the broker goes away, and once when it is back."""
        if error is not None and not self._away:
            logger.warning("beat.broker_away", error=type(error).__name__)
        elif error is None and self._away:
            logger.info("beat.broker_back")
        self._away = error is not None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and write the pulse; seconds until the next look."""
        if time.monotonic() >= self._pulse_due:
            self._pulse_due = time.monotonic() + self.PULSE_EVERY
            pulse.write("beat")
        try:
            pause = super().tick(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as above
            self._note(error)
            return 1.0
        return float(min(pause, max(self._pulse_due - time.monotonic(), 0.0)))
