"""Telling the shop's own systems."""

from __future__ import annotations

from celery import shared_task

from detection.response.webhooks import delivery


@shared_task
def deliver() -> int:
    """Send what waits and is due; how many messages were taken."""
    return delivery.deliver_due().sent
