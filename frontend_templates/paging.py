"""Long lists, page by page into the past: each page begins after the last row of the one before, whatever is new."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


def older(rows: QuerySet[Row], before: str | None, *, size: int) -> tuple[list[Row], str]:
    """The newest rows by ``created_at``, older than the row named ``before``; and what names the next page, "" after
    the last one. A name that no row has begins at the newest."""
    found: Any = rows
    last = rows.model._default_manager.filter(pk=_key(before)).values_list("created_at", "pk").first()
    if last is not None:
        at, key = last
        found = found.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=key))
    page = list(found.order_by("-created_at", "-pk")[: size + 1])
    return page[:size], str(page[size - 1].pk) if len(page) > size else ""


def _key(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
