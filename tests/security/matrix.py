"""The access matrix: who gets which answer at which door. The file is the promise, the code only reads it.

A row is a route, a method and a thing (``-`` none, ``mia``: mia's or the shop's own, ``missing``: none there is). The
columns are the callers; ``scope`` names the scopes whose keys get ``key``; keys of other scopes get ``no_scope``;
``other_key`` is what the same scope gets in the hands of another app. A method without a row lets nobody in.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

FILE = Path(__file__).with_name("access_matrix.csv")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALLERS = ("anonymous", "expired", "revoked", "disabled", "mia", "sam", "locked", "olga", "ada", "auditor")
COLUMNS = ("route", "method", "thing", *CALLERS, "scope", "key", "other_key", "no_scope")


@dataclass(frozen=True)
class Row:
    route: str
    method: str
    thing: str
    cells: dict[str, int]
    scopes: frozenset[str]
    key: int
    other_key: int
    no_scope: int

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.thing}"


def rows() -> list[Row]:
    with FILE.open(newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


def sockets() -> list[dict[str, str]]:
    with FILE.with_name("socket_matrix.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _row(line: dict[str, str]) -> Row:
    return Row(
        route=line["route"],
        method=line["method"],
        thing=line["thing"],
        cells={caller: int(line[caller]) for caller in CALLERS},
        scopes=frozenset(line["scope"].split()),
        key=int(line["key"]),
        other_key=int(line["other_key"]),
        no_scope=int(line["no_scope"]),
    )


def routes(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Every address of the whole site, as its pattern reads."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def path_of(route: str, names: dict[str, dict[str, str]], thing: str) -> str:
    """An address of a route, for a thing that is or for one that is not."""
    chosen = "missing" if thing == "missing" else "mia"
    if route.startswith("^"):
        return "/" + route.lstrip("^") + "nothing/"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names[found[1]][chosen], route)
