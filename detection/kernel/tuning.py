"""What may be set about a rule: its own fields, each as its type and its meaning allow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from detection.kernel.detector import Rule

UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST = timedelta(days=400)  # as far back as a member's past is read
MOST = 1_000_000_000
_DURATION = re.compile(r"([0-9]{1,9})\s?([smhd])")


class Unfit(ValueError):
    """A value a parameter can't have; the text says what it can have, for the person who set it."""


def fitting(rule: Rule, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The given parameters as the rule's own types, and for each that can't be taken, why."""
    own = rule.parameters()
    fits: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, value in given.items():
        if name not in own:
            faults[name] = f"This rule has no such parameter. It has: {', '.join(own) or 'none'}."
            continue
        try:
            fits[name] = fit(name, own[name], value)
        except Unfit as unfit:
            faults[name] = str(unfit)
    return fits, faults


def fit(name: str, own: Any, value: Any) -> Any:
    """The value as the type of the rule's own one. Raises Unfit."""
    if isinstance(own, bool):
        if not isinstance(value, bool):
            raise Unfit("true or false.")
        return value
    if isinstance(own, timedelta):
        return _duration(value)
    if isinstance(own, int):
        return _whole(name, value)
    if isinstance(own, float):
        return _real(name, value)
    if isinstance(own, Decimal):
        return _amount(value)
    raise Unfit("This cannot be changed.")


def plain(value: Any) -> Any:
    """A parameter as it is kept and sent: durations in seconds, amounts as text."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds == int(seconds) else seconds
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value if isinstance(value, (bool, int, float)) else str(value)


def short(value: Any) -> str:
    """A parameter as a person types it: "10m", "5", "0.7"."""
    if isinstance(value, timedelta):
        for letter in "dhm":
            if value % UNITS[letter] == timedelta(0):
                return f"{value // UNITS[letter]}{letter}"
        return f"{plain(value)}s"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _duration(value: Any) -> timedelta:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    number = _number(value)
    try:
        if match:
            made = int(match[1]) * UNITS[match[2]]
        elif number is not None:
            made = timedelta(seconds=float(number))
        else:
            raise Unfit('A time like "90s", "10m", "1h" or "30d", or a number of seconds.')
    except OverflowError:
        made = LONGEST + timedelta(1)
    if not timedelta(seconds=1) <= made <= LONGEST:
        raise Unfit(f"From one second to {LONGEST.days} days.")
    return made


def _whole(name: str, value: Any) -> int:
    number = _number(value)
    most = 100 if name == "lowers" else MOST
    if number is None or not 1 <= number <= most or number != int(number):  # int() of 1E+999999 takes a minute
        raise Unfit(f"A whole number from 1 to {most:,}.")
    return int(number)


def _real(name: str, value: Any) -> float:
    number = _number(value)
    most = 1 if name == "share" else MOST
    if number is None or not 0 < number <= most:
        raise Unfit("A share above 0, at most 1." if name == "share" else f"A number above 0, at most {most:,}.")
    return float(number)


def _amount(value: Any) -> Decimal:
    number = _number(value)
    if isinstance(value, str) and len(value) <= 30:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite() or not 0 < number <= MOST:
        raise Unfit(f"An amount above 0, at most {MOST:,}.")
    return number
