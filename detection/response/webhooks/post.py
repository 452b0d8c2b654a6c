"""One request to an address a stranger named: to where its name led when it was checked, five seconds, no redirects."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Self
from urllib.parse import urlsplit

from detection.response.webhooks.addresses import Forbidden, Resolve, reachable

SECONDS = 5.0
MOST_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request went. What the other side said beyond its status is read and forgotten."""

    status: int | None
    error: str
    duration_ms: int

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def words(self) -> str:
        return self.error or f"answered {self.status}"


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    loopback: bool = False,
    seconds: float = SECONDS,
    resolve: Resolve | None = None,
) -> Answer:
    """Send it. Whatever the other side does, this returns within ``seconds`` of the name's being resolved."""
    begun = time.monotonic()
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    status, error = None, ""
    try:
        port = parts.port or (443 if secure else 80)
        addresses = reachable(host, port, loopback=loopback, resolve=resolve)
        with _Pinned(host, port, addresses, secure=secure, until=time.monotonic() + seconds) as line:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            status = line.ask(path, body, {**headers, "Connection": "close", "User-Agent": "SecureRetail"})
    except Forbidden as refused:
        error = f"not asked: {refused}"
    except TimeoutError:
        error = f"no answer within {seconds:g} s"
    except ssl.SSLCertVerificationError:
        error = "its certificate does not hold"
    except (OSError, HTTPException, ValueError) as fault:
        error = type(fault).__name__
    return Answer(status, error, int((time.monotonic() - begun) * 1000))


class _Pinned(HTTPConnection):
    """A connection to addresses that were checked, under the name they were checked for, closed when time is up."""

    def __init__(self, host: str, port: int, addresses: list[str], *, secure: bool, until: float) -> None:
        super().__init__(host, port)
        self.default_port = 443 if secure else 80
        self._addresses = addresses
        self._context = ssl.create_default_context() if secure else None
        self._until = until
        self._late = False
        self._watch: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watch:
            self._watch.cancel()
        self.close()

    def connect(self) -> None:
        sock = self._reach()
        if self._context:
            sock = self._context.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = sock
        # A time-out of the socket counts from byte to byte: one who sends a byte a second would hold us for ever.
        self._watch = threading.Timer(max(self._until - time.monotonic(), 0.0), self._hang_up)
        self._watch.daemon = True
        self._watch.start()
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()

    def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, whose body is read up to a bound so that its sender can finish."""
        try:
            self.request("POST", path, body=body, headers=headers)
            response = self.getresponse()
        except (OSError, HTTPException, ValueError) as fault:
            if self._late:
                raise TimeoutError from fault
            raise
        with suppress(OSError, HTTPException, ValueError):
            response.read(MOST_READ)
        return response.status

    def _reach(self) -> socket.socket:
        for last, address in enumerate(self._addresses, start=1):
            try:
                left = max(self._until - time.monotonic(), 0.01)
                return socket.create_connection((address, self.port), timeout=left)
            except OSError:
                if last == len(self._addresses):
                    raise
        raise OSError

    def _hang_up(self) -> None:
        self._late = True
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
