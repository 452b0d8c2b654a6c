"""What turned out to be true, by who knows best: an app's newest label, then staff, then the member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from detection.kernel.vocabulary import Disposition, Truth
from detection.models import Alert, AlertAction, Dispute, Label

LABELS, STAFF, MEMBERS = "labels", "staff", "members"
SOURCES = (LABELS, STAFF, MEMBERS)
AT_A_TIME = 400


@dataclass(frozen=True, slots=True)
class Known:
    """Whether it was bad, and who says so."""

    bad: bool
    by: str


def of_alerts(alerts: QuerySet[Alert]) -> dict[UUID, Known]:
    """What is known of each alert; those nobody spoke about are not in it. Four queries."""
    known: dict[UUID, Known] = {}
    disputes = Dispute.objects.filter(alert__in=alerts.order_by().values("pk")).order_by("opened_at", "pk")
    for alert, answer in disputes.values_list("alert", "answer"):
        known[alert] = Known(answer == Dispute.NOT_ME, MEMBERS)
    by_members = _confirmed_by_members(alerts)
    answered = alerts.exclude(disposition="").order_by().values_list("pk", "disposition")
    for alert, disposition in answered:
        if alert not in by_members:
            known[alert] = Known(disposition == Disposition.CONFIRMED, STAFF)
    said = Label.objects.filter(alert__in=alerts.order_by().values("pk")).order_by("decided_at", "pk")
    for alert, label in said.values_list("alert", "label"):
        known[alert] = Known(Truth(label).bad, LABELS)
    return known


def of_events(events: Iterable[UUID]) -> Mapping[UUID, tuple[datetime, Truth]]:
    """The newest label of each event, and when it was decided."""
    wanted, newest = sorted(events), {}
    for start in range(0, len(wanted), AT_A_TIME):
        said = Label.objects.filter(event__in=wanted[start : start + AT_A_TIME]).order_by("decided_at", "pk")
        newest |= {event: (at, Truth(label)) for event, at, label in said.values_list("event", "decided_at", "label")}
    return newest


def _confirmed_by_members(alerts: QuerySet[Alert]) -> set[Any]:
    """Alerts that a member closed by saying it was them, and staff did not judge since."""
    acted = AlertAction.objects.filter(
        alert__in=alerts.order_by().values("pk"), verb__in=("resolve", "confirm"), undone_at=None
    )
    last = dict(acted.order_by("at", "pk").values_list("alert", "verb"))
    return {alert for alert, verb in last.items() if verb == "confirm"}
