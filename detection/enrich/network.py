"""What kind of network an address belongs to: hosting, CDN, VPN, Tor, a crawler's, or reserved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Protocol

import iporigin

RESERVED = iporigin.RESERVED


@dataclass(frozen=True, slots=True)
class Network:
    """``kind`` is None when no list knows the address: that is absence of evidence, never "residential"."""

    kind: str | None = None
    owner: str | None = None


NOWHERE = Network()


class Classifier(Protocol):
    """Offline data that knows the networks machines live in."""

    def __call__(self, ip: str) -> Network:
        """The network of an address; ``NOWHERE`` for what it does not know or cannot read."""


@lru_cache(maxsize=20_000)
def classify(ip: str) -> Network:
    """The network of an address by iporigin's lists."""
    address = canonical(ip)
    if address is None:
        return NOWHERE
    if ip_address(address).is_multicast:
        return Network(RESERVED)
    try:
        origin = iporigin.classify(address)  # type: ignore[no-untyped-call]
    except (ValueError, RuntimeError, OSError):  # its data missing or unreadable: we know less, we do not fail
        return NOWHERE
    if origin.kind == iporigin.UNKNOWN:
        return NOWHERE
    return Network(origin.kind, origin.provider or None)


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
