"""Data an operator drops into ``DATA_DIR/enrich``: city.mmdb and asn.mmdb in MaxMind's format, taken up within a minute
and without a restart. A file that cannot be read is left out and said in the log."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import maxminddb

from detection import conf

logger = logging.getLogger(__name__)

CITY, ASN = "city.mmdb", "asn.mmdb"
LOOK_EVERY = 60.0

_look_at = 0.0
_seen: dict[str, tuple[int, int]] | None = None


def folder() -> Path:
    return conf.current().data_dir / "enrich"


@cache
def reader(name: str) -> maxminddb.Reader | None:
    """What was dropped under this name, None when nothing was or it cannot be read."""
    path = folder() / name
    if not path.is_file():
        return None
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        logger.warning("%s in DATA_DIR/enrich is not used: %s", name, type(error).__name__)
        return None


def built_at(name: str) -> datetime | None:
    """When a dropped file was built."""
    found = reader(name)
    return datetime.fromtimestamp(found.metadata().build_epoch, UTC) if found else None


def changed() -> bool:
    """Whether files came, went or were replaced since the last look; looks once a minute at most."""
    global _look_at, _seen
    now = time.monotonic()
    if now < _look_at:
        return False
    _look_at = now + LOOK_EVERY
    found = {}
    for name in (CITY, ASN):
        try:
            stat = (folder() / name).stat()
            found[name] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            continue
    before, _seen = _seen, found
    return before is not None and before != found


def forget() -> None:
    """Look anew at the next question."""
    global _look_at
    _look_at = 0.0
    reader.cache_clear()
