"""Limits: token buckets in this process, so that counting costs nothing and needs nobody.

Each process counts for itself; with several, a caller's whole allowance is theirs together. Rates are settings:
``API_RATES = {"key": (2000, 10000)}`` gives tokens a second and how many may pile up.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Network
from math import ceil
from threading import Lock

from django.conf import settings

from api.errors import Problem, spread

#: (a second, burst)
RATES: dict[str, tuple[float, float]] = {
    "key": (2_000, 10_000),  # events of one key
    "address": (50, 500),  # writes and failed keys of one address before sign-in
    "session": (30, 200),  # writes of one signed-in person
    "code": (1, 30),  # codes asked for and entered by one member
    "login": (2, 30),  # sign-ins of one address
    "link": (1, 60),  # links in mails opened and answered from one address
    "registration": (5, 120),  # new demo members of one address
}
MOST_CALLERS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left: ``wait`` seconds when nothing, else 0."""

    burst: int
    left: int
    wait: float
    full_in: float
    window: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"default";q={self.burst};w={max(1, ceil(self.window))}',
            "RateLimit": f'"default";r={self.left};t={max(0, ceil(self.full_in))}',
        }


class Buckets:
    """One bucket a caller, all with one rate. A cost may overdraw; then the caller waits until it is paid back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._levels: dict[Hashable, tuple[float, float]] = {}
        self._lock = Lock()

    @property
    def rate(self) -> tuple[float, float]:
        return getattr(settings, "API_RATES", {}).get(self.name, RATES[self.name])

    def look(self, caller: Hashable) -> Allowance:
        """What is left, without taking any."""
        return self._charge(caller, 0)

    def take(self, caller: Hashable, cost: float = 1) -> Allowance:
        """Take ``cost`` when anything is left, else nothing; ``wait`` says which it was."""
        return self._charge(caller, cost)

    def demand(self, caller: Hashable, cost: float = 1) -> Allowance:
        """Take, or raise the 429 that says how long to wait."""
        allowance = self.take(caller, cost)
        if allowance.wait:
            raise too_many(allowance.wait)
        return allowance

    def forget(self) -> None:
        with self._lock:
            self._levels.clear()

    def _charge(self, caller: Hashable, cost: float) -> Allowance:
        rate, burst = self.rate
        caller, now = _whose(caller), time.monotonic()
        with self._lock:
            level, at = self._levels.get(caller, (burst, now))
            level = min(burst, level + (now - at) * rate)
            wait = (1 - level) / rate if level < 1 else 0.0
            if cost and not wait:
                level -= cost
            if cost or caller in self._levels:
                self._levels[caller] = (level, now)
            if len(self._levels) > MOST_CALLERS:
                self._drop_full(now, rate, burst)
        return Allowance(int(burst), max(0, int(level)), wait, (burst - level) / rate, burst / rate)

    def _drop_full(self, now: float, rate: float, burst: float) -> None:
        full = [who for who, (level, at) in self._levels.items() if level + (now - at) * rate >= burst]
        for who in full or list(self._levels)[: MOST_CALLERS // 2]:
            del self._levels[who]


def _whose(caller: Hashable) -> Hashable:
    """Of an IPv6 address the network its household owns: whoever has one address has 2^64 of them."""
    if isinstance(caller, tuple):
        return tuple(_whose(part) for part in caller)
    if isinstance(caller, str) and ":" in caller:
        with suppress(ValueError):
            return str(IPv6Network((caller, 64), strict=False))
    return caller


def too_many(wait: float) -> Problem:
    return Problem(429, "Too many requests. Try again shortly.", code="too-many-requests", retry_after=spread(wait))


keys = Buckets("key")
addresses = Buckets("address")
sessions = Buckets("session")
codes = Buckets("code")
logins = Buckets("login")
links = Buckets("link")
registrations = Buckets("registration")


def forget_everything() -> None:
    """Every caller starts afresh."""
    for buckets in (keys, addresses, sessions, codes, logins, links, registrations):
        buckets.forget()
