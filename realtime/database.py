"""Asking the database from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from channels.db import database_sync_to_async

Answer = TypeVar("Answer")


async def ask(question: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
    """Run a verb on a thread of its own, so that no slow answer holds up the other sockets."""
    return await database_sync_to_async(question, thread_sensitive=False)(*args, **kwargs)
