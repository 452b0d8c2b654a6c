"""Identifiers that sort by time (UUIDv7, RFC 9562 section 5.7)."""

from __future__ import annotations

import os
import time
from datetime import datetime
from uuid import UUID


def first_id(moment: datetime) -> UUID:
    """Before every id made at that moment or later, after every one made earlier."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def id_at(moment: datetime, number: int) -> UUID:
    """The same id for the same moment and number, in its place among the others."""
    return UUID(int=first_id(moment).int | 0x7 << 76 | 0b10 << 62 | number)


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFFFFFFFFFFFFFF
    return UUID(int=value)
