"""How new something is to a member, and how much of a stranger that makes whoever acts: plain arithmetic, 0 upwards.

What is new weighs by the member's own past: another device says little about somebody who came twice, and much about
somebody who came thirty times with one. A shop's first days, or a new member's, are not strange.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite, log, log1p
from typing import Any

from detection.kernel.detector import Seen
from detection.kernel.geo import distance_km
from detection.kernel.records import EventRecord

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
WEEK, MONTH = 7 * DAY, 30 * DAY
SETTLED = timedelta(days=90)  # what is known this long is not new at all
FRESH = 3 * DAY  # a value weighs less and less until it is this old
SOON = timedelta(days=7)  # a credential change is remembered this long
DOUBT = 3  # visits' worth of doubt about a short past
AWAY = 0.3  # of what is odd about a place, where the device is the member's own: a phone goes where its owner goes
NEAR_KM = 300.0  # places are known no better
CEILING = 1_000_000.0
PLACES = 4  # decimals kept: what is stored is what was judged

#: How far a network is from someone's home line.
NETWORK_RISK = {"cdn": 0.5, "hosting": 1.0, "bot": 1.0, "vpn": 1.0, "tor": 2.0}


def plain(value: Any) -> float:
    """A finite number from 0 up, whatever comes in."""
    try:
        if value == 0.0:  # most are
            return 0.0
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return round(min(max(number, 0.0), CEILING), PLACES) if isfinite(number) else 0.0


def recency(since: Any, now: datetime, settled: timedelta = SETTLED) -> float:
    """1 for just now, falling with the logarithm of the age to 0 at ``settled``; 1 for what was never seen."""
    if not isinstance(since, datetime):
        return 1.0
    whole, age = settled.total_seconds(), max((now - since).total_seconds(), 0.0) + MINUTE
    return log(whole / age) / log(whole / MINUTE) if age < whole else 0.0


def more(count: Any, than: float = 1.0) -> float:
    """The logarithm of how many more there are."""
    return log1p(max(float(count or 0) - than, 0.0))


def surprise(event: EventRecord, seen: Seen, name: str) -> float:
    """How surprising this value of a field is, by how many the member has shown in how many visits; 0 for what they
    were first known by, or have used for days."""
    first, since, now = seen.get("member_first"), seen.get(f"{name}_first"), event.occurred_at
    if first is None or getattr(event, name) is None or since == first:
        return 0.0
    age = max((now - since).total_seconds(), 0.0) if isinstance(since, datetime) else 0.0
    others = float(seen.get(f"{name}_known") or 0) - (age > 0)
    if others < 1 or age >= FRESH:
        return 0.0
    visits = max(float(seen.get("visits") or 0), float(seen.get("orders") or 0)) - 1
    return max(log((max(visits, 1.0) + DOUBT) / others), 0.0) * (1 - age / FRESH)


def foreign(event: EventRecord, seen: Seen) -> float:
    """1 unless the member has long shown this device, or was never known without it."""
    first, since, now = seen.get("member_first"), seen.get("device_id_first"), event.occurred_at
    if not isinstance(since, datetime) or first is None or first >= now:
        return 1.0
    return 0.0 if since == first or (now - since).total_seconds() >= FRESH else 1.0


def hides(event: EventRecord, seen: Seen) -> float:
    """The risk of the network somebody comes through, nothing where this member has come that way before."""
    risk = NETWORK_RISK.get(event.network or "", 0.0)
    since = seen.get("network_first")
    used = isinstance(since, datetime) and since < event.occurred_at
    return 0.0 if used else risk * foreign(event, seen)


def place(event: EventRecord, seen: Seen, name: str) -> float:
    """The surprise of a line or a country on a device that is not the member's own."""
    used = event.network in NETWORK_RISK and not hides(event, seen)
    return 0.0 if used else surprise(event, seen, name) * foreign(event, seen)


def stranger(event: EventRecord, seen: Seen) -> float:
    """Device and line both new, and the country with them: together more than each."""
    both = min(surprise(event, seen, "device_id"), place(event, seen, "access"))
    return both + place(event, seen, "country") if both else 0.0


def odd_hour(event: EventRecord, seen: Seen) -> float:
    """The surprise of the hour on a device that is new: their own clock is the one they kept, whatever the zone."""
    return surprise(event, seen, "hours") if surprise(event, seen, "device_id") else 0.0


def guessed(event: EventRecord, seen: Seen, count: float) -> float:
    """Failed sign-ins: on their own device people mistype."""
    return log1p(max(count, 0.0)) * (AWAY + (1 - AWAY) * foreign(event, seen))


def after_change(event: EventRecord, seen: Seen) -> float:
    """1 right after a credential change, 0 a week later or on the member's own device."""
    last = seen.get("credential_change")
    if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
        return 0.0
    return recency(last["occurred_at"], event.occurred_at, SOON) * foreign(event, seen)


def youth(event: EventRecord, seen: Seen) -> float:
    """1 for an account just made, 0 for one of months."""
    return recency(seen.get("member_first"), event.occurred_at) if event.member_id else 0.0


def dormancy(event: EventRecord, seen: Seen) -> float:
    """How many weeks beyond a month the account lay still before somebody came on a device that is not its own."""
    away = _since_last(event, seen)
    return 0.0 if away is None else log1p(max(away - MONTH, 0.0) / WEEK) * foreign(event, seen)


def haste(event: EventRecord, seen: Seen) -> float:
    """How fast somebody travelled since the last sign-in, on another device and a line that tells the place."""
    away, last = _since_last(event, seen), seen.get("last_sign_in") or {}
    ends = (last.get("latitude"), last.get("longitude"), event.latitude, event.longitude)
    if away is None or any(end is None for end in ends) or (event.network in NETWORK_RISK and not hides(event, seen)):
        return 0.0
    far = distance_km(*(float(end) for end in ends if end is not None)) - NEAR_KM
    return log1p(max(far, 0.0) / max(away / HOUR, 0.25) / 100) * foreign(event, seen)


def _since_last(event: EventRecord, seen: Seen) -> float | None:
    last = seen.get("last_sign_in")
    if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
        return None
    return max((event.occurred_at - last["occurred_at"]).total_seconds(), 0.0)
