"""Judging what waits in the inbox. The rows are the truth: these tasks carry nothing but the wish that someone look."""

from __future__ import annotations

import time

from celery import shared_task

from detection import inbox, pipeline, settling
from tasks.receivers import DRAIN, wake

#: Less than the soft time limit, so that a long queue is worked off in several turns.
TURN = 15


@shared_task
def drain() -> int:
    """Judge what waits, handful by handful; ring again when time was up before the queue was empty."""
    started = time.monotonic()
    judged = pipeline.drain(seconds=TURN)
    if time.monotonic() - started >= TURN:
        wake(DRAIN)
    return judged


@shared_task
def settle() -> int:
    """Tell the full results of decisions that had to skip something; how many."""
    return settling.settle()


@shared_task
def sweep() -> bool:
    """Ring for what no bell will wake: a lost ring, a worker that died, a try that is due again."""
    if not inbox.stale():
        return False
    wake(DRAIN)
    return True
