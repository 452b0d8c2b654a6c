"""Redact before storing: card numbers, card secrets, passwords and tokens never reach a table."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from detection.conf import current

#: Names whose values are dropped, in lower case with underscores: some whole, some as the end of a longer one.
_SECRET_NAMES = re.compile(
    r"cid|pin|pin_code|pan|track_?[12]?(_?data)?|cookie|set_cookie|password_confirmation|"
    r"(.+_)?(cv[vc]2?(_code)?|security_code|pass(word|wd|wrd|w|code|phrase)|pwd|secret|token|jwt|authorization|"
    r"(api|private|access|secret)_?key|card_?number|otp|(otp|one_time|verification)_code)"
)
_SECRET_SHAPES = re.compile(
    r"\bsk_[0-9A-Za-z]+_[0-9A-Za-z_\-]{16,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\bBearer\s+\S{8,}"
)
NETWORKS = frozenset("23456")  # the first digits of card networks
#: Digits as people and addresses write a long number, and the groups they are written in.
_NUMBER = re.compile(r"\d(?:(?:%2[0Dd]|[ \t\-._/+]){0,3}\d)+")
_GROUP = re.compile(r"%2[0Dd]|(\d+)")
#: A digest in hexadecimal: its digits are no number.
_DIGEST = re.compile(r"(?<![0-9A-Za-z])(?=\d*[A-Fa-f])[0-9A-Fa-f]{24,}(?![0-9A-Za-z])")
MOST_TRIED = 400  # groups of digits a text; the numbers after them are masked unread
_DOUBLED = {"0": 0, "1": 2, "2": 4, "3": 6, "4": 8, "5": 1, "6": 3, "7": 5, "8": 7, "9": 9}
#: Ids are opaque and compared by rules; one that is a card number is kept as a keyed pseudonym.
PSEUDONYMISED = ("payment_method_id", "recipient_id", "order_id", "session_id", "device_id")
#: Ids people look things up by; they stay as they were sent.
KEPT = frozenset({"event_id", "member_id", "type", "occurred_at", "ip", "amount"})


def redact(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload without what must not be kept; the same input gives the same output."""
    clean: dict[str, Any] = {}
    for name, value in payload.items():
        if name in KEPT:
            clean[name] = value
        elif name in PSEUDONYMISED and isinstance(value, str):
            clean[name] = _pseudonym(value) if _many_digits(value) and _cards(_folded(value)) else value
        else:
            clean[name] = _clean(value)
    return clean


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        # `cvc` beside `avs` is a check's result ("pass"), not the number: only digits are dropped.
        return {
            _text(key): _clean(item)
            for key, item in value.items()
            if not _names_secret(key) or (key == "cvc" and not any(c.isdigit() for c in str(item)))
        }
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        digits = str(abs(value)).removesuffix(".0")
        return _masked(digits) if _is_card(digits) else value
    return value


@lru_cache(maxsize=4096)
def _names_secret(name: str) -> bool:
    """Whether a field of this name holds a secret: ``newPassword``, ``new-password`` and ``New Password`` are one."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", unicodedata.normalize("NFKC", name))
    return _SECRET_NAMES.fullmatch(re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")) is not None


def _text(text: str) -> str:
    if len(text) < 8:
        return text
    if _many_digits(text):
        folded = _folded(text)
        cards = _cards(folded)
        for start, end in reversed(cards):
            folded = folded[:start] + _masked(folded[start:end]) + folded[end:]
        text = folded if cards else text
    if "sk_" in text or "eyJ" in text or "earer" in text:
        text = _SECRET_SHAPES.sub("[redacted]", text)
    return text


def _many_digits(text: str) -> bool:
    """Whether there are enough for a card number at all."""
    return len(text) >= 13 and sum(map(str.isdigit, text)) >= 13


def _folded(text: str) -> str:
    """The text with every digit, dash and space in its plain form, and without what cannot be seen."""
    if text.isascii():
        return text
    return "".join(map(_plain, unicodedata.normalize("NFKC", text)))


def _plain(char: str) -> str:
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    return {"Cf": "", "Pd": "-", "Zs": " "}.get(kind, char)


def _cards(text: str) -> list[tuple[int, int]]:
    """Where card numbers stand, whatever stands before and after them; what overlaps is one place."""
    found: list[tuple[int, int]] = []
    text = _DIGEST.sub(lambda digest: "x" * len(digest[0]), text)
    tried = 0
    for number in _NUMBER.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *number.span()) if group[1]]
        tried += len(groups)
        if tried > MOST_TRIED:
            found.append(number.span())
            continue
        for place, (start, _) in enumerate(groups):
            if text[start] in NETWORKS:
                for end in _ends(text, groups[place : place + 19]):
                    begun = found.pop()[0] if found and found[-1][1] > start else start
                    found.append((begun, end))
    return found


def _ends(text: str, groups: list[tuple[int, int]]) -> Iterator[int]:
    """Where a card number that begins with these groups of digits may end."""
    digits = ""
    for start, end in groups:
        digits += text[start:end]
        if len(digits) > 19:
            return
        if _is_card(digits):
            yield end


def _is_card(digits: str) -> bool:
    """13 to 19 digits, a card network's first digit, and the Luhn sum (ISO/IEC 7812-1)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in NETWORKS or not (digits.isascii() and digits.isdecimal()):
        return False
    return (sum(map(int, digits[::-2])) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def _masked(text: str) -> str:
    digits = "".join(group[1] or "" for group in _GROUP.finditer(text))
    return f"{digits[:6]}…{digits[-4:]}"


def _pseudonym(text: str) -> str:
    """One name for a card however it is written; what stands beside the number keeps two ids apart."""
    folded = _folded(text)
    beside = re.sub(r"[\d \-.]", "", folded).encode()
    digits = "".join(c for c in folded if c.isdecimal())
    return "card_" + hmac.new(current().otp_key, b"card" + digits.encode() + beside, hashlib.sha256).hexdigest()[:24]
