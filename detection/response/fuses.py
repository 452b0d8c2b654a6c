"""A live rule whose alerts run away from what was expected of it goes back to shadow, and staff hear of it once.

Counted are alerts raised since the rule stands as it does. A rule nobody back-tested is held to its own past week; one
whose past week says too little never trips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import Min
from django.utils import timezone

from detection.kernel.detector import Assurance, registered
from detection.kernel.vocabulary import RuleState
from detection.models import Event, RuleSetting
from detection.response import estimates, letters, notifications, rates, rules
from detection.response.estimates import LEAST_A_DAY, LEAST_AN_HOUR, Estimate
from detection.response.rates import DAY, HOUR, Rate
from detection.work import unit_of_work

#: A house this young has no past week to hold a rule to.
SETTLED = timedelta(days=8)

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Runaway:
    """A rule beyond its limit: how many alerts, in an "hour" or a "day", and how many were to be expected at most."""

    rule_id: str
    version: int
    alerts: int
    window: str
    limit: int


def trip(*, now: datetime | None = None) -> list[Runaway]:
    """Send every runaway back to shadow, page staff about each, and say which they were."""
    tripped = []
    for runaway in runaways(now or timezone.now()):
        with unit_of_work() as work:
            per = f"{runaway.alerts} alerts in {'an hour' if runaway.window == 'hour' else 'a day'}"
            note = f"Tripped: {per}, at most {runaway.limit} were to be expected."
            ruled = rules.trip(runaway.rule_id, note=note, if_version=runaway.version)
            if not ruled.changed:
                continue
            cls = rules.find(runaway.rule_id)
            notifications.to_staff(
                work,
                "rule.tripped",
                context={
                    "rule": cls.title if cls else runaway.rule_id,
                    "alerts": per,
                    "limit": runaway.limit,
                    "rule_page": letters.page(f"/admin_dashboard/rules/{runaway.rule_id}/"),
                },
            )
        logger.warning("rule.tripped", rule=runaway.rule_id, alerts=runaway.alerts, limit=runaway.limit)
        tripped.append(runaway)
    return tripped


def runaways(now: datetime) -> list[Runaway]:
    """Live rules beyond what was expected of them. One query while all is well."""
    loud = _loud(now)
    if not loud:
        return []
    settings = {row.rule_id: row for row in RuleSetting.objects.filter(rule_id__in=loud)}
    live = [name for name in loud if name not in settings or settings[name].state == RuleState.LIVE]
    set_at = {name: settings[name].changed_at for name in live if name in settings and settings[name].version}
    counts = {
        window: rates.since({name: max(now - length, set_at.get(name, now - length)) for name in live})
        for window, length in (("hour", HOUR), ("day", DAY))
    }
    bands = _bands(live, settings, now)
    found = []
    for name in live:
        band, row = bands.get(name), settings.get(name)
        if band is None:
            continue
        for window in ("hour", "day"):
            alerts, limit = counts[window].get(name, 0), band[f"{window}_limit"]
            if alerts > limit:
                found.append(Runaway(name, row.version if row else 0, alerts, window, limit))
                break
    return found


def band(setting: RuleSetting | None, rate: Rate | None, *, settled: bool, now: datetime) -> Estimate | None:
    """What a rule is held to: its own estimate, else its past week where there is one."""
    known = estimates.kept(setting.estimate) if setting else None
    return known or (estimates.of_past_week(rate, now) if settled and rate else None)


def settled(now: datetime) -> bool:
    """Whether events have been coming in for longer than the week that rules are held to."""
    first = Event.objects.aggregate(first=Min("received_at"))["first"]
    return first is not None and first <= now - SETTLED


def _loud(now: datetime) -> list[str]:
    """Rules with more alerts than any rule may trip below."""
    names = [cls.id for cls in registered() if not issubclass(cls, Assurance)]
    counts = rates.of_the_day(now)
    return [
        name for name in names if name in counts and (counts[name][0] > LEAST_AN_HOUR or counts[name][1] > LEAST_A_DAY)
    ]


def _bands(names: list[str], settings: Mapping[str, RuleSetting], now: datetime) -> dict[str, Estimate | None]:
    unknown = [name for name in names if name not in settings or not estimates.kept(settings[name].estimate)]
    weeks = rates.of_all(now) if unknown else {}
    old = bool(unknown) and settled(now)
    return {name: band(settings.get(name), weeks.get(name), settled=old, now=now) for name in names}
