"""Carrying messages to people."""

from __future__ import annotations

import time

from celery import shared_task

from detection.response import notifications

TURN = 15
HANDFUL = 50


@shared_task
def deliver() -> int:
    """Deliver what the outbox holds and is due, until it is empty or the turn is over; how many were sent."""
    sent = 0
    until = time.monotonic() + TURN
    while time.monotonic() < until:
        delivered = notifications.deliver_due(limit=HANDFUL)
        sent += delivered.sent
        if delivered.sent + delivered.failed < HANDFUL:
            break
    return sent
