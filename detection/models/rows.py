"""Rows written and changed in bulk, one statement a table: what the ORM would do object by object, at a fraction of the
cost. For the few tables every event passes through; everything else uses the ORM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec
from django.db import connection, models

Row = Sequence[Any]
_encode = msgspec.json.Encoder().encode


class Table:
    """Inserts rows of a model that give values for ``names``, in this order; every other column has its default.

    A JSON column takes its text, a time an aware datetime, a foreign key the other's key.
    """

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        self._model = model
        self._names = tuple(names)

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert all rows."""
        if not rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._unnested, [*self._defaults, *map(list, zip(*rows, strict=True))])
            else:
                cursor.executemany(f"{self._into} VALUES {self._places}", self._adapted(rows))

    def insert_new(self, rows: Sequence[Row], *, returning: str) -> set[Any]:
        """Insert the rows that break no constraint; one column of those that were inserted, as the database has it."""
        with connection.cursor() as cursor:
            end = f" ON CONFLICT DO NOTHING RETURNING {_quoted(self._field(returning))}"
            if connection.vendor == "postgresql":
                cursor.execute(self._unnested + end, [*self._defaults, *map(list, zip(*rows, strict=True))])
            else:
                places = ", ".join([self._places] * len(rows))
                values = [value for row in self._adapted(rows) for value in row]
                cursor.execute(f"{self._into} VALUES {places}{end}", values)
            return {row[0] for row in cursor.fetchall()}

    def from_select(self, columns: str, source: str) -> tuple[str, list[Any]]:
        """An INSERT of these columns of a source, for a statement of one's own, and the defaults it takes."""
        chosen = ", ".join([columns, *["%s"] * len(self._left)])
        return f"{self._into} SELECT {chosen} {source}", self._defaults

    def _field(self, name: str) -> Any:
        return next(field for field in self._model._meta.concrete_fields if name in (field.name, field.attname))

    @cached_property
    def _given(self) -> list[Any]:
        return [self._field(name) for name in self._names]

    @cached_property
    def _left(self) -> list[Any]:
        return [
            field
            for field in self._model._meta.concrete_fields
            if field not in self._given and not isinstance(field, models.AutoField)
        ]

    @property
    def _defaults(self) -> list[Any]:
        if connection.vendor not in self._prepared:
            self._prepared[connection.vendor] = [
                field.get_db_prep_save(field.get_default(), connection) for field in self._left
            ]
        return self._prepared[connection.vendor]

    @cached_property
    def _prepared(self) -> dict[str, list[Any]]:
        return {}

    @cached_property
    def _into(self) -> str:
        columns = ", ".join(_quoted(field) for field in (*self._given, *self._left))
        return f"INSERT INTO {connection.ops.quote_name(self._model._meta.db_table)} ({columns})"

    @cached_property
    def _places(self) -> str:
        return f"({', '.join(['%s'] * len(self._given + self._left))})"

    @cached_property
    def _unnested(self) -> str:
        """One text whatever the number of rows: PostgreSQL parses and plans it alike."""
        casts = [_cast(field) for field in self._given]
        chosen = [f"u.c{n}{cast[1]}" for n, cast in enumerate(casts)] + ["%s"] * len(self._left)
        arrays = ", ".join(f"%s::{cast[0]}[]" for cast in casts)
        names = ", ".join(f"c{n}" for n in range(len(casts)))
        return f"{self._into} SELECT {', '.join(chosen)} FROM unnest({arrays}) AS u({names})"  # noqa: S608 - our own columns

    @cached_property
    def _adapters(self) -> list[Callable[[Any], Any] | None]:
        return [_ADAPTERS.get(field.get_internal_type()) for field in self._given]

    def _adapted(self, rows: Sequence[Row]) -> list[list[Any]]:
        adapters, defaults = self._adapters, self._defaults
        return [
            [
                value if adapt is None or value is None else adapt(value)
                for adapt, value in zip(adapters, row, strict=True)
            ]
            + defaults
            for row in rows
        ]


def adapters(
    model: type[models.Model], names: Sequence[str], connection: Any
) -> list[tuple[str, Callable[[Any], Any]]]:
    """The columns, each with what makes its value the database's, JSON from plain values: for one's own statements."""
    found: list[tuple[str, Callable[[Any], Any]]] = []
    for name in names:
        kind = model._meta.get_field(name).get_internal_type()
        if kind == "JSONField":
            found.append((name, _json))
        elif connection.vendor == "postgresql":
            found.append((name, _as_it_is))
        else:
            found.append((name, _or_none(_ADAPTERS.get(kind, _as_it_is))))
    return found


def _as_it_is(value: Any) -> Any:
    return value


def _or_none(adapt: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else adapt(value)


def _json(value: Any) -> str:
    return _encode(value).decode()


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(str(field.column))


def _cast(field: Any) -> tuple[str, str]:
    """The type of a column's array, and what its elements are cast to."""
    kind = str(field.db_type(connection))
    if kind == "jsonb":
        return "text", "::jsonb"
    return ("text", "") if kind.startswith("varchar") else (kind, "")


def _naive(moment: datetime) -> str:
    """A time as SQLite holds it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


_ADAPTERS: dict[str, Callable[[Any], Any]] = {"DateTimeField": _naive, "UUIDField": lambda value: value.hex}
