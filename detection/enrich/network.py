"""What network an address belongs to: its kind (hosting, CDN, VPN, Tor, a crawler's, reserved), number and owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

import iporigin
import maxminddb

from detection.enrich import files

RESERVED = iporigin.RESERVED
OWNER_NAMES = ("autonomous_system_organization", "as_name", "organization")


@dataclass(frozen=True, slots=True)
class Network:
    """``kind`` is None when no list knows the address: that is absence of evidence, never "residential"."""

    kind: str | None = None
    owner: str | None = None
    asn: int | None = None


NOWHERE = Network()


class Classifier(Protocol):
    """Offline data that knows the networks machines live in."""

    def __call__(self, ip: str) -> Network:
        """The network of an address; ``NOWHERE`` for what it does not know or cannot read."""


@lru_cache(maxsize=20_000)
def classify(ip: str) -> Network:
    """The network of an address: its kind by iporigin's lists, number and owner by a dropped ASN file."""
    address = canonical(ip)
    if address is None:
        return NOWHERE
    if ip_address(address).is_multicast:
        return Network(RESERVED)
    try:
        origin = iporigin.classify(address)  # type: ignore[no-untyped-call]
    except (ValueError, RuntimeError, OSError):  # its data missing or unreadable: we know less, we do not fail
        return _announced(address, NOWHERE)
    if origin.kind == iporigin.UNKNOWN:
        return _announced(address, NOWHERE)
    known = Network(origin.kind, origin.provider or None)
    return known if known.kind == RESERVED else _announced(address, known)


def _announced(address: str, known: Network) -> Network:
    """The same with the number of the network that announces the address, and its owner where no list names one."""
    numbers = files.reader(files.ASN)
    if numbers is None:
        return known
    try:
        entry = numbers.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        return known
    if not isinstance(entry, Mapping):
        return known
    owner = next((str(entry[name]) for name in OWNER_NAMES if entry.get(name)), None)
    return Network(known.kind, known.owner or owner, _number(entry))


def _number(entry: Mapping[str, Any]) -> int | None:
    """15169, or "AS15169", under the names in use."""
    value = entry.get("autonomous_system_number", entry.get("asn"))
    text = str(value).upper().removeprefix("AS")
    return int(text) if text.isdecimal() and int(text) < 2**32 else None


def is_reserved(ip: str) -> bool:
    """Whether an address is private, loopback, for documentation or otherwise no place on earth."""
    return classify(ip).kind == RESERVED


def canonical(ip: str) -> str | None:
    """The address in its one spelling, an IPv4 address inside an IPv6 one taken out; None when it is none."""
    try:
        address = ip_address(ip.strip())
    except (ValueError, AttributeError):
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))  # a zone (%eth0) is no part of the address
    return str(address)
