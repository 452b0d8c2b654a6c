"""Taking turns: two beats, or a task handed out twice, do the rare and heavy things once."""

from __future__ import annotations

import structlog
from redis.exceptions import RedisError

from tasks import pulse

logger = structlog.get_logger(__name__)


def take(name: str, *, seconds: int) -> bool:
    """Whether this caller is the first within so many seconds. Yes when nobody can tell: the work may run twice."""
    try:
        return bool(pulse.client().set(f"turn:{name}", "taken", nx=True, ex=seconds))
    except (RedisError, OSError) as error:
        logger.info("turn.unknown", turn=name, error=type(error).__name__)
        return True
