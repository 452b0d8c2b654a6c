"""What the database holds in the end, read beside the running system."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from tests.live import LiveSystem


class Books:
    """The books of a system. ``run`` is what the ids of one test's events and members begin with."""

    def __init__(self, system: LiveSystem, run: str) -> None:
        self.path = system.data_dir / "db.sqlite3"
        self.url = system.environ.get("DATABASE_URL")
        self.like = f"{run}-%"

    def events(self) -> Counter[str]:
        """How often each id of the run is stored."""
        return Counter(row[0] for row in self._rows("SELECT event_id FROM detection_event WHERE event_id LIKE ?"))

    def receipts(self) -> Counter[str]:
        return Counter(row[0] for row in self._rows("SELECT event_id FROM detection_receipt WHERE event_id LIKE ?"))

    def states(self) -> Counter[str]:
        return Counter(row[0] for row in self._rows("SELECT state FROM detection_event WHERE event_id LIKE ?"))

    def waiting(self) -> int:
        """Events of anybody that nobody has judged yet."""
        return int(self._one("SELECT COUNT(*) FROM detection_inboxitem"))

    def in_hand(self) -> int:
        """Events that a worker has claimed and not finished."""
        return int(self._one("SELECT COUNT(*) FROM detection_inboxitem WHERE token IS NOT NULL"))

    def unchained(self) -> int:
        """Audit entries that wait for the sequencer."""
        return int(self._one("SELECT COUNT(*) FROM detection_auditpending"))

    def alerts(self) -> dict[str, tuple[str, int, int]]:
        """The run's alerts by hexadecimal id: whose, how many events it says it has, how many it really has."""
        sql = (
            "SELECT a.id, m.member_id, a.event_count, (SELECT COUNT(*) FROM detection_event e WHERE e.alert_id = a.id) "
            "FROM detection_alert a JOIN detection_member m ON m.id = a.member_id WHERE m.member_id LIKE ?"
        )
        return {row[0]: (row[1], row[2], row[3]) for row in self._rows(sql)}

    def raised(self) -> Counter[str]:
        """How often the feed said of each of the run's alerts that it was raised."""
        sql = (
            "SELECT f.alert_id FROM detection_feedentry f JOIN detection_member m ON m.id = f.member_id "
            "WHERE f.kind = 'alert.raised' AND m.member_id LIKE ?"
        )
        return Counter(row[0] for row in self._rows(sql))

    def audited(self) -> Counter[str]:
        """How often the audit trail says of each alert of anybody that it was raised."""
        sql = "SELECT target FROM detection_auditentry WHERE action = 'alert.raised'"
        return Counter(row[0].removeprefix("alert:").replace("-", "") for row in self._rows(sql, ()))

    def locked(self) -> Counter[str]:
        """How many reasons for a lock stand against each member of the run."""
        sql = (
            "SELECT m.member_id FROM detection_lockreason r JOIN detection_member m ON m.id = r.member_id "
            "WHERE r.ended_at IS NULL AND m.member_id LIKE ?"
        )
        return Counter(row[0] for row in self._rows(sql))

    def staff_mails(self) -> Counter[str]:
        """How many mails to staff speak of each alert of anybody."""
        sql = "SELECT alert FROM detection_notification WHERE kind = 'alert.high'"
        return Counter(row[0] for row in self._rows(sql, ()))

    def _one(self, sql: str) -> Any:
        return self._rows(sql, ())[0][0]

    def _rows(self, sql: str, given: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
        with self._open() as rows:
            found = rows.execute(sql.replace("?", self.mark), (self.like,) if given is None else given).fetchall()
        # SQLite keeps identifiers as 32 hexadecimal digits, PostgreSQL as UUIDs.
        return [tuple(value.hex if isinstance(value, UUID) else value for value in row) for row in found]

    @property
    def mark(self) -> str:
        return "%s" if self.url else "?"

    @contextmanager
    def _open(self) -> Iterator[Any]:
        if self.url:
            with psycopg.connect(self.url) as rows:
                yield rows
            return
        rows = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20)
        try:
            yield rows
        finally:
            rows.close()
