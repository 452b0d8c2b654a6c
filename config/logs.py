"""Logs: readable in a terminal, JSON lines in production, and never a secret in either."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

HIDDEN = "•••"
#: A value under one of these names is hidden whole, whatever it is.
SECRET_NAMES = re.compile(
    r"(?i)(^|_)(password|passwd|passphrase|secret|token|code|otp|authorization|cookie|api_?key|private_?key|"
    r"csrfmiddlewaretoken|csrftoken|sessionid|cvc|cvv|pan|card_?number|signature)s?$"
)
PLAIN_NAMES = frozenset({"status_code", "code_path", "http_code", "exit_code", "return_code"})
_API_KEY = re.compile(r"\bsk_([A-Za-z0-9]{1,32})_[A-Za-z0-9_-]{6,}")
_CREDENTIALS = re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?)?(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{6,}")
_HEADER = re.compile(r"(?i)\b(cookie|set-cookie|x-signature|x-csrftoken)(['\"]?\s*[:=]\s*).+")
_ASSIGNED = re.compile(
    r"(?i)\b((?:\w+_)?(?:password|passwd|secret|token|otp|code|api_?key|sessionid|csrftoken|cvc|cvv)['\"]?\s*[:=]\s*['\"]?)"
    r"[^\s'\",;&}]+"
)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_LINK = re.compile(r"(/(?:portal|answer|login/password/[^/\s]+)/)[^/\s?\"']+")
_UNLOCK_CODE = re.compile(r"(?<![\w.-])\d{4}[ -]?\d{4}(?![\w-]|\.\d)")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")


def masked(text: str) -> str:
    """The text with keys, credentials, unlock codes and card numbers made unreadable."""
    text = _API_KEY.sub(rf"sk_\1_{HIDDEN}", text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _CREDENTIALS.sub(lambda found: f"{found.group(1) or ''}{found.group(2)} {HIDDEN}", text)
    text = _ASSIGNED.sub(rf"\g<1>{HIDDEN}", text)
    text = _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)
    text = _LINK.sub(rf"\1{HIDDEN}", text)
    text = _CARD.sub(_hide_card, text)
    return _UNLOCK_CODE.sub(HIDDEN, text)


def mask_secrets(_logger: Any, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The structlog step that hides secrets, whether they are named or only look like one."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool) or key.startswith("_"):
        return value
    if key not in PLAIN_NAMES and SECRET_NAMES.search(key) and not isinstance(value, Mapping):
        return HIDDEN
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bytes):
        return masked(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if isinstance(value, int | float):
        return HIDDEN if masked(str(value)) != str(value) and isinstance(value, int) else value
    return masked(str(value))


def _hide_card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found.group())
    if digits.startswith("0") or not _luhn(digits):
        return found.group()
    return f"{digits[:6]}{HIDDEN}{digits[-4:]}"


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _steps() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]


def configure_structlog() -> None:
    """Send structlog through the standard library, so that every line passes the same masking."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_steps(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def configuration(*, level: str, json: bool) -> dict[str, Any]:
    """The logging configuration for ``LOGGING``: JSON lines, or lines for a person at a terminal."""
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=True, default=str)
        if json
        else structlog.dev.ConsoleRenderer(
            colors=_colourful(),
            pad_event_to=0,
            pad_level=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _steps(),
                "processors": [remove, mask_secrets, last],
            }
        },
        "filters": {"faults": {"()": "config.logs.FaultsOnly"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django.request": {"filters": ["faults"]}}
        | {
            name: {"level": quiet}
            for name, quiet in {
                "django.channels.server": "WARNING",
                "django.security.DisallowedHost": "CRITICAL",  # a traceback for every scanner's foreign name
                "daphne": "WARNING",
                "tornado.access": "WARNING",
                "httpx": "WARNING",
                "numba": "WARNING",
                "matplotlib": "WARNING",
                "asyncio": "WARNING",
                "celery.redirected": "WARNING",
                "celery.worker.strategy": "WARNING",
                "celery.app.trace": "WARNING",
                "celery.beat": "WARNING",
                "flower.command": "WARNING",
                "flower.inspector": "ERROR",  # it asks before the worker is there, and again later
                "kombu": "WARNING",
            }.items()
        },
    }


class FaultsOnly(logging.Filter):
    """Django's own word on an answer is wanted for faults; refusals are logged once, by our middleware."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 500)
        return status >= 500 and status != 503


def _colourful() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stderr.isatty()
