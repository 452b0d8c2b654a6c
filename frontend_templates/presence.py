"""Who else looks at an alert right now. Known for half a minute, kept in Valkey, and never worth an error."""

from __future__ import annotations

import time
from uuid import UUID

from redis.exceptions import RedisError

from tasks import pulse

SEEN_FOR = 30.0


def looking(alert_id: UUID, name: str, *, gone: bool = False) -> list[str]:
    """Note that somebody looks, or has left; the others who look, by name. Empty when Valkey does not answer."""
    key, now = f"looking:{alert_id}", time.time()
    try:
        pipe = pulse.client().pipeline(transaction=False)
        if gone:
            pipe.zrem(key, name)
        else:
            pipe.zadd(key, {name: now})
        pipe.zremrangebyscore(key, "-inf", now - SEEN_FOR)
        pipe.expire(key, int(SEEN_FOR))
        pipe.zrange(key, 0, 19)
        found = pipe.execute()[-1]
    except (RedisError, OSError):
        return []
    return sorted(other for other in found if other != name)
