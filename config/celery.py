"""The queue's app: which tasks there are, when they run, and what a worker does at its start."""

from __future__ import annotations

import logging.config
import os
import signal
import warnings
from importlib.util import find_spec
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning

from config.collector import spare_what_is_loaded
from config.runner.spawn import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

# In a container or on an empty machine there may be nobody but root; tasks here carry JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("secureretail")
app.config_from_object("django.conf:settings", namespace="CELERY")
for room in ("events", "notices", "webhooks", "expiry", "learning", "rules", "upkeep"):
    app.autodiscover_tasks(["tasks"], related_name=room)


@app.on_after_finalize.connect
def take_schedule(sender: Celery, **_: Any) -> None:
    """Beat runs what the tasks' own schedule says."""
    from django.apps import apps

    if apps.ready and find_spec("tasks.schedule"):
        from tasks.schedule import SCHEDULE

        sender.conf.beat_schedule = SCHEDULE


@signals.setup_logging.connect
def use_our_logs(**_: Any) -> None:
    """Workers and beat log as the web does, with the same masking."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """A pool process ends when its worker is killed, instead of waiting for work that never comes."""
    worker = os.getppid()
    die_with_parent(signal.SIGKILL)
    if os.getppid() != worker:
        os.kill(os.getpid(), signal.SIGKILL)


@signals.worker_before_create_process.connect
def share_what_is_loaded(**_: Any) -> None:
    """Rules and models are loaded before the pool's processes are made."""
    spare_what_is_loaded()
