"""How the programs' door is set up; plain values, read by the project's settings."""

from __future__ import annotations

from typing import Any

#: The doors state their own classes; these hold for anything that does not: closed, and with nothing guessed.
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.StrictJSON"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.DoorSchema",
    "EXCEPTION_HANDLER": "api.errors.exception_handler",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "SecureRetail",
    "DESCRIPTION": "Report what your members do, ask before a payment goes through, work the alerts.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_NAME_OVERRIDES": {
        "AlertStatusEnum": ["open", "acknowledged", "escalated", "resolved"],
        "EventStateEnum": ["pending", "processed", "dead"],
        "LockStateEnum": ["restricted", "locked"],
        "LockScopeEnum": ["payments", "profile", "everything"],
        "ResultStatusEnum": ["accepted", "duplicate", "rejected", "conflict"],
        "ImportStatusEnum": ["accepted", "rejected"],
    },
}
