"""What is normal for a member, in a few figures: what an alert is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from statistics import median

from django.utils import timezone

from detection.models import Event, Member
from frontend_templates import wording

LOOKED_AT = 200
MOST_NAMED = 3


def of(member: Member, *, before: datetime) -> list[tuple[str, str]]:
    """The member's habits before a moment, from their newest 200 events then: (what, in words). One query."""
    events = list(Event.objects.of_member(member).filter(occurred_at__lt=before, alert_id=None)[:LOOKED_AT])
    if not events:
        return [("Known for", "nothing was known before this")]
    rows = [("Seen before", f"{len(events)}{'+' if len(events) == LOOKED_AT else ''} ordinary events")]
    rows += _named("Places", (wording.country(_fact(event, "country")) for event in events))
    rows += _named("Devices", (_fact(event, "agent") or _fact(event, "device_id") for event in events))
    rows += _named("Networks", (_fact(event, "network_owner") or _network(event) for event in events))
    amounts = [amount for event in events if (amount := _amount(event)) is not None]
    if amounts:
        rows.append(("Amounts", f"typically {median(amounts):,.2f}, at most {max(amounts):,.2f}"))
    rows.append(("Hours", _hours(events)))
    return rows


def _fact(event: Event, name: str) -> str:
    return str(event.body.get(name) or event.enriched.get(name) or "")


def _network(event: Event) -> str:
    kind = _fact(event, "network")
    return wording.NETWORKS.get(kind, kind)


def _named(label: str, values: Iterable[str]) -> list[tuple[str, str]]:
    found = Counter(value for value in values if value)
    if not found:
        return []
    whole = found.total()
    most = found.most_common(MOST_NAMED)
    shown = ", ".join(f"{wording.visible(name)} {round(100 * number / whole)} %" for name, number in most)
    rest = len(found) - MOST_NAMED
    return [(label, shown + (f" and {rest} more" if rest > 0 else ""))]


def _amount(event: Event) -> Decimal | None:
    try:
        return Decimal(str(event.body["amount"])) if event.body.get("amount") is not None else None
    except InvalidOperation:
        return None


def _hours(events: list[Event]) -> str:
    """The busiest eight hours in a row of the reader's day, with how much falls into them."""
    hours = Counter(timezone.localtime(event.occurred_at).hour for event in events)
    sums = {start: sum(hours[(start + step) % 24] for step in range(8)) for start in range(24)}
    start = max(sums, key=lambda hour: sums[hour])
    share = round(100 * sums[start] / len(events))
    return f"{share} % between {start:02d}:00 and {(start + 8) % 24:02d}:00 {timezone.localtime().tzname()}"
