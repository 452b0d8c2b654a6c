"""What templates say often: icons, times, badges, text from strangers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from detection import conf
from detection import feed as live
from detection.kernel.records import iso
from detection.models import cursor_text
from detection.response import accounts
from frontend_templates import navigation, wording

register = template.Library()


@register.simple_tag(takes_context=True)
def house(context: template.Context) -> dict[str, Any]:
    """Who looks and in which house: read once, by the base of every page."""
    request = context.get("request")
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    role = accounts.role_of(user) if signed_in else None
    member = getattr(user, "member", None) if signed_in else None
    return {
        "demo": conf.current().demo,
        "signed_in": signed_in,
        "user": user,
        "role": role,
        "member": member,
        "desk": getattr(request, "desk", None),
        "places": navigation.console(role),
        "face": getattr(request, "face", None),
        "embedded": bool(signed_in and member and request and request.session.get("embedded")),
    }


@register.simple_tag
def member_cursor(member: Any) -> str:
    """Where a member's live feed stands as the page is written."""
    return cursor_text(live.latest(live.MemberViewer(member.pk)))


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative icon of the sprite; the words beside it say the same."""
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def when(moment: datetime | str | None, form: str = "ago") -> SafeString | str:
    """A moment as a time element: relative, exact on hover. ``form`` "exact" shows the exact one, "clock" its hour."""
    if isinstance(moment, str):
        moment = parse_datetime(moment)
    if moment is None:
        return "–"
    text = {"ago": wording.ago, "clock": wording.clock}.get(form, wording.exact)(moment)
    return format_html(
        '<time datetime="{}" data-when="{}" title="{}">{}</time>', iso(moment), form, wording.exact(moment), text
    )


@register.filter
def wire_time(moment: datetime) -> str:
    """A moment as the wire writes it."""
    return iso(moment) or ""


@register.simple_tag
def said(text: Any) -> SafeString:
    """Text somebody else wrote: isolated, and with nothing hidden in it."""
    return format_html("<bdi>{}</bdi>", wording.visible(text))


@register.simple_tag
def severity(level: str) -> SafeString:
    """Severity as icon, word and colour."""
    return format_html('<span class="badge {0}">{1}{2}</span>', level, icon(f"severity-{level}"), level.capitalize())


@register.simple_tag
def state(word: str) -> SafeString:
    """A state as a badge."""
    return format_html('<span class="badge {}">{}</span>', word, word.replace("_", " ").capitalize())


@register.simple_tag
def lock_badge(lock: Any) -> SafeString | str:
    """A member's lock as a badge, nothing when clear."""
    if lock is None:
        return ""
    word = str(lock["state"] if isinstance(lock, dict) else lock.state)
    return format_html('<span class="badge {}">{}{}</span>', word, icon("lock"), word.capitalize())


register.filter("visible", wording.visible)
register.filter("readable", wording.readable)
register.filter("country", wording.country)
register.filter("event_words", wording.of_event)
register.filter("shown_value", wording.value)


@register.filter
def signed(points: int) -> str:
    """A cost with a real minus sign."""
    return f"\u2212{-points}" if points < 0 else str(points)


@register.filter
def words_of(text: str) -> list[str]:
    """The words of a line, to loop over."""
    return text.split()


@register.filter
def place(context: Any) -> str:
    """Where something came from: city, country, and the network when it says something."""
    context = context or {}
    where = ", ".join(part for part in (context.get("city"), wording.country(context.get("country"))) if part)
    network = context.get("network")
    network = wording.NETWORKS.get(network, network)
    return wording.visible(" · ".join(part for part in (where, network) if part))


@register.filter
def device(context: Any) -> str:
    """What it was done with: the program, else the app's name of the device."""
    context = context or {}
    return wording.visible(context.get("user_agent") or context.get("device") or "")


@register.filter
def money(body: Any) -> str:
    """The amount of an event, nothing when it has none."""
    body = body or {}
    return wording.money(body["amount"], body.get("currency")) if body.get("amount") is not None else ""


@register.filter
def worth(amounts: Any, which: str) -> str:
    """One currency's sum of a money report."""
    return wording.money(amounts[which], amounts["currency"])


@register.filter
def amount(pair: Any) -> str:
    """A currency and a number as money."""
    currency, number = pair
    return wording.money(number, currency)


@register.filter
def event_facts(event: Any) -> dict[str, Any]:
    """An event's place and device in the shape ``place`` and ``device`` read."""
    known = {**event.enriched, **{name: found for name, found in event.body.items() if found is not None}}
    return {
        "city": known.get("city"),
        "country": known.get("country"),
        "network": known.get("network_owner") or known.get("network"),
        "user_agent": known.get("agent") or known.get("user_agent"),
        "device": known.get("device_id"),
        "ip": known.get("ip"),
    }


@register.filter
def words(key: str, table: str) -> str:
    """A word of one of the tables in ``wording``."""
    return getattr(wording, table.upper()).get(key, wording.visible(key).replace("_", " "))


@register.filter
def lock_time(moment: str | None) -> datetime | None:
    """A wire time as a datetime."""
    return parse_datetime(moment) if moment else None
