"""Bytes that mean the same everywhere: RFC 8785 JSON, NFC text, no floats."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Any

import rfc8785

from detection.kernel.records import iso

SCHEMA = 1
GENESIS = hashlib.sha256(b"\x00SecureRetail audit log").hexdigest()


def canonical(value: Any) -> Any:
    """A JSON value with one possible spelling. Raises TypeError for what has no place in the log."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {str(canonical(key)): canonical(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no place in the audit log")


def leaf_hash(entry: dict[str, Any], seq: int, prev_hash: str) -> str:
    """SHA-256 over 0x00 and the canonical bytes of schema, seq, prev and entry (domain separation as in RFC 6962)."""
    content: dict[str, Any] = {"schema": SCHEMA, "seq": seq, "prev": prev_hash, "entry": entry}
    return hashlib.sha256(b"\x00" + rfc8785.dumps(content)).hexdigest()
