"""Checking: recompute the whole chain and say where it breaks."""

from __future__ import annotations

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
        shown = (row.action, row.actor, row.target)
        meant = (row.entry.get("action"), row.entry.get("actor", {}).get("label"), row.entry.get("target"))
        if row.seq != seq or row.prev_hash != expected or shown != meant or _leaf(row) != row.leaf_hash:
            return Finding(ALTERED, seq - 1, expected, seq, f"entry {seq} does not fit the chain")
        expected = row.leaf_hash
    oldest = AuditPending.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest and oldest < timezone.now() - BACKLOG_AFTER:
        return Finding(BACKLOG, seq, expected, None, "entries wait for longer than 60 s: is a worker running?")
    return Finding(INTACT, seq, expected, None, f"{seq} entries, intact")


def _leaf(row: AuditEntry) -> str:
    try:
        return leaf_hash(row.entry, row.seq, row.prev_hash)
    except (TypeError, ValueError):  # a value that can't have been written by us: a float, a broken string
        return ""
