"""What alerts and events have in common: devices, addresses, networks, countries, cards and mail domains, looked for in
what is newest, so that a look costs the same in a small house and a large one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from detection.kernel import lists
from detection.kernel.vocabulary import ListKind
from detection.models import Alert, Contact, Device, Event, ListEntry, Member

#: How many of the newest events and alerts a look goes through.
LOOKED_THROUGH = 20_000
EVENTS, ALERTS, MEMBERS, NEIGHBOURS = 300, 50, 50, 12
DAYS = 14


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing: which list names it, how events and alerts carry it, and its value in an event."""

    list_kind: ListKind
    events: Callable[[str], Q]
    alerts: Callable[[str], Q] | None
    of_event: Callable[[Mapping[str, Any]], str]


def _either(name: str) -> Callable[[str], Q]:
    return lambda value: Q(**{f"body__{name}": value}) | Q(**{f"enriched__{name}": value})


def _domain_of(facts: Mapping[str, Any]) -> str:
    return str(facts.get("email") or "").rpartition("@")[2].lower()


KINDS: dict[str, Kind] = {
    "device": Kind(
        ListKind.DEVICE, lambda v: Q(body__device_id=v), lambda v: Q(device=v), lambda f: f.get("device_id") or ""
    ),
    "address": Kind(ListKind.ADDRESS, lambda v: Q(body__ip=v), lambda v: Q(ip=v), lambda f: f.get("ip") or ""),
    "network": Kind(
        ListKind.NETWORK,
        lambda v: Q(enriched__network_owner=v) | Q(enriched__network=v),
        lambda v: Q(context__network=v),
        lambda f: f.get("network_owner") or f.get("network") or "",
    ),
    "country": Kind(ListKind.COUNTRY, _either("country"), lambda v: Q(country=v), lambda f: f.get("country") or ""),
    "payment": Kind(
        ListKind.PAYMENT_METHOD,
        lambda v: Q(body__payment_method_id=v),
        None,
        lambda f: f.get("payment_method_id") or "",
    ),
    "mail": Kind(ListKind.EMAIL_DOMAIN, lambda v: Q(body__email__iendswith=f"@{v}"), None, _domain_of),
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is known of one thing."""

    events: list[Event]
    alerts: list[Alert]
    members: list[Member]
    near: dict[str, list[tuple[str, int]]]  # by kind: (name, in how many of the events)
    daily: list[int]  # events a day, oldest first, of those looked at
    listed: list[ListEntry]
    whole: bool  # whether everything there is was looked through


def canonical(kind: str, name: str) -> str:
    """The name as pages and lists spell it; as it is where it cannot be spelled."""
    if kind == "network":
        return name  # shown as its owner writes it
    try:
        return lists.canonical(KINDS[kind].list_kind, name)
    except lists.Unfit:
        return name


def portrait(kind: str, name: str, *, now: datetime | None = None) -> Portrait:
    """Everything about one thing in a constant number of queries over what is newest."""
    now = now or timezone.now()
    looked = KINDS[kind]
    recent, whole = newest_events()
    events = list(recent.filter(looked.events(name)).select_related("member").order_by("-id")[:EVENTS])
    if looked.alerts is not None:
        found = Alert.objects.filter(looked.alerts(name))
    else:
        found = Alert.objects.filter(pk__in={event.alert_id for event in events if event.alert_id})
    alerts = list(found.select_related("member").order_by("-created_at", "-id")[:ALERTS])
    return Portrait(
        events=events,
        alerts=alerts,
        members=_members(kind, name, events, alerts),
        near=_near(kind, events),
        daily=_daily(events, now),
        listed=on_lists(looked.list_kind, name, now=now),
        whole=whole,
    )


def on_lists(kind: ListKind, name: str, *, now: datetime | None = None) -> list[ListEntry]:
    """The lines of the lists that name it, as they stand."""
    try:
        spelled = lists.canonical(kind, name)
    except lists.Unfit:
        return []
    return list(ListEntry.objects.in_force(now).filter(kind=kind, value=spelled).order_by("effect"))


def newest_events() -> tuple[QuerySet[Event], bool]:
    """The newest events, cut by the key they are made in the order of; whether these are all."""
    rows = Event.objects.all()
    beyond: UUID | None = rows.order_by("-id").values_list("id", flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1].first()
    return (rows, True) if beyond is None else (rows.filter(id__gt=beyond), False)


def _members(kind: str, name: str, events: list[Event], alerts: list[Alert]) -> list[Member]:
    found = {event.member.pk: event.member for event in events if event.member is not None}
    found |= {alert.member.pk: alert.member for alert in alerts if alert.member is not None}
    if kind == "device":
        more = Device.objects.filter(device_id=name).select_related("member").order_by("-last_seen_at")[:MEMBERS]
        found |= {device.member_id: device.member for device in more}
    if kind == "mail":
        known = Contact.objects.filter(kind=Contact.EMAIL, value__iendswith=f"@{name}").select_related("member")
        found |= {contact.member_id: contact.member for contact in known[:MEMBERS]}
    return sorted(found.values(), key=lambda member: member.member_id)[:MEMBERS]


def _near(kind: str, events: list[Event]) -> dict[str, list[tuple[str, int]]]:
    """What the same events carry of the other kinds, the most frequent first."""
    facts = [{**event.enriched, **event.body} for event in events]
    near = {}
    for other, looked in KINDS.items():
        if other != kind:
            counted = Counter(value for fact in facts if (value := looked.of_event(fact)))
            if counted:
                near[other] = counted.most_common(NEIGHBOURS)
    return near


def _daily(events: list[Event], now: datetime) -> list[int]:
    days = Counter((now - event.occurred_at) // timedelta(days=1) for event in events)
    return [days[age] for age in reversed(range(DAYS))]
