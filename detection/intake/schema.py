"""The event as the contract has it, field by field. Types are strict; nothing unknown is taken."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from detection.conf import NEWEST, OLDEST
from detection.intake.currencies import CURRENCIES
from detection.intake.strict_json import escape, plain
from detection.kernel.vocabulary import ADDRESS_IS_ENOUGH, CUSTOM_PREFIX, GUEST_ALLOWED, EventType

TYPES = frozenset(str(kind) for kind in EventType)
_CUSTOM = re.compile(r"custom\.[a-z0-9][a-z0-9_.\-]{0,56}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>,;:\"\x00-\x1f]{1,64}@[^\s@<>,;:\"\x00-\x1f]{1,189}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()\-./]{3,31}")
_AMOUNT = re.compile(r"\d{1,16}(\.\d{1,4})?")
_PAYMENT_TEXTS = [
    "bin",
    "card_country",
    "funding",
    "avs",
    "cvc",
    "decline_code",
    "psp",
    "psp_payment_id",
    "shipping_key",
    "billing_key",
]
MAX_METADATA = 8 * 1024
MAX_AMOUNT = Decimal(9999999999999999)


class Wrong(Exception):
    """A field that can't be taken."""

    def __init__(self, code: str, detail: str, below: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.below = code, detail, below


@dataclass(slots=True)
class Draft:
    """A validated event: ``body`` in wire names, normalised."""

    event_id: str | None
    type: str
    occurred_at: datetime
    member_id: str | None
    body: dict[str, Any]
    errors: list[dict[str, str]] = field(default_factory=list)


def validate(payload: Any, *, now: datetime, historic: bool = False) -> Draft:
    """A draft; its ``errors`` are empty when the event can be taken. ``historic`` lifts the limit on age."""
    draft = Draft(None, "", now, None, {})
    if not isinstance(payload, dict):
        draft.errors.append(_error("", "not_an_object", "An event is a JSON object."))
        return draft
    for name, value in payload.items():
        checker = FIELDS.get(name)
        if checker is None:
            draft.errors.append(
                _error(f"/{escape(name)}", "unknown_field", "Unknown field; anything of your own goes in metadata.")
            )
        elif value is not None or name == "type":
            try:
                draft.body[name] = checker(value)
            except Wrong as wrong:
                draft.errors.append(_error(f"/{name}{wrong.below}", wrong.code, wrong.detail))
    if "type" not in payload:
        draft.errors.append(_error("/type", "required", "Every event has a type."))
    if not draft.errors:
        _together(draft, now, historic)
    return draft


def _together(draft: Draft, now: datetime, historic: bool) -> None:
    """What holds between fields."""
    body = draft.body
    draft.type = body.pop("type")
    draft.event_id = body.pop("event_id", None)
    draft.member_id = body.pop("member_id", None)
    draft.occurred_at = body.pop("occurred_at", now)
    wrong = draft.errors.append
    if draft.occurred_at > now + NEWEST:
        wrong(_error("/occurred_at", "in_the_future", "More than two minutes ahead of our clock."))
    elif not historic and draft.occurred_at < now - OLDEST:
        wrong(_error("/occurred_at", "too_old", "Older than 24 hours: history comes in by import_events."))
    for one, other in (
        ("amount", "currency"),
        ("currency", "amount"),
        ("latitude", "longitude"),
        ("longitude", "latitude"),
    ):
        if one in body and other not in body:
            wrong(_error(f"/{other}", "required", f"{one} and {other} come together."))
    if draft.member_id is None:
        if draft.type not in GUEST_ALLOWED:
            wrong(_error("/member_id", "required", f"{draft.type} needs a member_id."))
        elif not any(body.get(name) for name in ("session_id", "device_id", "email", "payment_method_id")) and not (
            draft.type in ADDRESS_IS_ENOUGH and body.get("ip")
        ):
            wrong(
                _error(
                    "/member_id", "required", "A guest is known by session_id, device_id, email or payment_method_id."
                )
            )


def _error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def text(most: int, least: int = 1) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string", "Must be a string.")
        if not least <= len(value) <= most:
            raise Wrong("length", f"Must have {least} to {most} characters.")
        return value

    return check


def _type(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    if value in TYPES or (value.startswith(CUSTOM_PREFIX) and _CUSTOM.fullmatch(value)):
        return value
    raise Wrong("unknown_type", "Not in the vocabulary; your own types start with custom.")


def moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string: ISO 8601 with a zone.")
    if not _TIME.fullmatch(value) or not value.isascii():
        raise Wrong("not_a_time", "Must be ISO 8601 with a zone, like 2026-11-01T12:00:00Z.")
    try:
        made = datetime.fromisoformat(value.replace("z", "Z").replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Wrong("not_a_time", "Not a moment of the calendar.") from None
    if not 1970 <= made.year <= 9000:
        raise Wrong("not_a_time", "Not a moment of the calendar.")
    return made


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("not_a_boolean", "Must be true or false.")
    return value


def _ip(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    try:
        address = ipaddress.ip_address(value) if "%" not in value and len(value) <= 45 else None
    except ValueError:
        address = None
    if address is None:
        raise Wrong("not_an_address", "Must be an IPv4 or IPv6 address.")
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _country(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    if not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise Wrong("not_a_country", "Must be a two-letter country code (ISO 3166-1).")
    return value.upper()


def _number_between(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise Wrong("not_a_number", "Must be a number.")
        if not low <= value <= high:
            raise Wrong("range", f"Must be between {low:g} and {high:g}.")
        return float(value)

    return check


def _integer_between(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong("not_an_integer", "Must be a whole number.")
        if not low <= value <= high:
            raise Wrong("range", f"Must be between {low} and {high}.")
        return value

    return check


def _amount(value: Any) -> str:
    """Decimal(20,4) as text. A string keeps its places and has at most four, a number is rounded to four."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Wrong("not_an_amount", "Must be a decimal string or a number.")
    if isinstance(value, str) and not (value.isascii() and _AMOUNT.fullmatch(value)):
        raise Wrong("not_an_amount", "Must be a decimal of zero or more, like 19.90, with at most four places.")
    try:
        number = Decimal(value)
        if not 0 <= number <= MAX_AMOUNT:
            raise Wrong("range", "Must be zero or more, and at most 9999999999999999.")
        if not isinstance(value, str):
            number = number.quantize(Decimal("0.0001"), ROUND_HALF_EVEN).normalize()
    except InvalidOperation:
        raise Wrong("not_an_amount", "Must be a decimal string or a number.") from None
    return format(number, "f")


def _currency(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    if value.upper() not in CURRENCIES:
        raise Wrong("unknown_currency", "Must be an ISO 4217 code, like EUR.")
    return value.upper()


def _email(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    if len(value) > 254 or not _EMAIL.fullmatch(value):
        raise Wrong("not_an_email", "Must be an e-mail address.")
    local, _, domain = value.rpartition("@")
    return f"{local}@{domain.lower()}"


def _phone(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_a_string", "Must be a string.")
    if not (value.isascii() and _PHONE.fullmatch(value)):
        raise Wrong("not_a_phone", "Must be a phone number, best as +491701234567.")
    return ("+" if value.startswith("+") else "") + "".join(c for c in value if c.isdigit())


def _changed(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > 50:
        raise Wrong("not_a_list", "Must be a list of at most 50 field names.")
    name = text(64)
    for index, item in enumerate(value):
        try:
            name(item)
        except Wrong as wrong:
            raise Wrong(wrong.code, wrong.detail, f"/{index}") from None
    return value


def _payment(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong("not_an_object", "Must be an object.")
    made: dict[str, Any] = {}
    for name, item in value.items():
        checker = _PAYMENT_FIELDS.get(name)
        if checker is None:
            raise Wrong("unknown_field", "Unknown field.", f"/{escape(name)}")
        if item is None:
            continue
        try:
            made[name] = checker(item)
        except Wrong as wrong:
            raise Wrong(wrong.code, wrong.detail, f"/{name}") from None
    return made


def _three_ds(value: Any) -> str | bool:
    return value if isinstance(value, bool) else text(64)(value)


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong("not_an_object", "Must be an object.")
    made: dict[str, Any] = plain(value)
    if len(json.dumps(made, ensure_ascii=False).encode("utf-8", "replace")) > MAX_METADATA:
        raise Wrong("too_large", "Must be at most 8 KB.")
    return made


_PAYMENT_FIELDS: dict[str, Callable[[Any], Any]] = {
    **{name: text(128) for name in _PAYMENT_TEXTS},
    "card_country": _country,
    "three_ds": _three_ds,
    "psp_score": _number_between(-1e9, 1e9),
}

FIELDS: dict[str, Callable[[Any], Any]] = {
    "event_id": text(128),
    "type": _type,
    "occurred_at": moment,
    "member_id": text(128),
    "account_exists": _boolean,
    "session_id": text(128),
    "device_id": text(128),
    "ip": _ip,
    "user_agent": text(2048, 0),
    "country": _country,
    "city": text(128, 0),
    "latitude": _number_between(-90, 90),
    "longitude": _number_between(-180, 180),
    "asn": _integer_between(0, 2**32 - 1),
    "amount": _amount,
    "currency": _currency,
    "payment_method_id": text(128),
    "recipient_id": text(128),
    "order_id": text(128),
    "payment": _payment,
    "path": text(2048, 0),
    "http_status": _integer_between(100, 599),
    "referrer": text(2048, 0),
    "query": text(2048, 0),
    "email": _email,
    "phone": _phone,
    "changed": _changed,
    "metadata": _metadata,
}
