"""What the event table has to learn from: measured features of judged events, and why some should not teach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.db.models.fields.json import KeyTransform

from detection.anomaly.trainer import Row
from detection.anomaly.vector import Kind
from detection.anomaly.verdicts import signals_row
from detection.kernel.vocabulary import Disposition, EventState, EventType, Family, Outcome, Trust
from detection.models import Alert, Event

CHUNK = 2_000


def rows(
    kind: Kind, since: datetime, until: datetime, *, newest_first: bool = False, with_rules: bool = False
) -> Iterator[Row]:
    """Judged events of a kind from ``since`` up to ``until``, oldest first unless said otherwise, read in chunks."""
    bad, cleared = _disputed_or_confirmed(), _cleared()
    found = (
        _events(kind, since, until)
        .annotate(measured=KeyTransform(kind.detector_id, "seen"), address=KeyTransform("ip", "body"))
        .order_by(*(("-occurred_at", "-id") if newest_first else ("occurred_at", "id")))
        .values_list(
            "measured",
            "address",
            "occurred_at",
            "subject",
            "type",
            "trust",
            "outcome",
            "alert_id",
            "degraded",
            "signals",
        )
    )
    for measured, address, occurred_at, subject, type_, trust, outcome, alert, degraded, signals in found.iterator(
        CHUNK
    ):
        if alert in bad:
            unfit = "disputed"
        elif outcome in (Outcome.CHALLENGE, Outcome.DENY) and alert not in cleared:
            unfit = "challenged"
        elif type_ == EventType.PAYMENT_FAILED:
            unfit = "failed"
        elif trust < Trust.NORMAL:
            unfit = "low trust"
        elif degraded:
            unfit = "judged without features"
        else:
            unfit = ""
        ruled = any(not one["shadow"] and one["family"] != Family.ANOMALY and one["points"] > 0 for one in signals)
        loudest = tuple(signals_row(signals)) if with_rules else ()
        yield Row(measured or {}, occurred_at, subject, address, unfit, ruled, loudest)


def count(kind: Kind, since: datetime, until: datetime) -> int:
    """How many rows there are to read."""
    return int(_events(kind, since, until).count())


def _events(kind: Kind, since: datetime, until: datetime):  # type: ignore[no-untyped-def]
    return Event.objects.filter(
        type__in=sorted(kind.listens_to),
        occurred_at__gte=since,
        occurred_at__lt=until,
        state=EventState.PROCESSED,
    )


def _disputed_or_confirmed() -> frozenset[object]:
    people_say_bad = Q(disputed=True) | Q(disposition=Disposition.CONFIRMED)
    return frozenset(Alert.objects.filter(people_say_bad).values_list("pk", flat=True))


def _cleared() -> frozenset[object]:
    """Alerts people found harmless: what drew them was ordinary after all."""
    harmless = (Disposition.FALSE_POSITIVE, Disposition.BENIGN)
    return frozenset(Alert.objects.filter(disposition__in=harmless, disputed=False).values_list("pk", flat=True))
