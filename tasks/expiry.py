"""Tidying up what has run out. It was over by comparison already; this says so to those who watch."""

from __future__ import annotations

from celery import shared_task

from detection.response import challenges, links, locks, sessions, snoozes, storms


@shared_task
def expire() -> int:
    """End locks, codes, links and snoozes whose time has passed; how many locks."""
    challenges.expire_due()
    links.forget_old()
    sessions.forget_old()
    snoozes.wake_due()
    storms.settle_due()
    return locks.expire_due()
