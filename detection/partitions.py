"""Events lie in one table a month on PostgreSQL, so that old months can be dropped whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from django.db import connection

TABLE = "detection_event"


def month_sql(first: date) -> str:
    """The statement that makes the partition of a month; harmless when it exists."""
    following = _next(first)
    return (
        f"CREATE TABLE IF NOT EXISTS {TABLE}_{first:%Y_%m} PARTITION OF {TABLE} "
        f"FOR VALUES FROM ('{first:%Y-%m-%d} 00:00:00+00') TO ('{following:%Y-%m-%d} 00:00:00+00')"
    )


def ahead(now: datetime, months: int = 3) -> int:
    """Make this month's partition and those of the next ones; 0 where the database does not partition."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        for first in upcoming(now.date(), months):
            cursor.execute(month_sql(first))
    return months


def upcoming(today: date, months: int) -> Iterator[date]:
    first = today.replace(day=1)
    for _ in range(months):
        yield first
        first = _next(first)


def _next(first: date) -> date:
    return first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
