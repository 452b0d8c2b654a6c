"""Who is on duty in a back-test: the rules as they come, or as a settings file has them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection.catalog import Duty
from detection.kernel.detector import Detector, Rule, registered
from detection.kernel.vocabulary import RuleState, Severity
from detection.response.presets import Preset

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class BadSettings(ValueError):
    """A settings file that can't be used. The text says which rule and why."""


def duty_of(detectors: Iterable[Detector] | None = None) -> Duty:
    """These detectors, or every rule with its own values."""
    return Duty(tuple(detectors) if detectors is not None else tuple(cls() for cls in registered()))


def duty_from(settings: Any) -> Duty:
    """The roster of a settings file: ``{"rule-id": {"state": "live", "severity": "low", "parameters": {...}}}``, each
    optional. Durations are seconds or "90s", "5m", "2h", "30d". Rules it does not name are live as they come.
    Raises BadSettings."""
    if not isinstance(settings, dict):
        raise BadSettings("settings are an object of rules by their id")
    rules = {cls.id: cls for cls in registered()}
    unknown = sorted(set(settings) - set(rules))
    if unknown:
        raise BadSettings(f"there is no rule {unknown[0]}")
    detectors, shadow = [], set()
    for rule_id, cls in rules.items():
        setting = settings.get(rule_id, {})
        if not isinstance(setting, dict) or set(setting) - {"state", "severity", "parameters"}:
            raise BadSettings(f"{rule_id}: a setting has a state, a severity and parameters")
        try:
            state = RuleState(setting.get("state", RuleState.LIVE))
        except ValueError:
            raise BadSettings(f"{rule_id}: a state is live, shadow or off") from None
        if state is RuleState.OFF:
            continue
        if state is RuleState.SHADOW:
            shadow.add(rule_id)
        rule = _tuned(cls(), setting.get("parameters", {}))
        detectors.append(rule.tuned(severity=_severity(rule_id, setting.get("severity"))))
    return Duty(tuple(detectors), frozenset(shadow))


def settings_of(preset: Preset) -> dict[str, Any]:
    """A preset as a settings file."""
    return {rule_id: setting.wire() for rule_id, setting in preset.rules.items()}


def _severity(rule_id: str, said: Any) -> Severity | None:
    try:
        return Severity(said) if said is not None else None
    except ValueError:
        raise BadSettings(f"{rule_id}: a severity is low, medium or high") from None


def _tuned(rule: Rule, parameters: Any) -> Rule:
    if not isinstance(parameters, Mapping):
        raise BadSettings(f"{rule.id}: parameters are an object")
    own = {field.name: getattr(rule, field.name) for field in dataclasses.fields(rule)}  # type: ignore[arg-type]
    changed = {}
    for name, value in parameters.items():
        if name not in own:
            raise BadSettings(f"{rule.id} has no parameter {name}")
        try:
            changed[name] = _like(own[name], value)
        except (TypeError, ValueError, InvalidOperation, OverflowError):
            raise BadSettings(f"{rule.id}: {value!r} is nothing for {name}") from None
    return rule.tuned(**changed)


def _like(default: Any, value: Any) -> Any:
    """The value as the parameter's own type has it."""
    if isinstance(default, timedelta):
        match = re.fullmatch(r"(\d+)([smhd])", value) if isinstance(value, str) else None
        made = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else timedelta(seconds=float(value))
        if made <= timedelta(0):
            raise ValueError(value)
        return made
    if isinstance(default, bool) or isinstance(value, bool):
        if isinstance(value, bool) and isinstance(default, bool):
            return value
        raise TypeError(value)
    if isinstance(default, Decimal):
        return Decimal(str(value))
    if isinstance(default, int) and int(value) != float(value):
        raise ValueError(value)
    return type(default)(value)
