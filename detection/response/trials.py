"""Back-tests of rule changes: who asked for which, how far it is, and what came out. The engine that runs them stands
in ``detection.backtest``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from detection.announcements import TrialAsked, announce
from detection.kernel.records import Actor, iso
from detection.models import RuleSetting, RuleTrial
from detection.response import rules
from detection.response.settings import AS_IT_COMES, Fault, fault, plan, setting_of
from detection.work import unit_of_work

USUAL, LONGEST = timedelta(days=7), timedelta(days=31)
MOST_WAITING = 5
#: A worker that has not been heard of for so long is dead, and another takes over; once.
LEASE = timedelta(seconds=60)
ATTEMPTS = 2


@dataclass(slots=True)
class Asked:
    """What became of the wish for a back-test. ``busy``: too many wait already."""

    trial: RuleTrial | None = None
    missing: bool = False
    busy: bool = False
    errors: list[Fault] = field(default_factory=list)


def ask(
    rule_id: str,
    *,
    actor: Actor,
    state: Any = None,
    parameters: Any = None,
    severity: Any = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Asked:
    """Want a change of a rule tried on the events between start and end, the last week by default. The same wish again,
    while the first one waits or runs, is that one."""
    cls, now = rules.find(rule_id), timezone.now()
    if cls is None:
        return Asked(missing=True)
    make, errors = plan(cls, state=state, parameters=parameters, severity=severity)
    end = min(end or now, now)
    start = start or end - USUAL
    if not timedelta(0) < end - start <= LONGEST:
        errors.append(fault("/from", f"Before the end, which is now at the latest, and at most {LONGEST.days} days."))
    if errors:
        return Asked(errors=errors)
    row = RuleSetting.objects.filter(rule_id=rule_id).first()
    wanted = make(setting_of(row) if row else AS_IT_COMES)
    unfinished = RuleTrial.objects.exclude(status__in=RuleTrial.OVER)
    for trial in unfinished.filter(rule_id=rule_id):
        if setting_of(trial) == wanted and trial.ends_at - trial.starts_at == end - start:
            return Asked(trial)
    if unfinished.count() >= MOST_WAITING:
        return Asked(busy=True)
    with unit_of_work(actor) as work:
        trial = RuleTrial.objects.create(
            rule_id=rule_id,
            state=wanted.state,
            parameters=dict(wanted.parameters),
            severity=wanted.severity,
            version=row.version if row else 0,
            starts_at=start,
            ends_at=end,
            by=actor.label,
        )
        work.audit("rule.backtested", target=f"rule:{rule_id}", trial=str(trial.pk))
        announce(TrialAsked())
    return Asked(trial)


def claim(*, now: datetime | None = None) -> RuleTrial | None:
    """The back-test that has waited longest, held under a lease; None when none waits, or one is at work: they are
    heavy, and judging needs the other processes. One that broke two workers is given up."""
    now = now or timezone.now()
    if RuleTrial.objects.filter(status=RuleTrial.RUNNING, lease_until__gte=now).exists():
        return None
    free = Q(status=RuleTrial.WAITING) | Q(status=RuleTrial.RUNNING, lease_until__lt=now)
    RuleTrial.objects.filter(free, attempts__gte=ATTEMPTS).update(
        status=RuleTrial.FAILED, error="WorkerLost", finished_at=now
    )
    trial = RuleTrial.objects.filter(free).order_by("created_at").first()
    if trial is None:
        return None
    mine = RuleTrial.objects.filter(free, pk=trial.pk, attempts=trial.attempts)
    if not mine.update(status=RuleTrial.RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE, judged=0):
        return None
    trial.refresh_from_db()
    return trial


def progress(trial: RuleTrial, judged: int, total: int) -> bool:
    """Say how far it is; whether it is still this worker's to go on with."""
    lease = timezone.now() + LEASE
    return bool(_mine(trial).update(judged=judged, total=total, lease_until=lease))


def finish(trial: RuleTrial, result: dict[str, Any]) -> None:
    _mine(trial).update(status=RuleTrial.DONE, result=result, finished_at=timezone.now())


def fail(trial: RuleTrial, error: str) -> None:
    _mine(trial).update(status=RuleTrial.FAILED, error=error, finished_at=timezone.now())


def find(rule_id: str, trial_id: UUID) -> RuleTrial | None:
    return RuleTrial.objects.filter(rule_id=rule_id, pk=trial_id).first()


def of_rule(rule_id: str, most: int = 20) -> list[RuleTrial]:
    """A rule's back-tests, newest first."""
    return list(RuleTrial.objects.filter(rule_id=rule_id).order_by("-created_at")[:most])


def wire(trial: RuleTrial) -> dict[str, Any]:
    return {
        "id": str(trial.pk),
        "rule": trial.rule_id,
        **setting_of(trial).wire(),
        "version": trial.version,
        "from": iso(trial.starts_at),
        "to": iso(trial.ends_at),
        "status": trial.status,
        "judged": trial.judged,
        "total": trial.total,
        "by": trial.by,
        "created_at": iso(trial.created_at),
        "finished_at": iso(trial.finished_at),
        "result": trial.result or None,
    }


def _mine(trial: RuleTrial) -> Any:
    return RuleTrial.objects.filter(pk=trial.pk, status=RuleTrial.RUNNING, attempts=trial.attempts)
