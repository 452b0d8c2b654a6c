"""How the house stands right now, in a fixed number of queries over what is newest: the first page of the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from detection.kernel.vocabulary import AlertStatus, Severity
from detection.models import Alert, AlertAction, Event, LockReason
from detection.response import truths

UNRESOLVED = (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED, AlertStatus.ESCALATED)
#: Nobody needs to know how many beyond this.
COUNTED = 1000
EVENTS_COUNTED = 20_000
ALERTS_READ = 2000
ACTIONS_READ = 500
TIMED = 100
HOURS, DAYS = 24, 30
MOST = 8
#: Told by an event's own clock, an alert of history would have waited for years.
LONGEST_WAIT = timedelta(hours=1)


@dataclass(slots=True)
class Spoken:
    """One rule among the newest alerts: in how many it spoke, and how many of those turned out right or wrong."""

    alerts: int = 0
    right: int = 0
    wrong: int = 0

    @property
    def precision(self) -> int | None:
        """Of a hundred answered, how many were right; None while nobody has answered."""
        answered = self.right + self.wrong
        return round(100 * self.right / answered) if answered else None


@dataclass(frozen=True, slots=True)
class Standing:
    """What matters now. Numbers above their bound are told as bound plus one."""

    open: dict[str, int]
    locked: int
    alerts_a_minute: float
    events_a_minute: int
    to_act: timedelta | None  # median from raised to the first thing done about it
    to_alert: timedelta | None  # median from an event's arrival to its alert on the feed
    hourly: dict[str, list[int]]  # by severity, oldest hour first
    rules: list[tuple[str, Spoken]]
    countries: list[tuple[str, int]]
    networks: list[tuple[str, int]]
    devices: list[tuple[str, int]]
    read: int = 0
    at: datetime = field(default_factory=timezone.now)


def now_standing(now: datetime | None = None) -> Standing:
    """Everything of the overview. Its cost does not grow with what is stored."""
    now = now or timezone.now()
    month = Alert.objects.filter(created_at__gte=now - timedelta(days=DAYS)).order_by("-created_at", "-id")
    newest = list(month.only("detectors", "country", "device", "context", "created_at", "severity")[:ALERTS_READ])
    hour = [alert for alert in newest if alert.created_at > now - timedelta(hours=1)]
    return Standing(
        open={level.value: _open(level) for level in reversed(Severity)},
        locked=locked(now),
        alerts_a_minute=round(len(hour) / 60, 1),
        events_a_minute=_events_since(now - timedelta(minutes=1)),
        to_act=_to_act(),
        to_alert=_to_alert(newest[:TIMED]),
        hourly=_hourly(now),
        rules=_rules(newest),
        countries=_most(alert.country for alert in newest),
        networks=_most((alert.context or {}).get("network") for alert in newest),
        devices=_most(alert.device for alert in newest),
        read=len(newest),
        at=now,
    )


def locked(now: datetime | None = None) -> int:
    """How many members a lock is in force for, counted to a bound."""
    return LockReason.objects.in_force(now).order_by().values("member").distinct()[: COUNTED + 1].count()


def shown(number: int, bound: int = COUNTED) -> str:
    """A number as people read it, "1,000+" where it was not counted on."""
    return f"{bound:,}+" if number > bound else f"{number:,}"


def _open(level: Severity) -> int:
    unresolved = Alert.objects.filter(severity=level, status__in=UNRESOLVED).order_by()
    return unresolved.values("pk")[: COUNTED + 1].count()


def _events_since(moment: datetime) -> int:
    """Events taken in since a moment, by the key they are made in the order of; counted to a bound."""
    first = UUID(int=int(moment.timestamp() * 1000) << 80)
    return Event.objects.filter(id__gte=first).order_by().values("pk")[: EVENTS_COUNTED + 1].count()


def _to_act() -> timedelta | None:
    newest = AlertAction.objects.order_by("-id").values_list("alert", "at", "alert__created_at")[:ACTIONS_READ]
    first: dict[UUID, timedelta] = {}
    for alert, at, created_at in newest:  # the newest first, so the earliest of each alert stays
        first[alert] = at - created_at
    return median(first.values()) if first else None


def _to_alert(newest: Sequence[Alert]) -> timedelta | None:
    arrived = dict(
        Event.objects.filter(alert_id__in=[alert.pk for alert in newest])
        .order_by()
        .values_list("alert_id")
        .annotate(first=Min("received_at"))
    )
    waits = [alert.created_at - arrived[alert.pk] for alert in newest if alert.pk in arrived]
    honest = [wait for wait in waits if timedelta(0) < wait < LONGEST_WAIT]  # history is told with no wait at all
    return median(honest) if honest else None


def _hourly(now: datetime) -> dict[str, list[int]]:
    """Alerts by hour, each severity bounded, so that a flood costs no more than a busy day."""
    found = {}
    for level in reversed(Severity):
        rows = Alert.objects.filter(severity=level, created_at__gt=now - timedelta(hours=HOURS)).order_by("-created_at")
        moments = rows.values_list("created_at", flat=True)[:EVENTS_COUNTED]
        ages = Counter((now - moment) // timedelta(hours=1) for moment in moments)
        found[level.value] = [ages[age] for age in reversed(range(HOURS))]
    return found


def _rules(newest: Sequence[Alert]) -> list[tuple[str, Spoken]]:
    """Who spoke most, and how often that was right by whoever knows best: the shop's labels, staff, the member."""
    known = truths.of_alerts(Alert.objects.filter(pk__in=[alert.pk for alert in newest]))
    spoken: dict[str, Spoken] = {}
    for alert in newest:
        truth = known.get(alert.pk)
        for detector in alert.detectors:
            tally = spoken.setdefault(detector, Spoken())
            tally.alerts += 1
            if truth is not None:
                tally.right += truth.bad
                tally.wrong += not truth.bad
    return sorted(spoken.items(), key=lambda pair: (-pair[1].alerts, pair[0]))[:MOST]


def _most(values: Iterable[str | None]) -> list[tuple[str, int]]:
    return Counter(value for value in values if value).most_common(MOST)
