"""What is too large or too slow is turned away before the application sees it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.live import LiveSystem

pytestmark = pytest.mark.slow
LIMIT = 1024 * 1024


def _connect(system: LiveSystem) -> socket.socket:
    parts = urlsplit(system.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def _pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 10_000):
        yield b"x" * 10_000


@pytest.mark.parametrize("size", [LIMIT + 1, 8 * LIMIT])
def test_a_body_over_the_limit_gets_413_whether_its_length_is_told_or_not(live_system: LiveSystem, size: int) -> None:
    for content in (b"x" * size, _pieces(size + 20_000)):
        answer = httpx.post(f"{live_system.url}/api/v1/events/", content=content, timeout=30)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"]
        assert answer.json()["status"] == 413


def test_senders_that_never_finish_are_let_go(live_system: LiveSystem) -> None:
    with _connect(live_system) as headless, _connect(live_system) as bodiless:
        headless.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        bodiless.sendall(b"POST /api/v1/events/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert headless.recv(4096).startswith(b"HTTP/1.1 408")
        assert 4 < time.monotonic() - began < 9
        assert bodiless.recv(4096).startswith(b"HTTP/1.1 408")
        assert 9 < time.monotonic() - began < 15
    assert httpx.get(f"{live_system.url}/healthz").status_code == 200


def test_a_request_that_cannot_be_read_is_a_problem_and_not_a_page(live_system: LiveSystem) -> None:
    with _connect(live_system) as client:
        client.sendall("GET /é HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer
