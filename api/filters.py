"""The filters of the alert list: each name once, a bad value is told, an unknown name too."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from api.errors import Fault, fault, faulty
from api.pagination import Order, moment, whole
from detection.kernel.vocabulary import AlertStatus, Severity
from detection.models import Alert, AlertDetector

LONGEST = 300


class Unfit(Exception):
    """A value that cannot be; its text says what can."""


def _text(value: str) -> str:
    if not value or len(value) > LONGEST or "\x00" in value:
        raise Unfit(f"1 to {LONGEST} characters.")
    return value


def _one_or_more_of(allowed: frozenset[str]) -> Callable[[str], list[str]]:
    def parse(value: str) -> list[str]:
        chosen = [part.strip() for part in value.split(",")]
        if not all(part in allowed for part in chosen):
            raise Unfit(f"One or more of {', '.join(sorted(allowed))}, with commas between.")
        return chosen

    return parse


def _country(value: str) -> str:
    if not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise Unfit("A two-letter country code.")
    return value.upper()


def _ip(value: str) -> str:
    try:
        if "%" in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise Unfit("An IPv4 or IPv6 address.") from None


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise Unfit("true or false.")
    return value == "true"


def _moment(value: str) -> datetime:
    try:
        found = moment(value.replace(" ", "+"))  # a plus that was not encoded arrives as a space
        if not 1970 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise Unfit("ISO 8601 with a zone.") from None
    return found


def _snoozed(wanted: bool) -> Q:
    aside = Q(snoozed_until__gt=timezone.now())
    return aside if wanted else Q(snoozed_until=None) | Q(snoozed_until__lte=timezone.now())


def _by_detector(value: str) -> Q:
    return Q(pk__in=AlertDetector.objects.filter(detector=_text(value)).values("alert"))


def _by_assignee(value: str) -> Q:
    if value == "none":
        return Q(assignee=None)
    people = get_user_model().objects.filter(username=_text(value))
    return Q(assignee=people.values("pk")[:1])  # one look for the person, then the index of what is theirs


def _search(value: str) -> Q:
    text = _text(value.strip())
    found = Q()
    for column in ("title", "summary", "subject", "event_id", "ip", "device"):
        found |= Q(**{f"{column}__icontains": text})
    return found


FILTERS: dict[str, Callable[[str], Q]] = {
    "status": lambda v: Q(status__in=_one_or_more_of(frozenset(s.value for s in AlertStatus))(v)),
    "severity": lambda v: Q(severity__in=_one_or_more_of(frozenset(s.value for s in Severity))(v)),
    "member": lambda v: Q(member__member_id=_text(v)),
    "detector": _by_detector,
    "country": lambda v: Q(country=_country(v)),
    "ip": lambda v: Q(ip=_ip(v)),
    "device": lambda v: Q(device=_text(v)),
    "network": lambda v: Q(context__network_kind=_text(v)),
    "snoozed": lambda v: _snoozed(_flag(v)),
    "disputed": lambda v: Q(disputed=_flag(v)),
    "assignee": _by_assignee,
    "q": _search,
    "occurred_after": lambda v: Q(last_seen_at__gte=_moment(v)),
    "occurred_before": lambda v: Q(first_seen_at__lte=_moment(v)),
}

_COLUMNS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "created_at": ("created_at", moment),
    "last_seen_at": ("last_seen_at", moment),
    "risk_score": ("risk_score", whole),
    "severity": ("severity_rank", whole),
}
ORDERINGS = tuple(sign + name for name in _COLUMNS for sign in ("-", ""))


def narrowed(rows: QuerySet[Alert], params: Mapping[str, str]) -> QuerySet[Alert]:
    """The alerts that pass every filter given. Raises Problem 400 naming each one that cannot be."""
    faults: list[Fault] = []
    for name, parse in FILTERS.items():
        if name in params:
            try:
                rows = rows.filter(parse(params[name]))
            except Unfit as unfit:
                faults.append(fault(f"/{name}", str(unfit)))
    if faults:
        raise faulty(*faults)
    return rows


def ordering(params: Mapping[str, str]) -> Order:
    """How the caller wants the list sorted, newest first by default. Raises Problem 400."""
    wanted = params.get("ordering", "-created_at")
    if wanted not in ORDERINGS:
        raise faulty(fault("/ordering", f"One of {', '.join(ORDERINGS)}."))
    column, parse = _COLUMNS[wanted.removeprefix("-")]
    return Order(column, parse, descending=wanted.startswith("-"))
