"""Decisions that skipped something get their full result afterwards, and the shop hears of it.

The first answer stays what a repeated question gets. The full result is what the event's own record says from then on;
an attack that only shows now raises its alert and places its lock as if it had been seen at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone

from detection import answers, catalog, measuring
from detection.enrich import enrich
from detection.features import StoreError
from detection.judging import judge
from detection.kernel.records import EventRecord, Verdict
from detection.kernel.vocabulary import EventState, Outcome, WebhookKind
from detection.models import Decision, Event, InboxItem
from detection.response import playbook
from detection.work import UnitOfWork, unit_of_work

TOLD = ("verdict", "risk_score", "severity", "reasons", "alert_id", "lock")
HANDFUL = 100
NO_LONGER = timedelta(days=1)

logger = structlog.get_logger(__name__)


def settle(*, now: datetime | None = None, limit: int = HANDFUL) -> int:
    """Tell the full result of every decision that can have it now; how many. Two at once are harmless."""
    now = now or timezone.now()
    waiting = Decision.objects.filter(waiting=True).order_by("decided_at")
    waiting.filter(decided_at__lt=now - NO_LONGER).update(waiting=False)
    given = {decision.event: decision for decision in waiting[:limit]}
    if not given:
        return 0
    rows = Event.objects.select_related("member", "client").filter(pk__in=given, state=EventState.PROCESSED)
    # The store comes first: what only teaches still waits for a worker.
    untaught = set(InboxItem.objects.filter(event__in=given).values_list("event", flat=True))
    settled = 0
    for row in rows:
        if row.pk in untaught or ("queue" in row.degraded and _waits_before(row)):
            continue
        try:
            settled += _settle(given[row.pk], row, now)
        except StoreError as error:
            logger.info("decision.still_waiting", error=type(error).__name__)
            break
    return settled


def _waits_before(row: Event) -> bool:
    """Whether something that was accepted before this event is still to be judged."""
    waiting = InboxItem.objects.filter(dead=False, observe_only=False, created_at__lte=row.received_at)
    return waiting.exists()


def _settle(decision: Decision, row: Event, now: datetime) -> bool:
    record = row.record(row.member.member_id if row.member else None)
    verdict = _judged_again(record) if row.degraded else None
    with unit_of_work() as work:
        if not Decision.objects.filter(pk=decision.pk, waiting=True).update(waiting=False):
            return False
        if verdict is not None:
            _write(work, row, verdict, now)
        full = answers.full(row, now)
        changed = [name for name in TOLD if full[name] != decision.answer[name]]
        told: dict[str, Any] = {**full, "app": row.client.name, "changed": changed, "previous": decision.answer}
        work.publish(WebhookKind.DECISION_UPDATED, told)
    if verdict is not None and row.outcome != Outcome.ALLOW:
        _unteach(record)
    return True


def _judged_again(record: EventRecord) -> Verdict:
    """With everything the first answer had to do without. The store knows the event already, so it counts once."""
    duty = catalog.on_duty()
    (event,) = enrich([record])
    granted = measuring.ask_store([event], [duty.listening(event.type)[1]])
    (verdict,) = judge([event], granted, duty)
    return verdict


def _write(work: UnitOfWork, row: Event, verdict: Verdict, now: datetime) -> None:
    """The event's record says the full result. One that has its alert keeps it as it is: it was counted there once."""
    row.outcome = verdict.outcome
    if row.alert_id is None:
        members = {row.member.member_id: row.member} if row.member else {}
        response = playbook.respond(work, [verdict], members=members, now=now)
        alert = response.alerts.get(verdict.event.id)
        row.alert_id = alert.pk if alert else None
        row.outcome = response.outcomes[verdict.event.id]
    row.risk_score, row.severity = verdict.risk_score, verdict.severity
    row.signals = [signal.wire() for signal in (*verdict.signals, *verdict.trust, *verdict.shadows)]
    row.broken, row.degraded = list(verdict.broken), []
    Event.objects.write_verdicts([row])


def _unteach(record: EventRecord) -> None:
    """What was refused or challenged proves nothing about who acted."""
    try:
        catalog.store().unteach([record])
    except StoreError as error:
        logger.warning("features.unteach_failed", error=type(error).__name__, events=1)
