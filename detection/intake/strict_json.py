"""JSON as a hostile world sends it: bounded, and nothing guessed.

``loads`` fails only for what is not JSON at all. A flaw inside a value (a duplicate key, NaN, an integer beyond
53 bits) becomes a ``Flaw`` in its place, so one bad event of a batch never sinks the others; ``flaws`` finds them by
pointer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

BODY = "The body"
MAX_DEPTH = 20
MAX_NODES = 2000
MAX_KEY = 128
MAX_STRING = 8 * 1024
MAX_INTEGER = 2**53 - 1
MAX_SINGLE = 256 * 1024
MAX_BATCH = 1024 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """The body is no JSON we take. ``status`` is the HTTP status: 400, 413 or 415."""

    def __init__(self, detail: str, *, pointer: str = "", status: int = 400) -> None:
        super().__init__(detail)
        self.detail, self.pointer, self.status = detail, pointer, status


@dataclass(frozen=True, slots=True)
class Flaw:
    """Stands where a value was that can't be taken."""

    code: str
    detail: str


DUPLICATE = Flaw("duplicate_key", "A name appears twice in this object.")
NOT_A_NUMBER = Flaw("not_a_number", "NaN and Infinity are not JSON.")
TOO_LARGE = Flaw("number_too_large", "Numbers must fit 53 bits; send larger ones as strings.")


def loads(raw: bytes, *, called: str = BODY) -> Any:
    """The value of a JSON text in UTF-8. Floats come as Decimal. Raises Malformed."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{called} is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise Malformed(f"{called} starts with a byte order mark.")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise Malformed(f"Nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError as error:
        where = ""
        if isinstance(error, json.JSONDecodeError):
            row = f"line {error.lineno}, " if called == BODY else ""
            where = f" at {row}column {error.colno}"
        raise Malformed(f"{called} is not valid JSON{where}.") from None


def line(raw: bytes) -> Any:
    """The value of one line of NDJSON. Raises Malformed, which speaks of the line."""
    return loads(raw, called="This line")


def lines(raw: bytes) -> list[Any]:
    """The values of an NDJSON text; a line that is no JSON is a Malformed in its place. Blank lines are skipped."""
    values: list[Any] = []
    for one in raw.split(b"\n"):
        if not one.strip():
            continue
        try:
            values.append(line(one))
        except Malformed as malformed:
            values.append(malformed)
    return values


def flaws(value: Any) -> list[dict[str, str]]:
    """What is wrong inside a parsed value, as ``{"pointer", "code", "detail"}``; at most ten."""
    found: list[dict[str, str]] = []
    nodes = 0
    stack: list[tuple[Any, str, int]] = [(value, "", 0)]
    while stack and len(found) < 10:
        item, pointer, depth = stack.pop()
        nodes += 1
        if nodes > MAX_NODES:
            found.append(_flaw("", "too_many_nodes", f"More than {MAX_NODES} values in one event."))
            break
        if isinstance(item, Flaw):
            found.append(_flaw(pointer, item.code, item.detail))
        elif isinstance(item, str):
            problem = _string_problem(item)
            if problem:
                found.append(_flaw(pointer, *problem))
        elif isinstance(item, (dict, list)):
            if depth >= MAX_DEPTH:
                found.append(_flaw(pointer, "too_deep", f"Nested deeper than {MAX_DEPTH} levels."))
                continue
            if isinstance(item, dict):
                for key, child in item.items():
                    if len(key) > MAX_KEY or _string_problem(key):
                        found.append(_flaw(pointer, "bad_name", f"A name is longer than {MAX_KEY} or unprintable."))
                    else:
                        stack.append((child, f"{pointer}/{escape(key)}", depth + 1))
            else:
                stack.extend((child, f"{pointer}/{index}", depth + 1) for index, child in enumerate(item))
    return found


def escape(key: str) -> str:
    """A name as a JSON pointer token (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def plain(value: Any) -> Any:
    """The same value as the database's JSON can hold it: Decimals become floats."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _flaw(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _string_problem(text: str) -> tuple[str, str] | None:
    if len(text) > MAX_STRING:
        return "too_long", f"Longer than {MAX_STRING} characters."
    if "\x00" in text:
        return "nul", "NUL characters are not taken."
    if not text.isascii() and _SURROGATE.search(text):
        return "lone_surrogate", "A lone surrogate is not a character."
    return None


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    made = dict(pairs)
    return made if len(made) == len(pairs) else DUPLICATE


def _integer(text: str) -> int | Flaw:
    if len(text) > 17:
        return TOO_LARGE
    number = int(text)
    return number if abs(number) <= MAX_INTEGER else TOO_LARGE


def _number(text: str) -> Decimal | Flaw:
    if len(text) > 64:
        return TOO_LARGE
    try:
        number = Decimal(text)
    except InvalidOperation:
        return TOO_LARGE
    return number if number == 0 or -300 < number.adjusted() < 300 else TOO_LARGE


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=lambda _text: NOT_A_NUMBER,
)
