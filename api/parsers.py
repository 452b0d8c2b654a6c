"""Input: bounded first, typed second, parsed strictly last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from api.errors import Problem, fault, faulty
from detection.intake import strict_json

SINGLE = 256 * 1024
BATCH = 1024 * 1024
JSON = "application/json"
NDJSON = "application/x-ndjson"


def raw(request: HttpRequest, *, most: int = SINGLE, media_types: tuple[str, ...] = (JSON,)) -> bytes:
    """The body, once its size, type and encoding are fit to be read. Raises Problem 400, 413 or 415."""
    stated = request.META.get("CONTENT_LENGTH") or "0"
    if not stated.isascii() or not stated.isdigit():
        raise Problem(400, "The stated length of the body is not a number.", code="malformed")
    if int(stated) > most:
        raise too_large(most)
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "Send the body as it is, without Content-Encoding.", code="unsupported-media-type")
    found = request.body
    if len(found) > most:
        raise too_large(most)
    nothing = not found and request.content_type in ("", "application/x-www-form-urlencoded")
    if not nothing and request.content_type not in media_types:
        raise Problem(415, f"Send {' or '.join(media_types)}.", code="unsupported-media-type")
    return found


def too_large(most: int) -> Problem:
    return Problem(
        413,
        f"A body may have at most {most // 1024} KB here.",
        code="too-large",
        errors=[fault("", "Send less at once.", "too-large")],
    )


def parse(request: HttpRequest, body: bytes) -> Any:
    """The JSON value of a body, an empty body being an empty object; flaws inside are still in it. Raises Malformed."""
    named = (request.content_params or {}).get("charset", "utf-8")
    if named.lower() not in ("utf-8", "utf8"):
        raise Problem(415, "Send UTF-8.", code="unsupported-media-type")
    return strict_json.loads(body) if body else {}


def flawless(value: Any) -> Any:
    """The value again, when nothing inside it is out of bounds. Raises Problem 400 with pointers."""
    found = strict_json.flaws(value)
    if found:
        raise faulty(*found)
    return value


class StrictJSON(BaseParser):
    """The parser of every door: whatever reads ``request.data`` gets what the strict one lets through."""

    media_type = JSON

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        request = (parser_context or {})["request"]._request
        return flawless(parse(request, raw(request)))


class Unread(BaseParser):
    """For a door that takes more than JSON from people: the framework's look for a token in a form finds nothing, and
    the door reads the body itself."""

    media_type = JSON

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return {}


class StrictLines(BaseParser):
    """One event a line; the door of events reads them itself."""

    media_type = NDJSON

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        request = (parser_context or {})["request"]._request
        return strict_json.lines(raw(request, most=BATCH, media_types=(NDJSON,)))
