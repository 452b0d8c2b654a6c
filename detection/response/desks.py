"""How each of the staff likes the console: wishes for every page, and the views of the feed they keep."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from detection.models import Desk, SavedView

MOST_VIEWS = 12
LONGEST_NAME, LONGEST_QUERY = 60, 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a view was not kept, in words."""

    why: str


def of(user: Any) -> Desk:
    """The person's desk; one that was never settled is as it comes."""
    return Desk.objects.filter(user=user.pk).first() or Desk(user_id=user.pk)


def settle(user: Any, *, time_zone: str, keys: bool) -> Desk:
    """Keep the person's wishes. A zone nobody knows is left aside."""
    zone = time_zone if time_zone in zoneinfo.available_timezones() else ""
    desk, _ = Desk.objects.update_or_create(user_id=user.pk, defaults={"time_zone": zone, "keys": keys})
    return desk


def views(user: Any) -> list[SavedView]:
    """The person's views by name."""
    return list(SavedView.objects.filter(user=user.pk).order_by("name")[:MOST_VIEWS])


def default_view(user: Any) -> SavedView | None:
    """What the feed opens with when nothing is asked for."""
    return SavedView.objects.filter(user=user.pk, is_default=True).first()


def keep(user: Any, *, name: str, query: str, default: bool = False) -> SavedView | Refused:
    """Keep a view under a name; the same name again replaces it. One view at most is the default."""
    name = name.strip()[:LONGEST_NAME]
    if not name:
        return Refused("Please give the view a name.")
    if len(query) > LONGEST_QUERY:
        return Refused("These filters are too long to be kept.")
    with transaction.atomic():
        mine = SavedView.objects.select_for_update().filter(user=user.pk)
        if len(mine) >= MOST_VIEWS and not mine.filter(name=name).exists():
            return Refused(f"You keep {MOST_VIEWS} views already. Let one go first.")
        if default:
            mine.update(is_default=False)
        view, _ = SavedView.objects.update_or_create(
            user_id=user.pk, name=name, defaults={"query": query, "is_default": default}
        )
    return view


def let_go(user: Any, view_id: int) -> bool:
    """Remove one of the person's own views; whether it was there."""
    return bool(SavedView.objects.filter(user=user.pk, pk=view_id).delete()[0])
