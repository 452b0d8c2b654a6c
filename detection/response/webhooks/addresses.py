"""Which addresses a webhook may go to: none that only we could reach."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

LONGEST = 2000
#: IPv4 behind a translator: the last 32 bits are the address that is really asked.
TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))

Resolve = Callable[[str, int], list[str]]


class Forbidden(Exception):
    """The address may not be asked; the text says why, and nothing of what the name resolved to."""


def faults(url: str, *, loopback: bool) -> list[str]:
    """Why this cannot be an endpoint's address; empty when it can. What its name resolves to is looked at when sending,
    every time. With ``loopback`` plain HTTP to this very machine is taken too."""
    if len(url) > LONGEST or not re.fullmatch(r"[\x21-\x7e]+", url):
        return ["Plain characters without spaces, at most 2000."]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ["This is not a web address."]
    host = parts.hostname or ""
    if loopback and parts.scheme in ("http", "https") and (host == "localhost" or _loopback(host)):
        return []
    found = []
    if parts.scheme != "https":
        found.append("It has to begin with https://.")
    if port not in (None, 443):
        found.append("Only port 443 is asked.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        found.append("Leave out user names, passwords and #fragments.")
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?|[0-9a-f:.]+", host):
        found.append("It names no host.")
    elif _literal(host) is not None and not public(host):
        found.append("It is an address nobody outside can reach.")
    return found


def reachable(host: str, port: int, *, loopback: bool, resolve: Resolve | None = None) -> list[str]:
    """What a name resolves to, asked once. Raises Forbidden when any of the answers is not a public address."""
    answers = (resolve or resolved)(host, port)
    if not answers:
        raise Forbidden("its name has no address")
    if loopback and all(map(_loopback, answers)):
        return answers
    if not all(map(public, answers)):
        raise Forbidden("its name leads to an address that is not public")
    return answers


def resolved(host: str, port: int) -> list[str]:
    """Every address of a name, IPv4 first."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise Forbidden("its name cannot be resolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in sorted(found, key=lambda e: e[0] != socket.AF_INET)))


def public(text: str) -> bool:
    """Whether the whole world can reach this address, seen through every way of hiding an IPv4 in an IPv6."""
    address = _literal(text)
    return address is not None and all(_global(each) for each in _faces(address))


def _global(address: IPv4Address | IPv6Address) -> bool:
    refused = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    site = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (refused or site or address.is_link_local or address.is_loopback)


def _faces(address: IPv4Address | IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        hidden = [address.sixtofour, *(address.teredo or ())]
        if any(address in network for network in TRANSLATED):
            return [IPv4Address(int(address) & 0xFFFFFFFF)]
        return [address, *(each for each in hidden if each is not None)]
    return [address]


def _literal(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _loopback(text: str) -> bool:
    address = _literal(text)
    return address is not None and all(each.is_loopback for each in _faces(address))
