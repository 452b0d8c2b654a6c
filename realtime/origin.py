"""Only our own pages may open a socket: the browser sends the cookies whoever asks, but it also says who asked."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

PORTS = {"http": 80, "https": 443}

Headers = Iterable[tuple[bytes, bytes]]
Origin = tuple[str, str, int]


def is_ours(headers: Headers) -> bool:
    """Whether the handshake comes from a page with the very scheme, host and port it was sent to, or one of
    ``ALLOWED_ORIGINS``. No origin, two of them, or one that cannot be read is not ours."""
    given = list(headers)
    origins, hosts = _all(given, b"origin"), _all(given, b"host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin = _parse(origins[0])
    return origin is not None and origin in _allowed(hosts[0], "https" if _secure(given) else "http")


def _allowed(host: str, scheme: str) -> set[Origin]:
    named = {_parse(text) for text in getattr(settings, "ALLOWED_ORIGINS", ())}
    domain, _ = split_domain_port(host)
    if domain and validate_host(domain, settings.ALLOWED_HOSTS):
        named.add(_parse(f"{scheme}://{host}"))
    return {origin for origin in named if origin is not None}


def _parse(text: str) -> Origin | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    rest = (parts.path, parts.query, parts.fragment, parts.username or "", parts.password or "")
    if parts.scheme not in PORTS or not parts.hostname or any(rest) or text != text.strip():
        return None
    return parts.scheme, parts.hostname.lower(), port or PORTS[parts.scheme]


def _secure(headers: list[tuple[bytes, bytes]]) -> bool:
    trusted = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    if not trusted:
        return False
    name, value = trusted
    found = _all(headers, name.removeprefix("HTTP_").replace("_", "-").lower().encode())
    return bool(found) and found[0].split(",")[0].strip() == value


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin1") for key, value in headers if key.lower() == name]
