"""Writing: business transactions leave pending rows, one sequencer chains them."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from detection.audit.canonical import GENESIS, canonical, leaf_hash
from detection.kernel.records import Actor, iso
from detection.models import AuditEntry, AuditPending

SEQUENCER_LOCK = 0x5EC_A0D1
BATCH = 1000


def pending(action: str, *, actor: Actor, target: str, detail: dict[str, Any]) -> AuditPending:
    """A row to be written inside the transaction it tells of."""
    now = timezone.now()
    entry = canonical(
        {
            "action": action,
            "actor": {"kind": actor.kind.value, "label": actor.label, "user": actor.user_id},
            "target": target,
            "detail": detail,
            "at": iso(now),
        }
    )
    return AuditPending(entry=entry, created_at=now)


def sequence(limit: int = BATCH) -> int:
    """Move up to ``limit`` pending entries into the chain; how many were moved. Two callers at once are harmless."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEQUENCER_LOCK])
                if not cursor.fetchone()[0]:
                    return 0
        waiting = list(AuditPending.objects.order_by("id")[:limit])
        if not waiting:
            return 0
        last = AuditEntry.objects.order_by("-seq").values_list("seq", "leaf_hash").first()
        seq, previous = last or (0, GENESIS)
        entries = []
        for row in waiting:
            seq += 1
            digest = leaf_hash(row.entry, seq, previous)
            entries.append(
                AuditEntry(
                    seq=seq,
                    entry=row.entry,
                    leaf_hash=digest,
                    prev_hash=previous,
                    created_at=row.created_at,
                    action=row.entry["action"],
                    actor=row.entry["actor"]["label"],
                    target=row.entry["target"],
                )
            )
            previous = digest
        AuditEntry.objects.bulk_create(entries)
        AuditPending.objects.filter(id__in=[row.id for row in waiting]).delete()
        return len(entries)


def sequence_all() -> int:
    """Chain everything that waits; how many entries were moved."""
    moved = 0
    while step := sequence():
        moved += step
    return moved
