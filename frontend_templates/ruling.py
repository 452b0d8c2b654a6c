"""A rule in words: how it is set, what may be set about it, what its versions changed, and how it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from detection.kernel.detector import Assurance, Rule
from detection.kernel.features import Wish
from detection.kernel.tuning import fitting, short
from detection.kernel.vocabulary import RuleState, Severity
from detection.models import RuleChange, RuleSetting, RuleTrial
from detection.response import estimates, fuses, precision, rates, rules
from detection.response.rates import Rate
from detection.response.settings import Setting
from frontend_templates import drawing, wording

ANSWERED = timedelta(days=30)


def told(cls: type[Rule], setting: RuleSetting | None) -> dict[str, Any]:
    """What a rule is and how it is set."""
    values = values_of(cls, setting)
    return {
        "id": cls.id,
        "title": cls.title,
        "meaning": (cls.__doc__ or "").strip().split("\n")[0],
        "family": cls.family.value,
        "severity": (setting.severity if setting else "") or cls.severity.value,
        "state": setting.state if setting else RuleState.LIVE.value,
        "version": setting.version if setting else 0,
        "changed_at": setting.changed_at if setting and setting.version else None,
        "changed_by": setting.changed_by if setting else "",
        "suggests": cls.suggests.value,
        "speaks_for": issubclass(cls, Assurance),
        "lowers": values.get("lowers", 0),
        "listens_to": sorted(str(kind) for kind in cls.listens_to),
        "parameters": [(spaced(name), wording.value(value)) for name, value in values.items()],
        "watches": [(spaced(name), _wish(wish)) for name, wish in cls().tuned(**values).needs().items()],
    }


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of all rules' doings at a moment: their alerts, how often they were right, whether the house is old
    enough to hold them to their past."""

    now: datetime
    loud: Mapping[str, Rate]
    right: Mapping[str, Mapping[str, Any]]
    old: bool

    @classmethod
    def over(cls, now: datetime) -> Watch:
        """Read once for all rules: a constant number of queries."""
        right = {row["rule"]: row for row in precision.per_rule(now - ANSWERED, now)}
        return cls(now, rates.of_all(now), right, fuses.settled(now))

    def of(self, rule: type[Rule], setting: RuleSetting | None) -> dict[str, Any]:
        """How a rule does: its alerts, their trend, how often it was right, and what it is held to."""
        rate, right = self.loud.get(rule.id) or Rate(), self.right.get(rule.id, {})
        speaks_for = issubclass(rule, Assurance)
        known = None if speaks_for else fuses.band(setting, rate, settled=self.old, now=self.now)
        live = (setting.state if setting else RuleState.LIVE) == RuleState.LIVE
        interval = right.get("interval")
        return {
            "day": rate.day,
            "week": rate.week,
            "trend": drawing.columns(rate.days),
            "precision": right.get("precision"),
            "answers": right.get("right", 0) + right.get("wrong", 0),
            "right": right,
            "share": drawing.share(interval["low"], interval["high"], right["precision"]) if interval else None,
            "expected": known,
            "from_past": bool(known and known["source"] == estimates.PAST_WEEK),
            "beyond": bool(known and live and rate.day > known["high"]),
        }


def values_of(cls: type[Rule], setting: RuleSetting | RuleChange | RuleTrial | Setting | None) -> dict[str, Any]:
    """Every parameter as it is set, in the rule's own types."""
    return cls().parameters() | fitting(cls(), setting.parameters if setting else {})[0]


def form(
    cls: type[Rule], setting: RuleSetting | None, typed: Mapping[str, str], faults: Mapping[str, str]
) -> dict[str, Any]:
    """What may be set about a rule, as it is or as it was typed."""
    own = cls().parameters()
    fields = [
        {
            "name": f"parameters:{name}",
            "label": spaced(name),
            "value": typed.get(f"parameters:{name}", short(value)),
            "own": short(own[name]),
            "fault": faults.get(f"parameters:{name}"),
            "whole": isinstance(own[name], int),
        }
        for name, value in values_of(cls, setting).items()
    ]
    known = {field["name"] for field in fields}
    return {
        "fields": fields,
        "state": typed.get("state", setting.state if setting else RuleState.LIVE.value),
        "states": [item.value for item in RuleState],
        "severity": typed.get("severity", (setting.severity if setting else "") or rules.OWN),
        "severities": [] if issubclass(cls, Assurance) else [item.value for item in Severity],
        "own_severity": cls.severity.value,
        "version": typed.get("if_version", setting.version if setting else 0),
        "note": typed.get("note", ""),
        "days": typed.get("days", "7"),
        "faults": [text for name, text in faults.items() if name not in known],
        "refused": bool(faults),
    }


def sent_as(cls: type[Rule], setting: Setting | RuleTrial) -> list[tuple[str, str]]:
    """A setting as the fields of the form above, its state aside."""
    fields = [(f"parameters:{name}", short(value)) for name, value in values_of(cls, setting).items()]
    return fields if issubclass(cls, Assurance) else [("severity", setting.severity or rules.OWN), *fields]


def differences(
    cls: type[Rule], before: RuleSetting | RuleChange | Setting | None, after: RuleChange | RuleTrial | Setting
) -> list[str]:
    """What is otherwise, in words."""
    words = []
    if after.state != (before.state if before else RuleState.LIVE):
        words.append(f"state {after.state}")
    if after.severity != (before.severity if before else ""):
        words.append(f"severity {after.severity or 'its own'}")
    was, now = values_of(cls, before), values_of(cls, after)
    return [*words, *(f"{spaced(name)} {wording.value(value)}" for name, value in now.items() if value != was[name])]


def versions(cls: type[Rule], setting: RuleSetting | None, made: list[RuleChange]) -> list[dict[str, Any]]:
    """The versions of a rule, newest first, each with what it changed."""
    current = setting.version if setting else 0
    return [
        {"made": change, "words": differences(cls, before, change), "current": change.version == current}
        for change, before in zip(made, [*made[1:], None], strict=False)
    ]


def parameters(cls: type[Rule], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as the verb takes it; an empty field means the rule's own value."""
    own = cls().parameters()
    given: dict[str, Any] = {}
    for key, text in typed.items():
        name = key.removeprefix("parameters:")
        if name == key:
            continue
        given[name] = None if not text.strip() and name in own else _number(text.strip(), own.get(name))
    return given


def spaced(name: str) -> str:
    return name.replace("_", " ")


def _number(text: str, own: Any) -> Any:
    if isinstance(own, timedelta) and not text.isdigit():
        return text
    try:
        return Decimal(text) if len(text) <= 30 else text
    except InvalidOperation:
        return text


def _wish(wish: Wish) -> str:
    """A feature in words: "how many, per member, within 10 minutes"."""
    field = getattr(wish, "field", "").replace("_id", "").replace("_", " ")
    words = {
        "Count": "how many",
        "Distinct": f"how many different: {field}",
        "Sum": "the sum of amounts",
        "FirstSeen": f"since when known: {field}",
        "Last": "the one before",
        "Known": f"how many known: {field}",
        "Baseline": "the usual amount",
    }
    words_of = [words.get(type(wish).__name__, type(wish).__name__), f"per {spaced(str(getattr(wish, 'per', '')))}"]
    within = getattr(wish, "within", None)
    return ", ".join([*words_of, f"within {wording.span(within)}"] if within else words_of)
