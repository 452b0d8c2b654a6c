"""Teaching the anomaly models from what was measured, and looking after them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from celery import shared_task

from detection.response import learning
from tasks import turns

HOUR = 3600
MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


@shared_task(soft_time_limit=HOUR // 2, time_limit=HOUR // 2 + 60)
def train() -> bool:
    """Every model anew, once a night however many beats ask, the better shadows of last night on duty first."""
    return turns.take("models.train", seconds=12 * HOUR) and _trained("--nightly")


@shared_task(soft_time_limit=HOUR // 2, time_limit=HOUR // 2 + 60)
def train_now() -> bool:
    """Every model anew because somebody asked; of many who ask within a minute, once."""
    return turns.take("models.train_now", seconds=60) and _trained()


@shared_task
def check() -> None:
    """See that the models on duty can be used, and tell staff once of one that cannot."""
    learning.check()


@shared_task(soft_time_limit=600, time_limit=660)
def look() -> int:
    """How the models do, kept for pages and gauges; how many were looked at."""
    return len(learning.look())


def _trained(*options: str) -> bool:
    """``manage.py train_models`` in a process of its own, so that no worker keeps the memory it took."""
    subprocess.run(
        [sys.executable, str(MANAGE), "train_models", "--json", *options], check=True, stdout=subprocess.DEVNULL
    )
    return True
