"""What start-up gives and refuses."""

from __future__ import annotations

import os
import subprocess
import sys

import redis
from django.conf import settings
from django.db import connection

from config.celery import app as celery_app


def test_starting_up_does_not_import_pyod() -> None:
    question = "import django, sys; django.setup(); import config.urls; print('pyod' in sys.modules)"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    answer = subprocess.run(
        [sys.executable, "-c", question], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split()[-1] == "False"


def test_the_three_redis_databases_differ_and_answer() -> None:
    urls = {settings.REDIS_BROKER_URL, settings.REDIS_CHANNELS_URL, settings.REDIS_FEATURES_URL}
    assert len(urls) == 3
    for url in urls:
        client = redis.Redis.from_url(url)
        assert client.ping()
        client.close()


def test_sqlite_keeps_what_it_acknowledged(db: None) -> None:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert settings.DATABASES["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_every_task_goes_to_a_queue_a_worker_listens_to() -> None:
    celery_app.loader.import_default_modules()
    ours = [name for name in celery_app.tasks if name.startswith("tasks.")]
    assert ours
    for name in ours:
        queue = celery_app.amqp.router.route({}, name)["queue"].name
        assert queue in settings.WORKER_QUEUES + settings.CHORES_QUEUES
        assert queue == {"events": "events", "notices": "notices", "webhooks": "notices"}.get(
            name.split(".")[1], "upkeep"
        ), name


def test_the_queue_forgets_nothing_and_repeats_at_most() -> None:
    conf = celery_app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert (conf.task_soft_time_limit, conf.task_time_limit) == (20, 30)
    assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit
    assert conf.broker_transport_options["unacked_restore_interval"] == 1
    assert conf.broker_transport_options["unacked_restore_throttle"] == 1
    assert conf.broker_transport_options["socket_timeout"] == 2
    assert conf.accept_content == ["json"]
    assert conf.task_ignore_result
    assert conf.result_backend is None
    assert conf.worker_cancel_long_running_tasks_on_connection_loss
    assert conf.get("CELERY_DB_REUSE_MAX")
