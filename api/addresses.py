"""Where a request came from, as far as it can be known."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address: the peer's own, or the one our outermost trusted proxy saw.

    Only as many entries of ``X-Forwarded-For`` count as there are proxies of ours; the rest is the caller's invention.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    chain = [peer]
    if settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        chain = [entry.strip() for entry in forwarded.split(",") if entry.strip()] + [peer]
    seen = chain[-min(settings.TRUSTED_PROXIES + 1, len(chain))]
    return _address(seen) or _address(peer)


def from_this_machine(request: HttpRequest) -> bool:
    """Whether a program on this very machine asks, and no proxy stands in between."""
    if any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")):
        return False
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    return peer is not None and ipaddress.ip_address(peer).is_loopback


def _address(text: str) -> str | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
