"""What people said becomes what a model may learn, once its delay has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models.fields.json import KeyTransform

from detection.anomaly import shelf
from detection.anomaly.trainer import Trained
from detection.anomaly.vector import Kind
from detection.anomaly.verdicts import Told, TooFew, signals_row, train
from detection.kernel.vocabulary import Disposition, EventState, Outcome, Trust
from detection.models import Alert, Event, Label
from detection.response import truths

DELAY = timedelta(days=1)  # a verdict may be taken back this long
SETTLED = timedelta(days=14)  # by then fraud is mostly told: what is quiet was ordinary
PERIOD = timedelta(days=90)
MOST = 200_000  # events read


def teach(kind: Kind, now: datetime) -> Trained | TooFew:
    """The layer of this kind, fitted on what is known now."""
    return train(told(kind, now), kind, beside=shelf.load_active(kind.name))


def told(kind: Kind, now: datetime) -> Iterator[Told]:
    """Judged events of a kind with what people said of them; old quiet ones beside them, as ordinary."""
    verdicts = _by_alert(now)
    events = (
        Event.objects.filter(
            type__in=sorted(kind.listens_to), occurred_at__gte=now - PERIOD, occurred_at__lt=now,
            state=EventState.PROCESSED, trust__gte=Trust.NORMAL,
        )
        .annotate(measured=KeyTransform(kind.detector_id, "seen"))
        .order_by("-occurred_at")
        .values_list("pk", "measured", "signals", "occurred_at", "outcome", "alert_id", "degraded")
    )  # fmt: skip
    labels = _labels(now)
    for pk, measured, signals, at, outcome, alert, degraded in events[:MOST].iterator(2000):
        row = None if degraded else kind.row(measured or {})
        if row is None:
            continue
        bad, source = labels.get(pk) or verdicts.get(alert) or (None, "")
        quiet = outcome == Outcome.ALLOW and alert is None and now - at >= SETTLED
        if source == DISPUTED or (bad is None and not quiet):
            continue
        yield Told([*row, *signals_row(signals)], at, bad, source)


DISPUTED = "disputed"  # people disagree: it teaches nothing


def _labels(now: datetime) -> dict[UUID, tuple[bool | None, str]]:
    said = Label.objects.filter(event__isnull=False, decided_at__lte=now - DELAY, received_at__lte=now - DELAY)
    names = {
        event: f"label:{client}:{source}" for event, client, source in said.values_list("event", "client", "source")
    }
    return {event: (truth.bad, names[event]) for event, (_, truth) in truths.of_events(names).items()}


def _by_alert(now: datetime) -> dict[Any, tuple[bool | None, str]]:
    """What is known of each alert, and by whom. Staff's word that all was well never outweighs a member's that it was
    not: where they disagree, nothing is learned."""
    alerts = Alert.objects.filter(last_seen_at__gte=now - PERIOD, last_seen_at__lte=now - DELAY)
    known = truths.of_alerts(alerts)
    harmless = (Disposition.FALSE_POSITIVE, Disposition.BENIGN)
    found: dict[Any, tuple[bool | None, str]] = {}
    for pk, subject, disputed, disposition in alerts.values_list("pk", "subject", "disputed", "disposition"):
        verdict = known.get(pk)
        if verdict is None:
            continue
        if disputed and (disposition in harmless or not verdict.bad):
            found[pk] = (None, DISPUTED)
        else:
            who = subject if verdict.by == truths.MEMBERS else verdict.by
            found[pk] = (verdict.bad, f"{verdict.by}:{who}")
    return found
