"""Rules at work: back-tests off the request, and the fuse that sends a runaway back to shadow."""

from __future__ import annotations

from celery import shared_task

from detection.backtest import trying
from detection.response import fuses
from tasks import receivers

LIMIT = 180


@shared_task(soft_time_limit=LIMIT, time_limit=LIMIT + 30)
def backtest() -> bool:
    """Run the back-test that has waited longest; whether there was one."""
    ran = trying.run_next()
    if ran:
        receivers.wake(receivers.BACKTEST)
    return ran


@shared_task
def trip() -> list[str]:
    """Send live rules that ran away from their estimate back to shadow; which they were."""
    return [runaway.rule_id for runaway in fuses.trip()]
