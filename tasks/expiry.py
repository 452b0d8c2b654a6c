"""Tidying up what has run out. It was over by comparison already; this says so to those who watch."""

from __future__ import annotations

from celery import shared_task

from detection.response import challenges, links, locks, sessions, storms


@shared_task
def expire() -> int:
    """End locks, codes and links whose time has passed; how many locks."""
    challenges.expire_due()
    links.forget_old()
    sessions.forget_old()
    storms.settle_due()
    return locks.expire_due()
