"""The OpenAPI page: what the doors cannot tell by themselves."""

from __future__ import annotations

from typing import Any

import yaml
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.validation import validate_schema

from api.permissions import Access
from api.serializers.shapes import ProblemShape
from detection.kernel.vocabulary import EventType, ListEffect, ListKind, RuleState, Severity, Truth
from detection.response import presets

PROBLEM = "application/problem+json"
PROBLEMS: dict[Any, Any] = {
    (status, PROBLEM): ProblemShape for status in (400, 401, 403, 404, 405, 409, 413, 415, 429, 503)
}
READ_PROBLEMS: dict[Any, Any] = {(status, PROBLEM): ProblemShape for status in (400, 401, 403, 404, 429, 503)}


def _text(most: int = 128, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": most, **more}


_FIELDS: dict[str, Any] = {
    "event_id": _text(
        minLength=1, description="Your id, unique per app. Sent again it is a duplicate, not a new event."
    ),
    "type": {
        "type": "string",
        "anyOf": [{"enum": [kind.value for kind in EventType]}, {"pattern": r"^custom\.[a-z0-9][a-z0-9_.\-]{0,56}$"}],
    },
    "occurred_at": {"type": "string", "format": "date-time", "description": "Default: now. -24 h to +2 min."},
    "member_id": _text(minLength=1, description="Your customer's id. Absent for guests where a guest can act."),
    "account_exists": {"type": "boolean", "description": "On login.failed: did the name exist?"},
    **{name: _text() for name in ("session_id", "device_id", "payment_method_id", "recipient_id", "order_id")},
    "ip": {"type": "string", "description": "The customer's address, IPv4 or IPv6."},
    "user_agent": _text(2048),
    "country": {"type": "string", "pattern": "^[A-Za-z]{2}$"},
    "city": _text(),
    "latitude": {"type": "number", "minimum": -90, "maximum": 90},
    "longitude": {"type": "number", "minimum": -180, "maximum": 180},
    "asn": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "amount": {"anyOf": [{"type": "string", "pattern": r"^\d{1,16}(\.\d{1,4})?$"}, {"type": "number", "minimum": 0}]},
    "currency": {"type": "string", "description": "ISO 4217, together with amount."},
    "payment": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{
                name: _text()
                for name in (
                    [
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
                )
            },
            "three_ds": {"anyOf": [{"type": "boolean"}, _text(64)]},
            "psp_score": {"type": "number"},
        },
    },
    "path": _text(2048),
    "http_status": {"type": "integer", "minimum": 100, "maximum": 599},
    "referrer": _text(2048),
    "query": _text(2048),
    "email": _text(254),
    "phone": _text(32),
    "changed": {"type": "array", "items": _text(64), "maxItems": 50},
    "metadata": {"type": "object", "description": "Anything of your own, at most 8 KB."},
}
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": _FIELDS,
    "example": {
        "event_id": "order-1017-attempt-1",
        "type": "transaction.attempted",
        "member_id": "mia",
        "ip": "81.2.69.142",
        "device_id": "d-1",
        "amount": "249.00",
        "currency": "EUR",
    },
}
BATCH_OF_EVENTS: dict[str, Any] = {
    "type": "object",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {"events": {"type": "array", "minItems": 1, "maxItems": 500, "items": EVENT}},
}
DECISION: dict[str, Any] = EVENT | {
    "properties": _FIELDS | {"deadline_ms": {"type": "integer", "minimum": 1, "maximum": 60_000}}
}
_MEMBER_FIELDS: dict[str, Any] = {
    "member_id": _text(minLength=1),
    "email": _text(254),
    "phone": _text(32),
    **{
        name: {"type": "string", "format": "date-time"}
        for name in ("verified_at", "email_verified_at", "phone_verified_at", "created_at")
    },
    "locale": _text(16),
    "time_zone": _text(64),
}
MEMBER: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": _MEMBER_FIELDS}
LIST_ENTRY: dict[str, Any] = {
    "type": "object",
    "required": ["effect", "kind", "value", "reason"],
    "additionalProperties": False,
    "properties": {
        "effect": {"type": "string", "enum": [effect.value for effect in ListEffect]},
        "kind": {"type": "string", "enum": [kind.value for kind in ListKind]},
        "value": _text(200, description="an address may be a network: 203.0.113.0/24; a network is AS64500 or a name"),
        "reason": _text(500, minLength=1),
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
    },
    "example": {"effect": "block", "kind": "address", "value": "203.0.113.0/24", "reason": "card testing, case 4711"},
}
_VERSION: dict[str, Any] = {"type": "integer", "minimum": 0}
_SET_BY = {
    "note": _text(500, description="why"),
    "if_version": {**_VERSION, "description": "the version this was made from; another by now answers 409"},
}
RULE_CHANGE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "state": {"type": "string", "enum": [state.value for state in RuleState]},
        "parameters": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
            "description": 'only what changes; a duration in seconds or as "10m"; null goes back to the rule\'s own',
        },
        "severity": {
            "type": ["string", "null"],
            "enum": [*(severity.value for severity in Severity), None],
            "description": "its usual severity: what it finds milder or graver moves along; null: the rule's own",
        },
        **_SET_BY,
    },
    "example": {"state": "shadow", "parameters": {"limit": 8, "window": "15m"}, "note": "Too many on Mondays."},
}
RULE_ROLLBACK: dict[str, Any] = {
    "type": "object",
    "required": ["version"],
    "additionalProperties": False,
    "properties": {"version": _VERSION, **_SET_BY},
    "example": {"version": 0},
}
_CHANGED = RULE_CHANGE["properties"]
RULE_BACKTEST: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{name: _CHANGED[name] for name in ("state", "parameters", "severity")},
        "from": {"type": "string", "description": "ISO 8601 with a zone, or a day (UTC); default: seven days back"},
        "to": {"type": "string", "description": "as from; default: now. At most 31 days"},
    },
    "example": {"parameters": {"limit": 8, "window": "15m"}},
}
PRESET_CHOICE: dict[str, Any] = {
    "type": "object",
    "required": ["preset"],
    "additionalProperties": False,
    "properties": {
        "preset": {"type": "string", "enum": [preset.name for preset in presets.every()]},
        "dry_run": {"type": "boolean", "default": False, "description": "say what would change and change nothing"},
    },
    "example": {"preset": "retail", "dry_run": True},
}
PRESET_UNDO: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "additionalProperties": False,
    "properties": {"batch": {"type": "string", "format": "uuid"}},
}
_LIST_ENTRIES: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": 10_000, "items": LIST_ENTRY}
LIST_ENTRIES: dict[str, Any] = {
    "oneOf": [
        _LIST_ENTRIES,
        {
            "type": "object",
            "required": ["entries"],
            "additionalProperties": False,
            "properties": {"entries": _LIST_ENTRIES},
        },
    ]
}
_LABEL_KEYS: dict[str, Any] = {
    "event_id": _text(minLength=1),
    "order_id": _text(minLength=1),
    "psp_payment_id": _text(minLength=1),
    "payment": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"psp_payment_id": _text(minLength=1)},
    },
}
LABEL: dict[str, Any] = {
    "type": "object",
    "required": ["label"],
    "additionalProperties": False,
    "description": "Exactly one of event_id, order_id and psp_payment_id says what is meant.",
    "properties": {
        **_LABEL_KEYS,
        "label": {"type": "string", "enum": [truth.value for truth in Truth]},
        "decided_at": {"type": "string", "format": "date-time", "description": "Default: now."},
        "source": _text(64, description="Who says so: a provider, a team."),
    },
    "example": {"order_id": "1017", "label": "chargeback", "decided_at": "2026-11-20T09:00:00Z", "source": "stripe"},
}
LABELS: dict[str, Any] = {
    "type": "object",
    "required": ["labels"],
    "additionalProperties": False,
    "properties": {"labels": {"type": "array", "minItems": 1, "maxItems": 500, "items": LABEL}},
}
MEMBERS: dict[str, Any] = {
    "type": "object",
    "required": ["members"],
    "additionalProperties": False,
    "properties": {"members": {"type": "array", "minItems": 1, "maxItems": 500, "items": MEMBER}},
}


class DoorSchema(AutoSchema):  # type: ignore[misc]
    """Adds to each call who may make it, from the door's own word."""

    def get_description(self) -> str:
        access = self.view.access.get(self.method.upper())
        return f"{super().get_description()}\n\n{_admitted(access)}" if access else str(super().get_description())

    def get_auth(self) -> list[dict[str, list[str]]]:
        access = self.view.access.get(self.method.upper())
        keys = access is not None and (access.scope is not None or access.any_key)
        people = access is not None and bool(access.roles or access.member)
        return [{"key": []}] * keys + [{"session": []}] * people


def _admitted(access: Access) -> str:
    admitted = []
    if access.scope:
        admitted.append(f"a key with the scope `{access.scope.value}`")
    if access.any_key:
        admitted.append("any key")
    if access.roles:
        admitted.append("staff: " + ", ".join(sorted(role.value for role in access.roles)))
    if access.member:
        admitted.append("the signed-in member")
    return f"For {'; '.join(admitted)}." if admitted else "For everybody."


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "api.authentication.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An app's key: sk_<prefix>_<secret>. A key may ask for signed requests (X-Signature).",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "api.authentication.PersonAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A signed-in person; writes send X-CSRFToken from the csrftoken cookie.",
        }


def document() -> dict[str, Any]:
    """The whole page. Raises when it is not valid OpenAPI."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(made)
    return made


def as_yaml() -> str:
    """The page as it is committed in ``docs/openapi.yaml``."""
    from drf_spectacular.renderers import OpenApiYamlRenderer

    rendered: bytes = OpenApiYamlRenderer().render(document(), renderer_context={})
    assert yaml.safe_load(rendered)
    return rendered.decode()
