"""Pages by keyset: the next page starts after a row, never at a number, so its cost and content do not drift."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.utils.urls import replace_query_param

from api.errors import Problem, fault, faulty

PAGE = 50
LARGEST_PAGE = 200

Parse = Callable[[Any], Any]


def moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found


def whole(value: Any) -> int:
    if type(value) is not int or abs(value) > 2**62:
        raise ValueError
    return value


def identifier(value: Any) -> UUID:
    return UUID(value)


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort: a column, how to read its value back from a cursor, and the unique key that breaks ties."""

    column: str
    parse: Parse
    descending: bool = True
    key: str = "pk"
    parse_key: Parse = identifier

    @property
    def fields(self) -> tuple[str, ...]:
        sign = "-" if self.descending else ""
        return (f"{sign}{self.column}",) if self.column == self.key else (f"{sign}{self.column}", f"{sign}{self.key}")

    def beyond(self, value: Any, key: Any, *, backwards: bool) -> Q:
        side = "lt" if self.descending != backwards else "gt"
        if self.column == self.key:
            return Q(**{f"{self.key}__{side}": key})
        return Q(**{f"{self.column}__{side}": value}) | Q(**{self.column: value, f"{self.key}__{side}": key})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows with the addresses of its neighbours."""

    rows: list[Any]
    next: str | None
    previous: str | None

    def wire(self, show: Callable[[Any], Any], **extra: Any) -> dict[str, Any]:
        return {"next": self.next, "previous": self.previous, **extra, "results": [show(row) for row in self.rows]}


def paginate(request: Any, rows: QuerySet[Any], order: Order) -> Page:
    """The page a request asks for by ``cursor`` and ``limit``. Raises Problem 400 for either being malformed."""
    limit = page_size(request.query_params)
    backwards, value, key = _read(request.query_params.get("cursor"), order)
    fields = order.fields
    if backwards:
        fields = tuple(name[1:] if name.startswith("-") else f"-{name}" for name in fields)
    if key is not None:
        rows = rows.filter(order.beyond(value, key, backwards=backwards))
    found = list(rows.order_by(*fields)[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found.reverse()
    has_next = bool(found) if backwards else more
    has_previous = more if backwards else key is not None and bool(found)
    return Page(
        rows=found,
        next=_link(request, order, found[-1], backwards=False) if has_next else None,
        previous=_link(request, order, found[0], backwards=True) if has_previous else None,
    )


def page_size(params: Mapping[str, str]) -> int:
    text = params.get("limit")
    if text is None:
        return PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= LARGEST_PAGE:
        raise faulty(fault("/limit", f"A whole number from 1 to {LARGEST_PAGE}."))
    return int(text)


def only(params: Mapping[str, Any], *known: str) -> None:
    """Raises Problem 400 when a query parameter is not known or comes twice."""
    errors = [
        fault(f"/{name}"[:130], "This parameter is not known here.", "unknown") for name in params if name not in known
    ]
    lists = getattr(params, "lists", None)
    if lists:
        errors += [
            fault(f"/{name}", "Give this once.") for name, values in lists() if name in known and len(values) > 1
        ]
    errors += [
        fault(f"/{name}", "This has a character that cannot be.")
        for name in params
        if name in known and ("\x00" in params[name] or len(params[name]) > 2000)
    ]
    if errors:
        raise faulty(*errors)


def _read(text: str | None, order: Order) -> tuple[bool, Any, Any]:
    if text is None:
        return False, None, None
    try:
        packed = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        direction, value, key = packed
        if direction not in ("n", "p"):
            raise ValueError
        return direction == "p", order.parse(value), order.parse_key(key)
    except (ValueError, TypeError, AttributeError, RecursionError, UnicodeError, binascii.Error):
        raise Problem(
            400,
            "This cursor is not one of ours.",
            code="invalid-cursor",
            errors=[fault("/cursor", "Follow next and previous as they were given.")],
        ) from None


def _link(request: Any, order: Order, row: Any, *, backwards: bool) -> str:
    value = getattr(row, order.column)
    key = getattr(row, order.key)
    packed = [
        "p" if backwards else "n",
        value.isoformat() if isinstance(value, datetime) else value if isinstance(value, int) else str(value),
        key if isinstance(key, int) else str(key),
    ]
    text = base64.urlsafe_b64encode(json.dumps(packed, separators=(",", ":")).encode()).rstrip(b"=").decode()
    return replace_query_param(request.build_absolute_uri(), "cursor", text)
