"""A worker that lives and does nothing is worse than a dead one: it ends itself and is started again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import structlog
from celery.worker import state
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = structlog.get_logger(__name__)

#: Six canaries went into each queue in this time.
PATIENCE = 60.0
LOOK_EVERY = 5.0
#: EX_SOFTWARE of sysexits.h.
EXIT_CODE = 70


class Watchdog:
    """Ends the process when it has completed nothing for ``patience`` seconds while work waits in its queues.

    A task within its own time limit is work: a long one never ends its worker. While the broker is away
    nothing can be told, and the patience begins anew when it is back.
    """

    def __init__(self, queues: Sequence[str], *, patience: float = PATIENCE, every: float = LOOK_EVERY) -> None:
        self._queues = queues
        self._patience = patience
        self._every = every
        self._completed = -1
        self._since = time.monotonic()
        self._broker = Redis.from_url(
            settings.REDIS_BROKER_URL, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    def start(self) -> None:
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self._every)
            if self.stuck():
                logger.critical("worker.stuck", queues=list(self._queues), seconds=self._patience)
                os._exit(EXIT_CODE)  # whatever hangs would also hang an orderly end

    def stuck(self) -> bool:
        """Whether there was work for so long and none of it was done."""
        completed = state.all_total_count[0] - len(state.active_requests)
        if completed != self._completed or _at_work():
            self._completed, self._since = completed, time.monotonic()
            return False
        try:
            waiting = sum(self._broker.llen(queue) for queue in self._queues)  # type: ignore[misc]
        except (RedisError, OSError):
            waiting = 0
        if not waiting:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self._patience


def _at_work() -> bool:
    now = time.time()
    return any(
        request.time_start and now - request.time_start < (request.task.time_limit or settings.CELERY_TASK_TIME_LIMIT)
        for request in list(state.active_requests)
    )
