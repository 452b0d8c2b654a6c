"""A page for everything an event can carry, and one search for all of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from detection.enrich import geoip, network
from detection.enrich.geoip import name_of
from detection.kernel.vocabulary import ListEffect, Role
from detection.models import Alert, Contact, Device, Member
from detection.response import entities, lists, remarks
from frontend_templates import charts, wording
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer

NAMES = {
    "device": "Device",
    "address": "Address",
    "network": "Network",
    "country": "Country",
    "payment": "Payment method",
    "mail": "Mail domain",
}
PLURALS = {
    "device": "Devices",
    "address": "Addresses",
    "network": "Networks",
    "country": "Countries",
    "payment": "Payment methods",
    "mail": "Mail domains",
}
SHOWN = 10
RECENT_ALERTS = 2000


@staff_page
def page(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """One thing: activity, alerts, members, what comes with it, and the lists it is on."""
    if kind not in entities.KINDS or len(name) > 200 or "\x00" in name:
        raise Http404
    spelled = entities.canonical(kind, name)
    if spelled != name:
        return redirect("pages:entity", kind, spelled)
    found = entities.portrait(kind, name)
    days = [f"{timezone.localdate() - timedelta(days=age):%d %b}" for age in reversed(range(entities.DAYS))]
    context = {
        "section": "find",
        "kind": kind,
        "kind_name": NAMES[kind],
        "name": name,
        "title": shown_name(kind, name),
        "found": found,
        "facts": _facts(kind, name, found),
        "activity": charts.bars(found.daily, days, what="Events a day over two weeks"),
        "near": [(other, PLURALS[other], _shown(other, pairs)) for other, pairs in found.near.items()],
        "most": entities.EVENTS,
        "looked_through": entities.LOOKED_THROUGH,
        "remarks": remarks.about(kind, name),
        "about_kind": kind,
        "about_name": name,
        "can_write": role_of(request) != Role.AUDITOR,
        "can_clear": role_of(request) == Role.ADMIN,
        "effects": [effect.value for effect in ListEffect],
        "can_list": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/entity.html", context)


@admin_action
def put_on_list(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Put a thing on a list, with a reason."""
    if kind not in entities.KINDS:
        raise Http404
    to = reverse("pages:entity", args=[kind, name])
    entry = {"effect": request.POST.get("effect", ""), "kind": entities.KINDS[kind].list_kind.value, "value": name}
    listed = lists.add(entry | {"reason": request.POST.get("reason", "")}, actor=actor_of(request))
    if listed.status == "rejected":
        return answer(request, listed.errors[0]["detail"], to=to, level="error", status=400)
    text = "It was on that list already." if listed.status == "duplicate" else "It is on the list from now on."
    return answer(request, text, to=to)


@admin_action
def take_off_list(request: HttpRequest, kind: str, name: str, entry_id: int) -> HttpResponse:
    """Take a thing off a list."""
    if kind not in entities.KINDS:
        raise Http404
    to = reverse("pages:entity", args=[kind, name])
    mine = {entry.pk for entry in entities.on_lists(entities.KINDS[kind].list_kind, name)}
    if entry_id not in mine or not lists.remove(entry_id, actor=actor_of(request)):
        return answer(request, "It is not on that list any more.", to=to, level="warning", status=404)
    return answer(request, "It is off the list.", to=to)


@staff_page
def search(request: HttpRequest) -> HttpResponse:
    """One box for everything; where only one thing can be meant, it opens at once."""
    text = request.GET.get("q", "").strip()[:200].replace("\x00", "")
    groups = [(title, rows) for title, find in FINDERS if text and (rows := find(text))]
    if sum(len(rows) for _, rows in groups) == 1:
        return redirect(groups[0][1][0][0])
    return render(request, "operator/search.html", {"section": "find", "text": text, "groups": groups})


def shown_name(kind: str, name: str) -> str:
    """A thing's name as people read it."""
    if kind == "country":
        return wording.country(name)
    return wording.NETWORKS.get(name, name) if kind == "network" else name


def _facts(kind: str, name: str, found: entities.Portrait) -> list[tuple[str, str, str, str]]:
    """What offline data knows of an address, and events of a network: (term, words, kind and name of its page)."""
    if kind == "address":
        place, line = geoip.locate(name), network.classify(name)
        where = [("Country", wording.country(place.country), "country", place.country)] if place else []
        owner = [("Network", line.owner, "network", line.owner)] if line.owner else []
        return [*where, *owner, *_numbers({line.asn} - {None}, {line.kind} - {None})]
    if kind == "network":
        seen = [event.enriched for event in found.events]
        return _numbers({one.get("asn") for one in seen} - {None}, {one.get("network") for one in seen} - {None, name})
    return []


def _numbers(numbers: set[Any], kinds: set[Any]) -> list[tuple[str, str, str, str]]:
    """The numbers networks are announced under, and what kind of network they are."""
    told = [("Number", ", ".join(f"AS{number}" for number in sorted(numbers)[:SHOWN]), "", "")] if numbers else []
    words = ", ".join(sorted(wording.NETWORKS.get(kind, str(kind)) for kind in kinds))
    return [*told, ("Kind", words, "", "")] if words else told


def _shown(kind: str, pairs: list[tuple[str, int]]) -> list[tuple[str, str, int]]:
    return [(name, shown_name(kind, name), number) for name, number in pairs]


# --- finding: each returns (address, what is shown, a word beside it) ------------------------------------------------

Found = list[tuple[str, str, str]]


def _of(kind: str, name: str, word: str = "") -> tuple[str, str, str]:
    return reverse("pages:entity", args=[kind, name]), shown_name(kind, name), word


def _members(text: str) -> Found:
    exact = Member.objects.filter(member_id=text)
    owners = Contact.objects.filter(Q(value__iexact=text)).values("member")
    found = list(exact) or list(Member.objects.filter(Q(member_id__istartswith=text) | Q(pk__in=owners))[:SHOWN])
    return [(reverse("pages:member_file", args=[member.member_id]), member.member_id, "") for member in found]


def _devices(text: str) -> Found:
    known = Device.objects.filter(device_id__startswith=text).values_list("device_id", flat=True)
    seen = Alert.objects.filter(device__startswith=text).values_list("device", flat=True)
    return [_of("device", name) for name in sorted({*known[: SHOWN * 5], *seen[: SHOWN * 5]})[:SHOWN]]


def _addresses(text: str) -> Found:
    try:
        return [_of("address", str(ipaddress.ip_address(text)))] if "%" not in text else []
    except ValueError:
        return []


def _countries(text: str) -> Found:
    code = text.upper()
    if len(code) == 2 and name_of(code):
        return [_of("country", code, code)]
    found = {alert for alert in _recent("country") if alert and text.casefold() in wording.country(alert).casefold()}
    return [_of("country", code, code) for code in sorted(found)[:SHOWN]]


def _networks(text: str) -> Found:
    """By its owner's name or, as "AS3320", by its number."""
    named = {name for context in _recent("context") if (name := (context or {}).get("network"))}
    fitting = {name for name in named if text.casefold() in f"{name} {wording.NETWORKS.get(name, '')}".casefold()}
    by = Q(enriched__network_owner__icontains=text)
    number = text.upper().removeprefix("AS")
    if number.isascii() and number.isdecimal() and len(number) <= 10:
        by |= Q(enriched__asn=int(number))
    recent, _ = entities.newest_events()
    owners = recent.filter(by).order_by().values_list("enriched__network_owner", flat=True).distinct()[:SHOWN]
    return [_of("network", name) for name in sorted({*fitting, *filter(None, owners)})[:SHOWN]]


def _recent(column: str) -> list[object]:
    return list(Alert.objects.order_by("-created_at").values_list(column, flat=True)[:RECENT_ALERTS])


def _payments(text: str) -> Found:
    recent, _ = entities.newest_events()
    return [_of("payment", text)] if recent.filter(body__payment_method_id=text).exists() else []


def _mail(text: str) -> Found:
    domain = text.rpartition("@")[2].lower()
    if "." not in domain or " " in domain or _addresses(text):
        return []
    known = Contact.objects.filter(kind=Contact.EMAIL, value__iendswith=f"@{domain}").exists()
    return [_of("mail", domain)] if known else []


def _alerts(text: str) -> Found:
    by = Q(event_id=text)
    with suppress(ValueError):
        by |= Q(pk=UUID(text))
    recent, _ = entities.newest_events()
    event = recent.filter(event_id=text, alert_id__isnull=False).values_list("alert_id", flat=True).first()
    found = Alert.objects.filter(by | Q(pk=event) if event else by).order_by("-created_at")[:SHOWN]
    return [(reverse("pages:alert", args=[alert.pk]), alert.title, alert.status) for alert in found]


FINDERS: tuple[tuple[str, Callable[[str], Found]], ...] = (
    ("Members", _members),
    ("Alerts", _alerts),
    ("Devices", _devices),
    ("Addresses", _addresses),
    ("Networks", _networks),
    ("Countries", _countries),
    ("Payment methods", _payments),
    ("Mail domains", _mail),
)
