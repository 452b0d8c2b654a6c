"""How often each rule is right, counted over alerts that somebody answered, with how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection.kernel.detector import Assurance, registered
from detection.kernel.intervals import wilson
from detection.models import Alert, AlertDetector, Event, Label
from detection.response import truths
from detection.response.truths import LABELS, SOURCES, Known


@dataclass(slots=True)
class Tally:
    """One rule's answers, by who gave them. ``shadow`` counts events it spoke about without being heard."""

    alerts: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    shadow_right: int = 0
    shadow_wrong: int = 0

    def count(self, known: Known) -> None:
        (self.right if known.bad else self.wrong)[known.by] += 1

    def wire(self) -> dict[str, Any]:
        right, wrong = self.right.total(), self.wrong.total()
        return {
            "alerts": self.alerts,
            **_share(right, wrong),
            "by": {source: {"right": self.right[source], "wrong": self.wrong[source]} for source in SOURCES},
            "shadow": _share(self.shadow_right, self.shadow_wrong),
        }


def per_rule(start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Every rule with the alerts of the period it spoke in and how many of those answered were bad, the surest first.

    An alert counts once a rule, by the best answer there is. A rule in shadow raises none: it is counted over labelled
    events of the period.
    """
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    titles = {cls.id: cls.title for cls in registered() if not issubclass(cls, Assurance)}
    for rule_id in titles:
        tallies[rule_id]
    alerts = Alert.objects.filter(created_at__gte=start, created_at__lt=end)
    spoke = AlertDetector.objects.filter(alert__in=alerts.order_by().values("pk"))
    for detector, count in spoke.values_list("detector").annotate(count=Count("pk")):
        tallies[detector].alerts = count
    known = truths.of_alerts(alerts)
    answered = sorted(known)
    for first in range(0, len(answered), truths.AT_A_TIME):
        part = AlertDetector.objects.filter(alert__in=answered[first : first + truths.AT_A_TIME])
        for alert, detector in part.values_list("alert", "detector"):
            tallies[detector].count(known[alert])
    for truth, signals in _labelled(start, end):
        for signal in signals:
            if signal["shadow"] and signal["points"] >= 0:
                tally = tallies[signal["detector"]]
                tally.shadow_right += truth.bad
                tally.shadow_wrong += not truth.bad
    return [
        {"rule": rule_id, "title": titles.get(rule_id, rule_id), **tally.wire()}
        for rule_id, tally in sorted(tallies.items(), key=lambda item: (-item[1].right.total(), item[0]))
    ]


def _labelled(start: datetime, end: datetime) -> Iterator[tuple[Known, list[dict[str, Any]]]]:
    ids: list[UUID] = sorted(
        set(
            Label.objects.filter(event_at__gte=start, event_at__lt=end, event__isnull=False).values_list(
                "event", flat=True
            )
        )
    )
    said = truths.of_events(ids)
    for first in range(0, len(ids), truths.AT_A_TIME):
        rows = Event.objects.filter(pk__in=ids[first : first + truths.AT_A_TIME])
        for event, signals in rows.values_list("pk", "signals"):
            yield Known(said[event][1].bad, LABELS), signals


def _share(right: int, wrong: int) -> dict[str, Any]:
    low, high = wilson(right, right + wrong)
    return {
        "right": right,
        "wrong": wrong,
        "precision": round(right / (right + wrong), 4) if right + wrong else None,
        "interval": {"low": round(low, 4), "high": round(high, 4)} if right + wrong else None,
    }
