"""Presets: how all the rules stand in one kind of business, and why. One is taken as a whole and put back as a whole.

A rule a preset does not name stands as it comes; nothing else of the house is touched.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from detection.kernel.detector import Rule, registered
from detection.kernel.ids import uuid7
from detection.kernel.records import Actor
from detection.models import RuleChange
from detection.response import rules
from detection.response.settings import AS_IT_COMES, Setting, plan, setting_of
from detection.work import unit_of_work

FOLDER = Path(__file__).resolve().parent.parent / "presets"
_FIELDS = frozenset({"state", "severity", "parameters", "why"})


class BadPreset(ValueError):
    """A preset that cannot be used. The text says which rule and why."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How the rules stand by their ids, and why each one does so."""

    name: str
    title: str
    why: str
    rules: Mapping[str, Setting]
    reasons: Mapping[str, str]

    def of(self, rule_id: str) -> Setting:
        return self.rules.get(rule_id, AS_IT_COMES)


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that would stand otherwise."""

    rule: type[Rule]
    before: Setting
    after: Setting
    why: str

    def wire(self) -> dict[str, Any]:
        return {"rule": self.rule.id, "before": self.before.wire(), "after": self.after.wire(), "why": self.why}


@dataclass(slots=True)
class Applied:
    """What taking a preset changed; ``batch`` puts it back, None when everything stood so already."""

    preset: Preset
    differences: list[Difference] = field(default_factory=list)
    batch: UUID | None = None

    def wire(self) -> dict[str, Any]:
        return {
            "preset": self.preset.name,
            "batch": str(self.batch) if self.batch else None,
            "changes": [difference.wire() for difference in self.differences],
        }


@cache
def every() -> tuple[Preset, ...]:
    """The presets that come with the house, by name."""
    return tuple(read(path) for path in sorted(FOLDER.glob("*.toml")))


def find(name: str) -> Preset | None:
    return next((preset for preset in every() if preset.name == name), None)


def read(path: Path) -> Preset:
    """A preset from its file. Raises BadPreset, OSError."""
    try:
        told = tomllib.loads(path.read_bytes().decode())
    except ValueError as error:
        raise BadPreset(f"{path.name} is not TOML: {error}") from error
    named = told.get("rules", {})
    if not isinstance(named, dict) or set(told) - {"title", "why", "rules"}:
        raise BadPreset(f"{path.name} has a title, a why and rules")
    known = {cls.id: cls for cls in registered()}
    settings: dict[str, Setting] = {}
    for rule_id, given in named.items():
        if rule_id not in known:
            raise BadPreset(f"there is no rule {rule_id}")
        if not isinstance(given, dict) or set(given) - _FIELDS:
            raise BadPreset(f"{rule_id}: a rule has a state, a severity, parameters and a why")
        wanted = {name: value for name, value in given.items() if name != "why"}
        make, errors = plan(known[rule_id], **wanted)
        if errors:
            raise BadPreset(f"{rule_id}{errors[0]['pointer']}: {errors[0]['detail']}")
        settings[rule_id] = make(AS_IT_COMES)
    reasons = {rule_id: str(given.get("why", "")) for rule_id, given in named.items()}
    return Preset(path.stem, str(told.get("title", path.stem)), str(told.get("why", "")), settings, reasons)


def differences(preset: Preset) -> list[Difference]:
    """What taking the preset would change, by rule. One query."""
    rows, found = rules.settings(), []
    for cls in registered():
        row = rows.get(cls.id)
        before, after = setting_of(row) if row else AS_IT_COMES, preset.of(cls.id)
        if before != after:
            why = preset.reasons.get(cls.id, "The preset leaves it as it comes.")
            found.append(Difference(cls, before, after, why))
    return found


def apply(preset: Preset, *, actor: Actor) -> Applied:
    """Set every rule as the preset has it: all of them or none, as one change."""
    with unit_of_work(actor) as work:
        changed = differences(preset)
        if not changed:
            return Applied(preset)
        batch = uuid7()
        for one in changed:
            note = f"{preset.title} preset. {one.why}"[:500]
            rules.put(one.rule, one.after, actor=actor, note=note, cause=RuleChange.PRESET, batch=batch)
        work.audit("preset.applied", target=f"preset:{preset.name}", batch=str(batch), rules=len(changed))
        return Applied(preset, changed, batch)


def newest() -> RuleChange | None:
    """One change of the preset that was taken last, if any was."""
    return RuleChange.objects.filter(cause=RuleChange.PRESET).order_by("-at", "-pk").first()


def undo(batch: UUID, *, actor: Actor) -> list[rules.Ruled]:
    """Put back what taking a preset changed, all of it or, where a rule was changed since, nothing."""
    with unit_of_work(actor) as work:
        ruled = rules.undo_batch(batch, actor=actor)
        if ruled and not any(one.conflict for one in ruled):
            work.audit("preset.undone", target=f"batch:{batch}", rules=len(ruled))
        return ruled
