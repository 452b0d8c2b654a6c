"""What a waiting sender is told, kept so that it is told the same again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from detection.conf import current
from detection.kernel.records import LockRecord, Verdict, iso
from detection.kernel.vocabulary import Outcome, Severity
from detection.models import Decision, Event
from detection.response import locks, playbook
from detection.response.playbook import Response

_REASON = ("code", "text", "observed", "threshold", "points")  # points only of what lowers the score


def known(event: UUID) -> dict[str, Any] | None:
    """The answer that was given, None when nobody has asked yet."""
    kept = Decision.objects.filter(pk=event).first()
    return dict(kept.answer) if kept else None


def write(
    verdicts: Sequence[Verdict],
    rows: Mapping[str, Event],
    response: Response,
    answering: Collection[str],
    now: datetime,
) -> None:
    """Keep the answers of judged events whose senders wait, in the transaction of their results."""
    for verdict in verdicts:
        if verdict.event.id not in answering:
            continue
        row = rows[verdict.event.id]
        reasons = list(verdict.reasons)
        refusal = response.refusals.get(verdict.event.id)
        if refusal:
            reasons.append(refusal)
        lock = response.locks.get(row.member_id) if row.member_id else None
        _keep(row, [reason.wire() for reason in reasons], lock, now)


def later(row: Event, now: datetime) -> dict[str, Any]:
    """For an event that was judged before anybody asked: its verdict, and the lock as it is now."""
    with transaction.atomic():
        lock = locks.of(row.member) if row.member is not None else None
        return _with_lock(row, _reasons(row), lock, now)


def full(row: Event, now: datetime) -> dict[str, Any]:
    """What would be answered now. The answer that was given stays the one that is kept."""
    lock = locks.of(row.member) if row.member is not None else None
    reasons = _reasons(row)
    _refuse(row, reasons, lock)
    return _answer(row, reasons, lock, now)


def _reasons(row: Event) -> list[dict[str, Any]]:
    return [
        {name: signal[name] for name in _REASON if name != "points" or signal[name] < 0}
        for signal in row.signals
        if not signal["shadow"]
    ]


def meanwhile(row: Event, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """For an event whose worker is still at it when the sender's time is up: from the event and its member's past
    alone. The worker's verdict follows and is what counts."""
    with transaction.atomic():
        lock = locks.of(row.member) if row.member is not None else None
        row.outcome = verdict.outcome if current().enforcing else Outcome.ALLOW
        row.risk_score, row.severity = verdict.risk_score, verdict.severity
        row.degraded = list(verdict.degraded)
        return _with_lock(row, [reason.wire() for reason in verdict.reasons], lock, now)


def _with_lock(row: Event, reasons: list[dict[str, Any]], lock: LockRecord | None, now: datetime) -> dict[str, Any]:
    _refuse(row, reasons, lock)
    return _keep(row, reasons, lock, now)


def _refuse(row: Event, reasons: list[dict[str, Any]], lock: LockRecord | None) -> None:
    refused = playbook.refusal(lock, row.type) if current().enforcing else None
    if refused:
        row.outcome = playbook.stricter(refused, Outcome(row.outcome or Outcome.ALLOW))
        reasons.append(playbook.LOCKED.wire())


def _keep(row: Event, reasons: list[dict[str, Any]], lock: LockRecord | None, now: datetime) -> dict[str, Any]:
    """What was told first stays; when something was skipped, its full result is owed."""
    answer = _answer(row, reasons, lock, now)
    owed = {"answer": answer, "decided_at": now, "waiting": bool(answer["degraded"])}
    kept, _ = Decision.objects.get_or_create(event=row.pk, defaults=owed)
    return dict(kept.answer)


def _answer(row: Event, reasons: list[dict[str, Any]], lock: LockRecord | None, now: datetime) -> dict[str, Any]:
    return {
        "event_id": row.event_id,
        "verdict": str(row.outcome or Outcome.ALLOW),
        "risk_score": row.risk_score or 0,
        "severity": str(row.severity or Severity.LOW),
        "reasons": reasons,
        "lock": lock.wire() if lock else None,
        "alert_id": str(row.alert_id) if row.alert_id else None,
        "degraded": list(row.degraded),
        "decided_at": iso(now),
    }
