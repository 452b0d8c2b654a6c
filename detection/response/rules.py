"""Rules at work: who set a rule how, and why. A change is a version, is audited, can be put back, and holds within two
seconds everywhere. Version 0 is the rule as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection.announcements import DutyChanged, announce
from detection.kernel.detector import Rule, registered
from detection.kernel.records import SYSTEM, Actor, iso
from detection.kernel.tuning import fitting, plain
from detection.kernel.vocabulary import RuleState
from detection.models import RuleChange, RuleSetting, RuleTrial
from detection.response import estimates
from detection.response.settings import (
    AS_IT_COMES,
    OWN,
    Fault,
    Setting,
    fault,
    plan,
    read_note,
    read_version,
    setting_of,
)
from detection.work import unit_of_work

__all__ = [
    "OWN",
    "Ruled",
    "change",
    "change_wire",
    "find",
    "history",
    "put",
    "rollback",
    "settings",
    "trip",
    "undo_batch",
    "wire",
]

#: What a back-test this old expected says nothing of today.
TRIALS_COUNT_FOR = timedelta(days=30)


@dataclass(slots=True)
class Ruled:
    """What became of a change. ``changed`` is False where the rule stood so already; then nothing was written."""

    rule_id: str
    version: int = 0
    changed: bool = False
    missing: bool = False
    errors: list[Fault] = field(default_factory=list)
    conflict: dict[str, Any] | None = None


def find(rule_id: str) -> type[Rule] | None:
    return next((cls for cls in registered() if cls.id == rule_id), None)


def change(
    rule_id: str,
    *,
    actor: Actor,
    state: Any = None,
    parameters: Any = None,
    severity: Any = None,
    note: Any = "",
    if_version: Any = None,
) -> Ruled:
    """Set a rule otherwise. What is None stays; a parameter that is None, and the severity ``own``, go back to the
    rule's own. ``if_version`` is the version the change was made from: another by now is a conflict."""
    cls = find(rule_id)
    if cls is None:
        return Ruled(rule_id, missing=True)
    make, errors = plan(cls, state=state, parameters=parameters, severity=severity)
    errors += read_note(note) + read_version(if_version, "/if_version", optional=True)
    if errors:
        return Ruled(rule_id, errors=errors)
    return _write(cls, make, actor=actor, note=note.strip(), if_version=if_version)


def put(cls: type[Rule], setting: Setting, *, actor: Actor, note: str, cause: str, batch: UUID) -> Ruled:
    """Set a rule wholly, as one of the changes of a batch."""
    return _write(cls, lambda _now: setting, actor=actor, note=note, cause=cause, batch=batch)


def trip(rule_id: str, *, note: str, if_version: int) -> Ruled:
    """Send a live rule back to shadow because it ran away. A rule that was set otherwise meanwhile stays so."""
    cls = find(rule_id)
    if cls is None:
        return Ruled(rule_id, missing=True)
    return _write(
        cls,
        lambda now: replace(now, state=RuleState.SHADOW.value) if now.state == RuleState.LIVE else now,
        actor=SYSTEM,
        note=note,
        if_version=if_version,
        cause=RuleChange.TRIP,
    )


def undo_batch(batch: UUID, *, actor: Actor) -> list[Ruled]:
    """Put every rule of a batch back to how it stood before it: all of them, or none where one was changed since. Empty
    when there is no such batch."""
    with unit_of_work(actor):
        made = list(RuleChange.objects.filter(batch=batch).order_by("rule_id"))
        rows = RuleSetting.objects.select_for_update().order_by("rule_id")
        versions = dict(rows.filter(rule_id__in=[one.rule_id for one in made]).values_list("rule_id", "version"))
        changed = [one for one in made if versions.get(one.rule_id) != one.version]
        if changed:
            return [
                Ruled(one.rule_id, versions.get(one.rule_id, 0), conflict={"version": versions.get(one.rule_id, 0)})
                for one in changed
            ]
        return [rollback(one.rule_id, one.version - 1, actor=actor) for one in made]


def rollback(rule_id: str, to_version: Any, *, actor: Actor, note: Any = "", if_version: Any = None) -> Ruled:
    """Put a rule back to how it stood at a version; that is a new version of its own."""
    cls = find(rule_id)
    if cls is None:
        return Ruled(rule_id, missing=True)
    errors = read_version(to_version, "/version") + read_note(note)
    errors += read_version(if_version, "/if_version", optional=True)
    if errors:
        return Ruled(rule_id, errors=errors)
    then = RuleChange.objects.filter(rule_id=rule_id, version=to_version).first()
    if to_version and then is None:
        return Ruled(rule_id, errors=[fault("/version", "There is no such version of this rule.", "unknown")])
    setting = setting_of(then) if then else AS_IT_COMES
    return _write(
        cls,
        lambda _now: setting,
        actor=actor,
        note=note.strip(),
        if_version=if_version,
        restores=int(to_version),
        known=then.estimate if then else None,
    )


def history(rule_id: str) -> list[RuleChange]:
    """Every version of a rule but the one it came with, newest first."""
    return list(RuleChange.objects.filter(rule_id=rule_id).order_by("-version"))


def settings() -> dict[str, RuleSetting]:
    """What was set about rules, by their id."""
    return {row.rule_id: row for row in RuleSetting.objects.all()}


def wire(cls: type[Rule], setting: RuleSetting | None) -> dict[str, Any]:
    """A rule as it stands; durations in seconds."""
    own = cls().parameters()
    fits, _ = fitting(cls(), setting.parameters if setting else {})
    return {
        "id": cls.id,
        "title": cls.title,
        "about": (cls.__doc__ or "").strip(),
        "severity": (setting.severity if setting else "") or cls.severity.value,
        "own_severity": cls.severity.value,
        "listens_to": sorted(str(kind) for kind in cls.listens_to),
        "suggests": cls.suggests.value,
        "state": setting.state if setting else RuleState.LIVE.value,
        "parameters": {name: plain(value) for name, value in (own | fits).items()},
        "own_parameters": {name: plain(value) for name, value in own.items()},
        "version": setting.version if setting else 0,
        "changed_at": iso(setting.changed_at) if setting else None,
        "changed_by": setting.changed_by if setting else None,
        "estimate": estimates.kept(setting.estimate) if setting else None,
    }


def change_wire(made: RuleChange) -> dict[str, Any]:
    """A version. ``parameters`` are those that differ from the rule's own."""
    return {
        "version": made.version,
        **setting_of(made).wire(),
        "restores": made.restores,
        "note": made.note,
        "by": made.by,
        "at": iso(made.at),
        "cause": made.cause or None,
        "batch": str(made.batch) if made.batch else None,
        "estimate": estimates.kept(made.estimate),
    }


def _write(
    cls: type[Rule],
    make: Callable[[Setting], Setting],
    *,
    actor: Actor,
    note: str,
    if_version: int | None = None,
    restores: int | None = None,
    known: estimates.Estimate | None = None,
    cause: str = "",
    batch: UUID | None = None,
) -> Ruled:
    """Make the next version, unless another was quicker or nothing is different. ``known`` is what was expected of the
    rule as it stands from now on."""
    with unit_of_work(actor) as work:
        RuleSetting.objects.get_or_create(rule_id=cls.id, defaults={"version": 0})
        row = RuleSetting.objects.select_for_update().get(rule_id=cls.id)
        if if_version is not None and if_version != row.version:
            who = {"by": row.changed_by, "at": iso(row.changed_at), "version": row.version}
            return Ruled(cls.id, row.version, conflict=who)
        before = setting_of(row)
        after = make(before)
        if before == after:
            return Ruled(cls.id, row.version)
        row.estimate = _expected(cls.id, after) or known or (row.estimate if after.tuned_as(before) else None)
        row.state, row.parameters, row.severity = after.state, dict(after.parameters), after.severity
        row.version, row.changed_at, row.changed_by = row.version + 1, timezone.now(), actor.label
        row.save()
        RuleChange.objects.create(
            rule_id=cls.id, version=row.version, **_columns(after), restores=restores, note=note, at=row.changed_at,
            by=actor.label, estimate=row.estimate, cause=cause, batch=batch,
        )  # fmt: skip
        told: dict[str, Any] = {"version": row.version, "note": note, "before": _told(before), "after": _told(after)}
        work.audit("rule.tripped" if cause == RuleChange.TRIP else "rule.changed", target=f"rule:{cls.id}", **told)
        announce(DutyChanged())
        return Ruled(cls.id, row.version, changed=True)


def _expected(rule_id: str, setting: Setting) -> estimates.Estimate | None:
    """What the newest back-test of these very settings found."""
    lately = timezone.now() - TRIALS_COUNT_FOR
    trials = RuleTrial.objects.filter(rule_id=rule_id, status=RuleTrial.DONE, finished_at__gt=lately)
    for trial in trials.order_by("-created_at")[:50]:
        if setting.tuned_as(trial) and (found := estimates.kept(trial.result.get("estimate"))):
            return found
    return None


def _columns(setting: Setting) -> dict[str, Any]:
    return {"state": setting.state, "parameters": dict(setting.parameters), "severity": setting.severity}


def _told(setting: Setting) -> dict[str, Any]:
    return setting.wire() | {"parameters": {name: str(value) for name, value in setting.parameters.items()}}
