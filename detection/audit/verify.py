"""Checking: recompute the whole chain and say where it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from detection.audit.canonical import GENESIS, leaf_hash
from detection.models import AuditEntry, AuditPending

BACKLOG_AFTER = timedelta(seconds=60)
INTACT, ALTERED, BACKLOG = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is the exit code: 0 intact, 1 altered, 4 backlog. ``bad_seq`` is the first entry that does not fit."""

    code: int
    entries: int
    head: str
    bad_seq: int | None = None
    text: str = ""


def verify() -> Finding:
    """Recompute every leaf. The denormalised columns are checked too: they are what people search by."""
    expected, seq = GENESIS, 0
    for row in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        seq += 1
        if row.seq != seq or row.prev_hash != expected or not _told(row) or _leaf(row) != row.leaf_hash:
            return Finding(ALTERED, seq - 1, expected, seq, f"entry {seq} does not fit the chain")
        expected = row.leaf_hash
    oldest = AuditPending.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest and oldest < timezone.now() - BACKLOG_AFTER:
        return Finding(BACKLOG, seq, expected, None, "entries wait for longer than 60 s: is a worker running?")
    return Finding(INTACT, seq, expected, None, f"{seq} entries, intact")


def misfit(rows: Sequence[AuditEntry]) -> int | None:
    """The lowest of these entries that was altered, or does not follow the one before where that is among them."""
    found = None
    leaves = {row.seq: row.leaf_hash for row in rows}
    for row in rows:
        if _leaf(row) != row.leaf_hash or leaves.get(row.seq - 1, row.prev_hash) != row.prev_hash or not _told(row):
            found = row.seq if found is None else min(found, row.seq)
    return found


def _told(row: AuditEntry) -> bool:
    """Whether the columns people search by say what the entry says."""
    meant = (row.entry.get("action"), row.entry.get("actor", {}).get("label"), row.entry.get("target"))
    return (row.action, row.actor, row.target) == meant


def _leaf(row: AuditEntry) -> str:
    try:
        return leaf_hash(row.entry, row.seq, row.prev_hash)
    except (TypeError, ValueError):  # a value that can't have been written by us: a float, a broken string
        return ""
