"""No request body grows beyond what any door takes: it is refused while it arrives, before it is kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """Answers 413 problem+json to a body over ``LARGEST_BODY``, by its stated length or by counting what comes."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = settings.LARGEST_BODY
        if _stated_length(scope) > limit:
            await _refuse(send, limit)
            return
        counted = _Counted(receive, limit)
        try:
            await self.app(scope, counted, send)
        except _TooLargeError:
            await _refuse(send, limit)


class _TooLargeError(Exception):
    """The body went over the limit while being read."""


class _Counted:
    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive = receive
        self.left = limit

    async def __call__(self) -> Message:
        message = await self.receive()
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise _TooLargeError
        return message


def _stated_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(send: Send, limit: int) -> None:
    problem = {
        "type": "about:blank",
        "title": "Too large",
        "status": 413,
        "detail": f"A request body may have at most {limit} bytes.",
        "errors": [{"pointer": "", "code": "too-large", "detail": "Send less at once."}],
    }
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", uuid.uuid4().hex.encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
