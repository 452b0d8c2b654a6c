"""How much a fact speaks for a stranger, weighed by the member's own past: natural logarithms of likelihood ratios.

A device nobody has seen says little about a member who came twice, and much about one who came thirty times with the
same one. An honest member with ``k`` known values in ``n`` visits shows another one about ``k`` times in ``n + 3``; a
stranger nearly always does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from math import log
from typing import Any, NamedTuple

from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Hours, Known, Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.scoring import HIGH_FROM, MEDIUM_FROM
from detection.kernel.vocabulary import BROWSING, CREDENTIAL_CHANGES, EventType, Severity
from detection.kernel.words import PER_EURO

SETTLED = timedelta(days=3)  # what is known this long is the member's own
SETTLING = timedelta(hours=12)  # what came this soon after the member's first sight came with them
LONG = timedelta(days=90)
A_FEW = 10  # accounts: what more of them pay to is a business
STRANGERS = 0.95  # show something new
ALWAYS_SOME = 3  # visits' worth of doubt about a short past
SHARED_BY = 4  # members seen at an address before today: an office's or a carrier's, where many are at home

#: What every weighing of who acts wishes for.
WHO: Mapping[str, Wish] = {
    "member_since": FirstSeen("member_id"),
    "device_id_since": FirstSeen("device_id"),
    "device_id_known": Known("device_id"),
    "ip_since": FirstSeen("ip"),
    "ip_known": Known("ip"),
    "access_since": FirstSeen("access"),
    "access_known": Known("access"),
    "country_since": FirstSeen("country"),
    "network_since": FirstSeen("network"),
    "visits": Count(types(EventType.LOGIN_SUCCEEDED), LONG),
    "orders": Count(types(EventType.TRANSACTION_SUCCEEDED), LONG),
    "returns": Count(types(EventType.SESSION_STARTED), LONG),
    "hours": Hours(types(EventType.LOGIN_SUCCEEDED), LONG, least=3),
    "neighbours": Distinct("member_id", types(EventType.LOGIN_SUCCEEDED), timedelta(days=30), per="ip"),
    "neighbours_today": Distinct("member_id", types(EventType.LOGIN_SUCCEEDED), timedelta(days=1), per="ip"),
}
AS_GOOD_AS_CASH = types(EventType.GIFT_CARD_REDEEMED, EventType.PAYOUT_REQUESTED)
CONTACTS = frozenset({"email", "phone"})
MONEY = types(EventType.TRANSACTION_ATTEMPTED, *AS_GOOD_AS_CASH)
FAILED = types(EventType.LOGIN_FAILED)
#: What a weighing of a payment wishes for beside.
SPENT: Mapping[str, Wish] = {
    "habit": Baseline(types(EventType.TRANSACTION_SUCCEEDED), least=1),
    "card_since": FirstSeen("payment_method_id"),
    "guesses": Count(FAILED, timedelta(hours=3)),
    "guessed_from": Distinct("ip", FAILED, timedelta(hours=3)),
    "change": Last(types(*CREDENTIAL_CHANGES), timedelta(days=1)),
    "spent": Count(MONEY, timedelta(hours=12), per="device"),
    "spent_orders": Distinct("order_id", MONEY, timedelta(hours=12), per="device"),
    "browsed": Count(frozenset(BROWSING), timedelta(days=1), per="session"),
    "givers": Distinct("member_id", MONEY, timedelta(days=3), per="recipient"),
}
PEOPLE = (None, "mobile")  # networks people are at home in, as far as is known
HIDING = {"hosting": 1.0, "vpn": 0.5, "tor": 2.0}


class Fact(NamedTuple):
    """Something that speaks for a stranger, and how loudly."""

    words: str
    worth: float


def fresh(event: EventRecord, seen: Mapping[str, Any], name: str, *, settled: timedelta = SETTLED) -> bool:
    """Whether this value is younger than ``settled`` while the member is known by something older."""
    if getattr(event, name) is None:
        return False
    member, value = seen["member_since"], seen[f"{name}_since"]
    if member is None or event.occurred_at - member < SETTLING:
        return False
    return value is None or (event.occurred_at - value < settled and value - member >= SETTLING)


def own(event: EventRecord, seen: Mapping[str, Any], name: str, *, settled: timedelta = SETTLED) -> bool:
    """Whether the member proved this value long ago, or was never known without it."""
    member, value = seen["member_since"], seen[f"{name}_since"]
    if member is None or value is None or value >= event.occurred_at:
        return False
    return event.occurred_at - value >= settled or value == member


def another(event: EventRecord, seen: Mapping[str, Any], name: str) -> bool:
    """Whether the member was first known by something else: not proof of a stranger, but a difference to go by."""
    member, value = seen["member_since"], seen[f"{name}_since"]
    if getattr(event, name) is None or member is None:
        return False
    return value is None or value > member


def elsewhere(event: EventRecord, seen: Mapping[str, Any]) -> bool:
    """Whether device and line both differ from what the member was first known by, and either so does the country or
    the member is known well enough for both to be new."""
    if not all(another(event, seen, name) for name in ("device_id", "access") if getattr(event, name) is not None):
        return False
    told = event.device_id is not None or event.access is not None
    known_well = seen["visits"] >= ALWAYS_SOME and fresh(event, seen, "device_id") and fresh(event, seen, "access")
    return told and (known_well or another(event, seen, "country"))


def hides(event: EventRecord, seen: Mapping[str, Any]) -> bool:
    """Whether this member has long come through a network of this hiding kind: then its places tell nothing. A thief's
    own sign-in a minute ago is no such habit."""
    return event.network in HIDING and own(event, seen, "network")


def who(event: EventRecord, seen: Mapping[str, Any]) -> list[Fact]:
    """What device, line and country say about who acts. Empty for somebody without a past."""
    facts = []
    travels = own(event, seen, "device_id")  # a phone goes where its owner goes
    if fresh(event, seen, "device_id"):
        facts.append(Fact("a device that is new to this account", _surprise(event, seen, "device_id")))
    crowd = event.network in PEOPLE and seen["neighbours"] - seen["neighbours_today"] >= SHARED_BY
    if fresh(event, seen, "access") and not hides(event, seen):
        surprise = _surprise(event, seen, "access") - (1.2 if crowd else 0.0)
        facts.append(Fact("a network that is new to it", min(surprise, 1.0) if travels else surprise))
        if fresh(event, seen, "country"):
            facts.append(Fact("a country that is new to it", 0.5 if travels else 1.6))
        if facts and event.network in HIDING:
            facts.append(Fact("a network people hide behind", HIDING[event.network]))
    elif facts and not crowd and fresh(event, seen, "ip"):  # the usual provider, at somebody else's
        facts.append(Fact("an address that is new to it", min(0.6 * _surprise(event, seen, "ip"), 1.0)))
    return facts + _hour(seen) if facts and not travels else facts


def spending(event: EventRecord, seen: Mapping[str, Any], *, usual_euros: float) -> list[Fact]:
    """What a payment says beside who makes it: its size, its card, and what went before. ``usual_euros`` stands in for
    the habit of a member who has none yet."""
    facts = []
    paying = event.type != EventType.PAYOUT_REQUESTED  # what one earns is not measured by what one spends
    if event.amount and event.currency and paying:
        habit = seen["habit"]
        usual = habit["median"] if habit else usual_euros * PER_EURO.get(event.currency, 1)
        times = float(event.amount) / max(usual, 0.01)
        sure = min((habit["count"] + 1) / (ALWAYS_SOME + 1), 1.0) if habit else 1.0  # one order is half a habit
        if times > 1.5:
            facts.append(Fact(f"{times:.1f} times the usual amount", min(1.5 * sure * log(times), 3.0)))
    if event.payment_method_id and seen["card_since"] is None and seen["orders"]:
        facts.append(Fact("a card that is new to it", 0.8))
    change = seen["change"]
    if change is not None and change["type"] == EventType.PROFILE_CHANGED and not CONTACTS & set(change["changed"]):
        change = None
    if change is not None:
        facts.append(Fact("fresh credentials or contacts", 1.5))
    forgot = change is not None and change["type"] == EventType.PASSWORD_RESET  # wrong ones, then a reset: one story
    if seen["guesses"] >= 3 and not forgot:
        facts.append(Fact("wrong passwords shortly before", 1.5 if seen["guesses"] >= 5 else 0.7))
    if seen["guessed_from"] >= 3:
        facts.append(Fact("guesses from many addresses", 1.0))
    if (seen["spent_orders"] or seen["spent"]) > 1:  # a card that is tried again pays one order
        facts.append(Fact("several payments in a row", 0.7))
    if 2 <= seen["givers"] <= A_FEW:
        facts.append(Fact("a recipient other accounts paid too", 2.0 if seen["givers"] == 2 else 2.5))
    if event.type in AS_GOOD_AS_CASH:
        facts.append(Fact("value as good as cash", 0.7))
    if event.session_id and not seen["browsed"] and paying:
        facts.append(Fact("no look around the shop", 0.5))
    return facts


def guessed(seen: Mapping[str, Any]) -> bool:
    """Whether many passwords were tried just before and no reset explains them: then even the first visit ever seen is
    not taken for its owner's."""
    change = seen["change"]
    return seen["guesses"] >= 5 and not (change is not None and change["type"] == EventType.PASSWORD_RESET)


def ranked(signal: Signal, beyond: float) -> Signal:
    """The finding with a few points more, by how far beyond its threshold it lies; never into the next severity."""
    most = {Severity.LOW: MEDIUM_FROM - 1, Severity.MEDIUM: HIGH_FROM - 1, Severity.HIGH: 95}[signal.severity]
    return replace(signal, points=min(signal.points + round(6 * max(beyond, 0.0)), most))


def total(facts: Iterable[Fact]) -> float:
    return round(sum(fact.worth for fact in facts), 2)


def told(facts: Iterable[Fact], most: int = 3) -> str:
    """The loudest facts in words: "a, b and c". What speaks for the member is not told here."""
    words = [fact.words for fact in sorted(facts, key=lambda fact: -fact.worth)[:most] if fact.worth > 0]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _hour(seen: Mapping[str, Any]) -> list[Fact]:
    """What the clock says: people come at hours of their own, and strangers at any."""
    hours = seen["hours"]
    if hours is None:
        return []
    if not hours["near"]:
        return [Fact("an hour this account is never used at", min(log((hours["count"] + 1) / 2), 1.5))]
    return [Fact("an hour like always", -0.4)] if hours["near"] >= hours["count"] / 2 else []


def _surprise(event: EventRecord, seen: Mapping[str, Any], name: str) -> float:
    value = seen[f"{name}_since"]
    itself = value is not None and value < event.occurred_at  # its own first visit counts for nothing
    others = max(seen[f"{name}_known"] - itself, 1)
    visits = max(seen["visits"], seen["orders"], seen["returns"]) - 1
    return log(STRANGERS / min(others / (max(visits, 1) + ALWAYS_SOME), STRANGERS))
