"""Carrying messages to people."""

from __future__ import annotations

import time

from celery import shared_task

from detection.response import notifications

#: A message begun at the end of it, to a server that hangs, is still over before the soft time limit.
TURN = 8.0
HANDFUL = 50


@shared_task
def deliver() -> int:
    """Deliver what the outbox holds and is due, until it is empty or the turn is over; how many were sent."""
    sent = 0
    until = time.monotonic() + TURN
    while (left := until - time.monotonic()) > 0:
        delivered = notifications.deliver_due(limit=HANDFUL, seconds=left)
        sent += delivered.sent
        if delivered.sent + delivered.failed < HANDFUL:
            break
    return sent
