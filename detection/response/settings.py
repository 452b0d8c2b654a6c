"""How a rule may stand: its state, parameters and severity, and what a change of them may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detection.intake.strict_json import escape
from detection.kernel.detector import Assurance, Rule
from detection.kernel.tuning import fitting, plain
from detection.kernel.vocabulary import RuleState, Severity
from detection.models import RuleChange, RuleSetting, RuleTrial

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

    def tuned_as(self, other: Setting | RuleTrial) -> bool:
        """Whether it looks at events the same way, whatever its state."""
        return (dict(self.parameters), self.severity) == (dict(other.parameters), other.severity)


AS_IT_COMES = Setting()


def setting_of(row: RuleSetting | RuleChange | RuleTrial) -> Setting:
    return Setting(row.state, dict(sorted(row.parameters.items())), row.severity)


def plan(
    cls: type[Rule], *, state: Any = None, parameters: Any = None, severity: Any = None
) -> tuple[Callable[[Setting], Setting], list[Fault]]:
    """What a change would make of a setting, and what is wrong with the change."""
    fits, errors = _read(cls, state=state, parameters=parameters, severity=severity)
    own = {name: plain(value) for name, value in cls().parameters().items()}

    def make(now: Setting) -> Setting:
        dropped = {name for name, value in (parameters or {}).items() if value is None}
        mixed = {**now.parameters, **fits}
        return Setting(
            state or now.state,
            {name: value for name, value in sorted(mixed.items()) if name not in dropped and own.get(name) != value},
            now.severity if severity is None else "" if severity in (OWN, cls.severity) else severity,
        )

    return make, errors


def _read(cls: type[Rule], *, state: Any, parameters: Any, severity: Any) -> tuple[dict[str, Any], list[Fault]]:
    """The parameters as they are kept, and what is wrong with the whole."""
    errors: list[Fault] = []
    states, severities = [item.value for item in RuleState], [item.value for item in Severity]
    if state is not None and state not in states:
        errors.append(fault("/state", f"One of {', '.join(states)}.", "invalid_choice"))
    if severity is not None and severity != OWN and severity not in severities:
        errors.append(fault("/severity", f"One of {', '.join(severities)}.", "invalid_choice"))
    elif severity not in (None, OWN) and issubclass(cls, Assurance):
        errors.append(fault("/severity", "This rule speaks for the member: it lowers the risk and has no severity."))
    if parameters is not None and not isinstance(parameters, Mapping):
        return {}, [*errors, fault("/parameters", "An object of parameters by their names.", "not_an_object")]
    own = cls().parameters()
    wanted = {name: value for name, value in (parameters or {}).items() if value is not None or name not in own}
    fits, faults = fitting(cls(), wanted)
    errors += [fault(f"/parameters/{escape(name)}", detail) for name, detail in faults.items()]
    return {name: plain(value) for name, value in fits.items()}, errors


def read_note(note: Any) -> list[Fault]:
    if isinstance(note, str) and len(note.strip()) <= LONGEST_NOTE:
        return []
    return [fault("/note", f"A text of at most {LONGEST_NOTE} characters.", "length")]


def read_version(version: Any, pointer: str, *, optional: bool = False) -> list[Fault]:
    if (version is None and optional) or (type(version) is int and 0 <= version < 2**31):
        return []
    return [fault(pointer, "The number of a version, from 0.")]


def fault(pointer: str, detail: str, code: str = "invalid") -> Fault:
    return {"pointer": pointer, "detail": detail, "code": code}
