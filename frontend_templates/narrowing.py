"""The feed's filters as they stand in the address: read, applied, counted without ever counting to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet
from django.utils import timezone

from api import filters
from detection.kernel.vocabulary import AlertStatus
from detection.models import Alert

#: Nobody needs to know how many beyond this.
COUNTED = 1000
WITHIN = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}

Chosen = dict[str, str]


def chosen(given: Mapping[str, str]) -> Chosen:
    """The filters in an address that mean something. They are those of the REST list, word for word, and ``within``."""
    found = {}
    for name, parse in filters.FILTERS.items():
        text = given.get(name, "").strip()
        if not text:
            continue
        try:
            parse(text)
        except filters.Unfit:
            continue
        found[name] = text
    if given.get("within", "") in WITHIN:
        found["within"] = given["within"]
    return found


def of_query(query: str) -> Chosen:
    """The same from a query string."""
    return chosen(dict(parse_qsl(query[:4000])))


def apply(rows: QuerySet[Alert], wanted: Chosen) -> QuerySet[Alert]:
    """The alerts that pass; what was put aside stays out unless it is asked for."""
    if "snoozed" not in wanted:
        rows = rows.filter(filters.FILTERS["snoozed"]("false"))
    for name, text in wanted.items():
        if name == "within":
            rows = rows.filter(last_seen_at__gte=timezone.now() - WITHIN[text][1])
        else:
            rows = rows.filter(filters.FILTERS[name](text))
    return rows


def count(wanted: Chosen) -> int:
    """How many pass, counted to just beyond ``COUNTED``."""
    return apply(Alert.objects.order_by(), wanted).values("pk")[: COUNTED + 1].count()


def shown_count(number: int) -> str:
    """A count as people read it: "1,000+" where it was not counted on."""
    return f"{COUNTED:,}+" if number > COUNTED else str(number)


def address(wanted: Chosen) -> str:
    """Where these filters live. No filter is written out too, or the person's default view would open instead."""
    return f"?{urlencode(wanted)}" if wanted else "?status="


def _by_status(others: Chosen) -> dict[str, int]:
    """How many of each status: told apart in one look where few match, else counted one by one to the bound."""
    found = apply(Alert.objects.order_by(), others).values_list("status", flat=True)[: COUNTED + 1]
    counted = Counter(found)
    if counted.total() <= COUNTED:
        return {status.value: counted[status.value] for status in AlertStatus}
    return {status.value: count(others | {"status": status.value}) for status in AlertStatus}


def tabs(wanted: Chosen) -> list[dict[str, Any]]:
    """A tab a status, and one for what was put aside, each with how many it holds under the other filters."""
    others = {name: text for name, text in wanted.items() if name not in ("status", "snoozed")}
    current = "snoozed" if wanted.get("snoozed") == "true" else wanted.get("status", "")
    numbers = _by_status(others)
    choices = [("", "All", others, sum(numbers.values()))]
    choices += [(s.value, s.capitalize(), others | {"status": s.value}, numbers[s.value]) for s in AlertStatus]
    aside = others | {"snoozed": "true"}
    choices.append(("snoozed", "Snoozed", aside, count(aside)))
    return [
        {"key": key, "name": name, "url": address(to), "count": shown_count(number), "current": key == current}
        for key, name, to, number in choices
    ]
