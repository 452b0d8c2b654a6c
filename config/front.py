"""What daphne leaves open: a body larger than any door takes, a sender that never finishes, and errors as web pages.

daphne reads a whole request before the application sees it, so these limits have to stand in its own request class.
"""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from typing import Any

import daphne.http_protocol
from django.conf import settings
from twisted.internet import reactor
from twisted.web.http import HTTPChannel

HEADERS_WITHIN = 5.0
BODY_WITHIN = 10.0
CODES = {400: "malformed", 408: "too-slow", 413: "too-large", 503: "unavailable"}


def install() -> None:
    """Let daphne make our requests instead of its own; it looks the class up for every connection."""
    daphne.http_protocol.WebRequest = FrontRequest
    HTTPChannel._respondToBadRequestAndDisconnect = refuse_unreadable


def problem(status: int, detail: str) -> bytes:
    """An error in the one shape all our errors have."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": CODES.get(status, "")}
    return json.dumps({**told, "detail": detail, "errors": []}).encode()


def refuse_unreadable(channel: HTTPChannel) -> None:
    """Answer what is not even a request, in our shape and not with an empty line."""
    channel.transport.write(_whole(400, "This is not a request that can be read."))
    channel.loseConnection()


class FrontRequest(daphne.http_protocol.WebRequest):  # type: ignore[misc]
    """A request that must arrive in time and fit. What does not is answered at once, read out and thrown away."""

    # The application parses forms itself; here it would only be done twice, and a bad one answered without a word.
    _parsePOSTFormSubmission = False  # noqa: N815 - Twisted's name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._answered = False
        self._size = 0
        self._clock: Any = None
        super().__init__(*args, **kwargs)
        self._allow(HEADERS_WITHIN)

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        self._allow(BODY_WITHIN)
        if length is not None and length > settings.LARGEST_BODY:
            self._too_large()
        super().gotLength(0 if self._answered else length)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._size += len(data)
        if self._size > settings.LARGEST_BODY:
            self._too_large()
        if not self._answered:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        self._stop_clock()
        if self._answered:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        self._stop_clock()
        super().connectionLost(reason)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """daphne's own refusals, in our shape."""
        content = problem(status, f"{body}.".replace("..", "."))
        headers = [(name, value) for name, value in _headers(content) if name != b"Connection"]
        self.serverResponse({"type": "http.response.start", "status": status, "headers": headers})
        self.serverResponse({"type": "http.response.body", "body": content})

    # --- clocks and refusals ------------------------------------------------------------------------------
    def _allow(self, seconds: float) -> None:
        self._stop_clock()
        self._clock = reactor.callLater(seconds, self._too_slow)  # type: ignore[attr-defined]

    def _stop_clock(self) -> None:
        if self._clock is not None and self._clock.active():
            self._clock.cancel()
        self._clock = None

    def _too_slow(self) -> None:
        self._answer(408, "The request did not arrive in time.")
        self.channel.loseConnection()

    def _too_large(self) -> None:
        self._answer(413, f"A request body may have at most {settings.LARGEST_BODY} bytes.")

    def _answer(self, status: int, detail: str) -> None:
        """Write a whole answer past the application; the rest of the request is read and forgotten."""
        if self._answered or self.channel is None:
            return
        self._answered = True
        self.channel.transport.write(_whole(status, detail))


def _whole(status: int, detail: str) -> bytes:
    """An answer as it goes over the wire."""
    content = problem(status, detail)
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
    return b"\r\n".join([head, *(name + b": " + value for name, value in _headers(content)), b"", content])


def _headers(content: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"Content-Type", b"application/problem+json"),
        (b"Content-Length", str(len(content)).encode()),
        (b"X-Request-Id", uuid.uuid4().hex.encode()),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Cache-Control", b"no-store"),
        (b"Connection", b"close"),
    ]
