"""A MaxMind-format file of one IPv4 network, as small as the format allows."""

from __future__ import annotations

import struct
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

MARK = b"\xab\xcd\xefMaxMind.com"
EPOCH = 1_790_000_000


class Short(int):
    """An unsigned integer of 16 bits."""


class Long(int):
    """An unsigned integer of 64 bits."""


def write(path: Path, network: str, entry: dict[str, Any]) -> None:
    """One network with one record, written aside and renamed as an operator should."""
    wanted = IPv4Network(network)
    bits = [int(wanted.network_address) >> (31 - place) & 1 for place in range(wanted.prefixlen)]
    count = len(bits)
    tree = b""
    for place, bit in enumerate(bits):
        onward = place + 1 if place + 1 < count else count + 16  # the first record of the data section
        sides = (onward, count) if bit == 0 else (count, onward)
        tree += b"".join(side.to_bytes(3, "big") for side in sides)
    about = {
        "node_count": count,
        "record_size": Short(24),
        "ip_version": Short(4),
        "database_type": "test",
        "binary_format_major_version": Short(2),
        "binary_format_minor_version": Short(0),
        "build_epoch": Long(EPOCH),
        "languages": [],
        "description": {},
    }
    aside = path.with_suffix(".part")
    aside.write_bytes(tree + bytes(16) + _encoded(entry) + MARK + _encoded(about))
    aside.replace(path)


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        size = bytes([2 << 5 | len(raw)]) if len(raw) < 29 else bytes([2 << 5 | 29, len(raw) - 29])
        return size + raw
    if isinstance(value, Short):
        return bytes([5 << 5 | 2]) + struct.pack(">H", value)
    if isinstance(value, Long):
        return bytes([8, 9 - 7]) + struct.pack(">Q", value)
    if isinstance(value, int):
        return bytes([6 << 5 | 4]) + struct.pack(">I", value)
    if isinstance(value, list):
        return bytes([len(value), 11 - 7])
    pairs = b"".join(_encoded(key) + _encoded(item) for key, item in value.items())
    return bytes([7 << 5 | len(value)]) + pairs
