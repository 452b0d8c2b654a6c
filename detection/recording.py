"""Writing down what was judged: the events' own records, and the devices their members showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from detection.batches import Batch
from detection.conf import current
from detection.kernel.features import TEACHES
from detection.kernel.records import Verdict, iso
from detection.kernel.vocabulary import EventState, Outcome, Trust
from detection.models import Decision, Device, Event
from detection.response import playbook
from detection.response.playbook import Response

PLAIN = frozenset({str, int, float, bool, type(None)})


def write(batch: Batch, verdicts: Sequence[Verdict], response: Response, now: datetime) -> None:
    """In the transaction of the results: one statement for the events, one for the devices."""
    done: list[Event] = []
    for verdict in verdicts:
        row = batch.rows[verdict.event.id]
        alert = response.alerts.get(verdict.event.id)
        row.state = EventState.PROCESSED
        row.outcome = _outcome(batch, row, verdict, response)
        row.risk_score = verdict.risk_score
        row.severity = verdict.severity
        row.signals = [signal.wire() for signal in (*verdict.signals, *verdict.trust, *verdict.shadows)]
        row.seen = plain(verdict.seen)
        row.broken = list(verdict.broken)
        row.degraded = list(verdict.degraded)
        row.alert_id = alert.pk if alert else row.alert_id
        row.judged_at = now
        done.append(row)
    for record in batch.taught:
        row = batch.rows[record.id]
        if row.state == EventState.PENDING:  # history: it teaches and is not judged
            row.state, row.outcome, row.judged_at = EventState.PROCESSED, Outcome.ALLOW, now
            done.append(row)
    Event.objects.write_verdicts(done)
    looked_again = [verdict.event.id for verdict in verdicts if verdict.event.id in batch.again]
    if looked_again:
        Decision.objects.filter(event__in=looked_again).update(waiting=True)  # the sender hears what is known now
    _meet_devices(batch, response)


def _outcome(batch: Batch, row: Event, verdict: Verdict, response: Response) -> Outcome:
    """What is done about an event. What was done about one that is looked at again stays done, or grows stricter by
    its own verdict; a lock placed since changes nothing of it."""
    if verdict.event.id not in batch.again:
        return response.outcomes[verdict.event.id]
    told = Outcome(row.outcome or Outcome.ALLOW)
    return playbook.stricter(told, verdict.outcome) if current().enforcing else told


def _meet_devices(batch: Batch, response: Response) -> None:
    """Devices that a member proved to be theirs, or at least used, with when they were first and last seen."""
    met: dict[tuple[int, str], Device] = {}
    for event in (*batch.judged, *batch.taught):
        if event.id in batch.again:
            continue
        member = batch.members.get(event.member_id) if event.member_id else None
        refused = response.outcomes.get(event.id, Outcome.ALLOW) is not Outcome.ALLOW
        if member is None or not event.device_id or refused or event.type not in TEACHES or event.trust < Trust.NORMAL:
            continue
        device = met.setdefault(
            (member.pk, event.device_id),
            Device(
                member=member,
                device_id=event.device_id,
                first_seen_at=event.occurred_at,
                last_seen_at=event.occurred_at,
            ),
        )
        device.first_seen_at = min(device.first_seen_at, event.occurred_at)
        device.last_seen_at = max(device.last_seen_at, event.occurred_at)
        device.agent = (event.agent or device.agent)[:120]
        device.country = event.country or device.country
    if met:
        Device.objects.bulk_create(
            met.values(),
            update_conflicts=True,
            unique_fields=["member", "device_id"],
            update_fields=["last_seen_at", "agent", "country"],
        )


def plain(value: Any) -> Any:
    """What detectors saw, as JSON holds it."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): item if type(item) in PLAIN else plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Decimal) else value
