"""What start-up gives and refuses."""

from __future__ import annotations

import sys

import redis
from django.conf import settings
from django.db import connection


def test_starting_up_does_not_import_pyod() -> None:
    assert "django" in sys.modules
    assert "pyod" not in sys.modules


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
