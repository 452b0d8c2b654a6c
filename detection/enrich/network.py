"""What network an address belongs to: its kind (hosting, CDN, VPN, Tor, crawler, mobile, reserved), number, owner."""

from __future__ import annotations

import logging
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

import iporigin
import maxminddb

from detection.enrich import bundled, files

logger = logging.getLogger(__name__)

RESERVED = iporigin.RESERVED
MOBILE = "mobile"
NETWORKS = "networks.mmdb"
NETWORKS_DIGEST = "784435177bcb7594721f15633d6de98476e7d882ebc79b65eb661d8c9eae5430"  # of the unpacked file
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
    """The network of an address: its kind by iporigin's lists and that of mobile carriers, number and owner by a
    dropped ASN file or the bundled one."""
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


def built_at() -> datetime | None:
    """When the data that knows numbers and owners was built; None when there is none."""
    found = readers()
    return datetime.fromtimestamp(found[0].metadata().build_epoch, UTC) if found else None


def readers() -> tuple[maxminddb.Reader, ...]:
    """The files to ask for number and owner, best first."""
    return tuple(found for found in (files.reader(files.ASN), _bundled()) if found is not None)


@cache
def _bundled() -> maxminddb.Reader | None:
    try:
        return bundled.open_packed(NETWORKS, NETWORKS_DIGEST)
    except (OSError, lzma.LZMAError, maxminddb.InvalidDatabaseError) as error:
        logger.warning("The bundled network data is not used: %s", type(error).__name__)
        return None


@cache
def _carriers() -> frozenset[int]:
    """The networks that carry mobile phones and next to nothing else."""
    lines = (bundled.DATA / "mobile.tsv").read_text(encoding="utf-8").splitlines()
    return frozenset(int(line.partition("\t")[0]) for line in lines if not line.startswith("#"))


def _announced(address: str, known: Network) -> Network:
    """The same with the number of the network that announces the address, and its owner where no list names one."""
    for reader in readers():
        try:
            entry = reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            continue  # an IPv6 address in an IPv4 file, or a damaged record
        if isinstance(entry, Mapping):
            number = _number(entry)
            owner = next((str(entry[name]) for name in OWNER_NAMES if entry.get(name)), None)
            if number in _carriers() and known.kind in (None, iporigin.HOSTING):
                return Network(MOBILE, owner, number)  # a list of servers names a fifth of Free Mobile's phones
            return Network(known.kind, known.owner or owner, number)
    return known


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
