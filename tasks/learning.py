"""Teaching the anomaly models from what was measured."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command

from tasks import turns

HOUR = 3600


@shared_task(soft_time_limit=HOUR // 2, time_limit=HOUR // 2 + 60)
def train() -> bool:
    """Fit every model anew, exactly as ``manage.py train_models`` does, once a night however many beats ask."""
    if not turns.take("models.train", seconds=12 * HOUR):
        return False
    call_command("train_models", json=True)
    return True
