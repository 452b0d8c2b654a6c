"""Asking the database from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

Answer = TypeVar("Answer")


async def ask(question: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
    """Run a verb on a thread of its own, so that no slow answer holds up the other sockets. Its connection goes back
    when the answer is there."""

    def answer() -> Answer:
        try:
            return question(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(answer, thread_sensitive=False)()
