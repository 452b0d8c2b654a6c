"""Why a model spoke, in words: which things, made usual, would have calmed it most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from detection.anomaly.vector import (
    Kind,
    earlier,
    failures_before,
    spent_before,
    times_usual,
)
from detection.kernel.detector import Seen
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import EventType

MOST = 3  # things named

NETWORKS = {
    "cdn": "a content network",
    "hosting": "a data centre",
    "bot": "an automated service",
    "vpn": "a VPN",
    "tor": "the Tor network",
}
CHANGED: dict[str, str] = {
    EventType.PASSWORD_CHANGED: "the password was changed",
    EventType.PASSWORD_RESET: "the password was reset",
    EventType.PROFILE_CHANGED: "the profile was changed",
    EventType.MFA_DISABLED: "the second sign-in step was switched off",
}


class Scorer(Protocol):
    """A fitted model, as far as explaining needs it."""

    @property
    def medians(self) -> Sequence[float]: ...

    def scores(self, rows: Sequence[Sequence[float]]) -> Sequence[float]: ...


def reasons(kind: Kind, scorer: Scorer, event: EventRecord, seen: Seen, row: Sequence[float]) -> list[str]:
    """The things that weighed most, heaviest first, each a phrase a member could read.

    Each topic's features are set to their usual values in turn; named are the topics without which the score falls
    most.
    """
    topics = _topics_of(kind)
    calmed = [
        [scorer.medians[at] if at in columns else value for at, value in enumerate(row)] for columns in topics.values()
    ]
    whole, *without = scorer.scores([list(row), *calmed])
    falls = sorted(zip((whole - score for score in without), topics, strict=True), key=lambda pair: -pair[0])
    said = (in_words(topic, event, seen) for fall, topic in falls if fall > 0)
    return [words for words in said if words][:MOST]


def sentence(kind: Kind, event: EventRecord, said: Sequence[str]) -> str:
    """The finding as one sentence."""
    whose = f"this account's usual {kind.usual}" if event.member_id else f"usual {kind.usual}"
    return f"Unlike {whose}: {'; '.join(said)}." if said else f"Unlike {whose}, taken as a whole."


def in_words(topic: str, event: EventRecord, seen: Seen) -> str | None:
    """What a topic says about this event; None when it says nothing a person could check."""
    say = WORDS.get(topic)
    return say(event, seen) if say else None


def _topics_of(kind: Kind) -> dict[str, frozenset[int]]:
    topics: dict[str, set[int]] = {}
    for at, feature in enumerate(kind.features):
        for topic in feature.topics:
            topics.setdefault(topic, set()).add(at)
    return {topic: frozenset(columns) for topic, columns in topics.items()}


def ago(age: timedelta) -> str:
    """An age as people say it."""
    seconds = max(age.total_seconds(), 0)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return _counted(int(seconds // size), unit) + " ago"
    return "just now"


def _counted(number: float, unit: str) -> str:
    return f"{number:.0f} {unit}" + ("" if round(number) == 1 else "s")


def _first_seen(what: str, name: str) -> Callable[[EventRecord, Seen], str]:
    def say(event: EventRecord, seen: Seen) -> str:
        since = seen.get(f"{name}_first")
        age = event.occurred_at - since if isinstance(since, datetime) else timedelta(0)
        return f"{what} first seen {ago(age)}"

    return say


def _agent(event: EventRecord, seen: Seen) -> str:
    return _first_seen(event.agent or "a browser", "agent")(event, seen)


def _network(event: EventRecord, _seen: Seen) -> str | None:
    through = NETWORKS.get(event.network or "")
    return f"a connection through {through}" if through else None


def _amount(event: EventRecord, seen: Seen) -> str | None:
    times = times_usual(event.amount, seen.get("habit"))
    if times < 1:
        return None
    return f"{times:.0f} times the usual payment" if times >= 2 else "a larger payment than usual"


def _spending(event: EventRecord, seen: Seen) -> str | None:
    times = times_usual(spent_before(event, seen), seen.get("habit"))
    return f"{times:.0f} times a usual payment already spent within a day" if times >= 1 else None


def _pace(event: EventRecord, seen: Seen) -> str | None:
    count = earlier(event, seen.get("payments_hour"))
    return f"{_counted(count, 'earlier payment event')} within the hour" if count else None


def _failures(name: str, where: str) -> Callable[[EventRecord, Seen], str | None]:
    def say(event: EventRecord, seen: Seen) -> str | None:
        count = failures_before(event, seen.get(name))
        return f"{_counted(count, 'failed payment')}{where} within the hour" if count else None

    return say


def _count(name: str, unit: str, within: str) -> Callable[[EventRecord, Seen], str | None]:
    def say(_event: EventRecord, seen: Seen) -> str | None:
        count = float(seen.get(name) or 0)
        return f"{_counted(count, unit)} within {within}" if count else None

    return say


def _guessed_here(_event: EventRecord, seen: Seen) -> str | None:
    count = float(seen.get("guessed_here") or 0)
    return f"failed sign-ins to {_counted(count, 'account')} from the same address within the hour" if count else None


def _credentials(event: EventRecord, seen: Seen) -> str | None:
    last: Any = seen.get("credential_change")
    if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
        return None
    what = CHANGED.get(str(last.get("type")), "a sign-in detail was changed")
    return f"{what} {ago(event.occurred_at - last['occurred_at'])}"


WORDS: dict[str, Callable[[EventRecord, Seen], str | None]] = {
    "device": _first_seen("a device", "device_id"),
    "address": _first_seen("an internet address", "ip"),
    "country": _first_seen("a country", "country"),
    "method": _first_seen("a payment method", "payment_method_id"),
    "agent": _agent,
    "network": _network,
    "credentials": _credentials,
    "amount": _amount,
    "spending": _spending,
    "pace": _pace,
    "failures": _failures("failures_hour", ""),
    "failures_here": _failures("failures_here", " from the same address"),
    "methods": _count("methods_day", "payment method", "a day"),
    "methods_here": _count("methods_here", "payment method", "the hour from the same address"),
    "browsing": lambda _event, _seen: "a payment without looking at anything first",
    "guesses": _count("guesses", "failed sign-in", "the hour"),
    "guessed_here": _guessed_here,
    "addresses": _count("addresses_day", "internet address", "a day"),
}
