"""Rules at work: who set a rule how, and why. A change is a version, is audited, can be put back, and holds within two
seconds everywhere. Version 0 is the rule as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection.announcements import DutyChanged, announce
from detection.intake.strict_json import escape
from detection.kernel.detector import Assurance, Rule, registered
from detection.kernel.records import Actor, iso
from detection.kernel.tuning import fitting, plain
from detection.kernel.vocabulary import RuleState, Severity
from detection.models import RuleChange, RuleSetting
from detection.work import unit_of_work

OWN = "own"  # a severity: the one the rule comes with
LONGEST_NOTE = 500

Fault = dict[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a rule stands: its state, what differs from its own parameters, and its severity where that differs."""

    state: str = RuleState.LIVE.value
    parameters: Mapping[str, Any] = field(default_factory=dict)
    severity: str = ""

    def wire(self) -> dict[str, Any]:
        return {"state": self.state, "parameters": dict(self.parameters), "severity": self.severity or None}


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
    fits, errors = _read(cls, state=state, parameters=parameters, severity=severity)
    errors += _read_note(note) + _read_version(if_version, "/if_version", optional=True)
    if errors:
        return Ruled(rule_id, errors=errors)

    def make(now: Setting) -> Setting:
        dropped = {name for name, value in (parameters or {}).items() if value is None}
        own = {name: plain(value) for name, value in cls().parameters().items()}
        mixed = {**now.parameters, **fits}
        return Setting(
            state or now.state,
            {name: value for name, value in sorted(mixed.items()) if name not in dropped and own.get(name) != value},
            now.severity if severity is None else "" if severity in (OWN, cls.severity) else severity,
        )

    return _write(cls, make, actor=actor, note=note.strip(), if_version=if_version)


def rollback(rule_id: str, to_version: Any, *, actor: Actor, note: Any = "", if_version: Any = None) -> Ruled:
    """Put a rule back to how it stood at a version; that is a new version of its own."""
    cls = find(rule_id)
    if cls is None:
        return Ruled(rule_id, missing=True)
    errors = _read_version(to_version, "/version") + _read_note(note)
    errors += _read_version(if_version, "/if_version", optional=True)
    if errors:
        return Ruled(rule_id, errors=errors)
    then = RuleChange.objects.filter(rule_id=rule_id, version=to_version).first()
    if to_version and then is None:
        return Ruled(rule_id, errors=[_fault("/version", "There is no such version of this rule.", "unknown")])
    setting = Setting(then.state, then.parameters, then.severity) if then else Setting()
    return _write(
        cls, lambda _now: setting, actor=actor, note=note.strip(), if_version=if_version, restores=int(to_version)
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
    }


def change_wire(made: RuleChange) -> dict[str, Any]:
    """A version. ``parameters`` are those that differ from the rule's own."""
    return {
        "version": made.version,
        **_of(made).wire(),
        "restores": made.restores,
        "note": made.note,
        "by": made.by,
        "at": iso(made.at),
    }


def _write(
    cls: type[Rule], make: Any, *, actor: Actor, note: str, if_version: int | None, restores: int | None = None
) -> Ruled:
    """Make the next version, unless another was quicker or nothing is different."""
    with unit_of_work(actor) as work:
        RuleSetting.objects.get_or_create(rule_id=cls.id, defaults={"version": 0})
        row = RuleSetting.objects.select_for_update().get(rule_id=cls.id)
        if if_version is not None and if_version != row.version:
            who = {"by": row.changed_by, "at": iso(row.changed_at), "version": row.version}
            return Ruled(cls.id, row.version, conflict=who)
        before, after = _of(row), make(_of(row))
        if before == after:
            return Ruled(cls.id, row.version)
        row.state, row.parameters, row.severity = after.state, dict(after.parameters), after.severity
        row.version, row.changed_at, row.changed_by = row.version + 1, timezone.now(), actor.label
        row.save()
        RuleChange.objects.create(
            rule_id=cls.id, version=row.version, **_columns(after), restores=restores, note=note, at=row.changed_at,
            by=actor.label,
        )  # fmt: skip
        told: dict[str, Any] = {"version": row.version, "note": note, "before": _told(before), "after": _told(after)}
        work.audit("rule.changed", target=f"rule:{cls.id}", **told)
        announce(DutyChanged())
        return Ruled(cls.id, row.version, changed=True)


def _of(row: RuleSetting | RuleChange) -> Setting:
    return Setting(row.state, dict(sorted(row.parameters.items())), row.severity)


def _columns(setting: Setting) -> dict[str, Any]:
    return {"state": setting.state, "parameters": dict(setting.parameters), "severity": setting.severity}


def _told(setting: Setting) -> dict[str, Any]:
    return setting.wire() | {"parameters": {name: str(value) for name, value in setting.parameters.items()}}


# --- what a change may say ----------------------------------------------------------------------------------


def _read(cls: type[Rule], *, state: Any, parameters: Any, severity: Any) -> tuple[dict[str, Any], list[Fault]]:
    """The parameters as they are kept, and what is wrong with the whole."""
    errors: list[Fault] = []
    states, severities = [item.value for item in RuleState], [item.value for item in Severity]
    if state is not None and state not in states:
        errors.append(_fault("/state", f"One of {', '.join(states)}.", "invalid_choice"))
    if severity is not None and severity != OWN and severity not in severities:
        errors.append(_fault("/severity", f"One of {', '.join(severities)}.", "invalid_choice"))
    elif severity not in (None, OWN) and issubclass(cls, Assurance):
        errors.append(_fault("/severity", "This rule speaks for the member: it lowers the risk and has no severity."))
    if parameters is not None and not isinstance(parameters, Mapping):
        return {}, [*errors, _fault("/parameters", "An object of parameters by their names.", "not_an_object")]
    own = cls().parameters()
    wanted = {name: value for name, value in (parameters or {}).items() if value is not None or name not in own}
    fits, faults = fitting(cls(), wanted)
    errors += [_fault(f"/parameters/{escape(name)}", detail) for name, detail in faults.items()]
    return {name: plain(value) for name, value in fits.items()}, errors


def _read_note(note: Any) -> list[Fault]:
    if isinstance(note, str) and len(note.strip()) <= LONGEST_NOTE:
        return []
    return [_fault("/note", f"A text of at most {LONGEST_NOTE} characters.", "length")]


def _read_version(version: Any, pointer: str, *, optional: bool = False) -> list[Fault]:
    if (version is None and optional) or (type(version) is int and 0 <= version < 2**31):
        return []
    return [_fault(pointer, "The number of a version, from 0.")]


def _fault(pointer: str, detail: str, code: str = "invalid") -> Fault:
    return {"pointer": pointer, "detail": detail, "code": code}
