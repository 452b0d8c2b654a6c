"""Pulses: each part says that it lives, and whoever asks hears how long ago.

``beat``, ``worker`` (which judges) and ``chores`` (which does everything else) are written by the processes themselves;
``queue:…`` by a canary that went through the broker, that queue and a worker, so it also says that work gets done.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from detection.conf import current
from tasks.breaker import Breaker
from tasks.queues import QUEUES

PARTS = ("beat", "worker", "chores", *(f"queue:{queue}" for queue in QUEUES))
FORGOTTEN_AFTER = 3600

_breaker = Breaker(first=0.5, longest=2.0)


def write(part: str) -> bool:
    """Note that a part lives; whether it could be noted. Never raises and takes two seconds at most."""
    if _breaker.open:
        return False
    try:
        client().set(_key(part), repr(time.time()), ex=FORGOTTEN_AFTER)
    except (RedisError, OSError):
        _breaker.failed()
        return False
    _breaker.worked()
    return True


def read() -> dict[str, float] | None:
    """Seconds since the last pulse of each part that was heard within the hour; None when Valkey does not answer."""
    if _breaker.open:
        return None
    try:
        found = cast("list[str | None]", client().mget([_key(part) for part in PARTS]))
    except (RedisError, OSError):
        _breaker.failed()
        return None
    _breaker.worked()
    now = time.time()
    return {part: max(now - float(at), 0.0) for part, at in zip(PARTS, found, strict=True) if at is not None}


def client() -> Redis:
    """A connection that gives up after two seconds and does not try twice."""
    return _client(current().redis_features_url)


@lru_cache(maxsize=4)
def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=2,
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _key(part: str) -> str:
    return f"pulse:{part}"
