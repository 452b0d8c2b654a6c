"""Redact before storing: card numbers, card secrets, passwords and tokens never reach a table."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from typing import Any

from detection.conf import current

_SECRET_NAMES = re.compile(
    r"^(cvv2?|cvc2?|cid|pin|passw(or)?d|passwd|pwd|secret|client_secret|token|access_token|refresh_token|id_token|"
    r"api_?key|authorization|cookie|set-cookie|track[12]?(_data)?|card_?number|pan|otp|one_time_code)$",
    re.IGNORECASE,
)
_SECRET_SHAPES = re.compile(
    r"\bsk_[0-9A-Za-z]+_[0-9A-Za-z_\-]{16,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\bBearer\s+\S{8,}"
)
_CARD = re.compile(r"(?<![\w])(?:\d[ \-.]?){12,18}\d(?![\w])")
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
            clean[name] = _pseudonym(value) if _is_card(value) else value
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
            if not _SECRET_NAMES.match(key) or (key == "cvc" and not any(c.isdigit() for c in str(item)))
        }
    if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
        return _masked(str(value))
    return value


def _text(text: str) -> str:
    if len(text) < 8:
        return text
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if sum(c.isdigit() for c in folded) >= 13:
        masked = _CARD.sub(lambda match: _masked(match[0]) if _is_card(match[0]) else match[0], folded)
        text = masked if masked != folded else text
    if "sk_" in text or "eyJ" in text or "earer" in text:
        text = _SECRET_SHAPES.sub("[redacted]", text)
    return text


def _digits(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isdigit())


def _is_card(text: str) -> bool:
    """13 to 19 digits, a card network's first digit, and the Luhn sum (ISO/IEC 7812-1)."""
    if len(text) > 40 or not re.fullmatch(r"[\d \-.]+", unicodedata.normalize("NFKC", text)):
        return False
    digits = _digits(text)
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456":
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if index % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _masked(text: str) -> str:
    digits = _digits(text)
    return f"{digits[:6]}…{digits[-4:]}"


def _pseudonym(text: str) -> str:
    return "card_" + hmac.new(current().otp_key, b"card" + _digits(text).encode(), hashlib.sha256).hexdigest()[:24]
