"""SQLite's own busy handler sleeps up to 100 ms between tries, so under several writers one in a hundred waits a second
while the lock was free most of it. Here a transaction asks again every few milliseconds, up to the same timeout."""

from __future__ import annotations

import random
import sqlite3
import time

from django.db.backends.sqlite3 import base

SHORTEST, LONGEST = 0.0005, 0.004  # seconds between two tries


class DatabaseWrapper(base.DatabaseWrapper):
    """Transactions begin IMMEDIATE, as the settings ask, and queue for the one writer politely."""

    def _start_transaction_under_autocommit(self) -> None:
        if self.transaction_mode != "IMMEDIATE":
            super()._start_transaction_under_autocommit()
            return
        timeout = self.settings_dict["OPTIONS"].get("timeout", 20)
        with self.wrap_database_errors:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                _begin(self.connection, time.monotonic() + timeout)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")


def _begin(connection: sqlite3.Connection, deadline: float) -> None:
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(SHORTEST, LONGEST))  # noqa: S311 - jitter
        else:
            return
