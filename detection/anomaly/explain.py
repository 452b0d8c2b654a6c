"""Why a model spoke, in words: which things, made usual, would have calmed it most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from detection.anomaly.spending import earlier, spent_before, times_usual
from detection.anomaly.vector import Kind, failures_before, guessed_before
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

    @property
    def threshold(self) -> float: ...

    def scores(self, rows: Sequence[Sequence[float]]) -> Sequence[float]: ...


class Said(NamedTuple):
    """One thing in words, and whether the event would have passed had it been as usual."""

    words: str
    decisive: bool


def reasons(kind: Kind, scorer: Scorer, event: EventRecord, seen: Seen, row: Sequence[float]) -> list[Said]:
    """The things that weighed most, heaviest first, each a phrase a member could read.

    Each topic's features are set to their usual values in turn; named are the topics without which the score falls
    most.
    """
    topics = _topics_of(kind)
    calmed = [
        [scorer.medians[at] if at in columns else value for at, value in enumerate(row)] for columns in topics.values()
    ]
    whole, *without = scorer.scores([list(row), *calmed])
    falls = sorted(zip((whole - score for score in without), without, topics, strict=True), key=lambda one: -one[0])
    said = ((in_words(topic, event, seen), score <= scorer.threshold) for fall, score, topic in falls if fall > 0)
    return [Said(words, decisive) for words, decisive in said if words][:MOST]


def sentence(kind: Kind, event: EventRecord, said: Sequence[Said]) -> str:
    """The finding as a sentence, and what would have passed where the first thing alone decided."""
    whose = f"this account's usual {kind.usual}" if event.member_id else f"usual {kind.usual}"
    if not said:
        return f"Unlike {whose}, taken as a whole."
    told = f"Unlike {whose}: {'; '.join(one.words for one in said)}."
    return f"{told} Without the first it would have passed." if said[0].decisive else told


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


def _first_seen(what: str, name: str) -> Callable[[EventRecord, Seen], str | None]:
    def say(event: EventRecord, seen: Seen) -> str | None:
        since = seen.get(f"{name}_first")
        if getattr(event, name) is None:
            return None
        age = event.occurred_at - since if isinstance(since, datetime) else timedelta(0)
        return f"{what} first seen {ago(age)}"

    return say


def _youth(event: EventRecord, seen: Seen) -> str | None:
    since = seen.get("member_first")
    return f"an account first seen {ago(event.occurred_at - since)}" if isinstance(since, datetime) else None


def _since_sign_in(text: str) -> Callable[[EventRecord, Seen], str | None]:
    def say(event: EventRecord, seen: Seen) -> str | None:
        last = seen.get("last_sign_in")
        if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
            return None
        return text.format(ago(event.occurred_at - last["occurred_at"]))

    return say


def _network(event: EventRecord, _seen: Seen) -> str | None:
    through = NETWORKS.get(event.network or "")
    return f"a connection through {through}" if through else None


def _amount(event: EventRecord, seen: Seen) -> str | None:
    times = times_usual(event.amount, seen.get("habit"))
    if times < 1:
        return None
    told = f"{times:.0f} times the usual payment" if times >= 2 else "a larger payment than usual"
    habit: Any = seen["habit"]
    middle, spread = float(habit["median"]), 1.4826 * float(habit.get("mad") or 0)
    return f"{told} (mostly {max(middle - spread, 0):,.0f} to {middle + spread:,.0f} {event.currency})"


def _spending(event: EventRecord, seen: Seen) -> str | None:
    times = times_usual(spent_before(event, seen), seen.get("habit"))
    return f"{times:.0f} times a usual payment already spent within a day" if times >= 1 else None


def _pace(event: EventRecord, seen: Seen) -> str | None:
    count = earlier(event, seen.get("payments_hour"))
    return f"{_counted(count, 'earlier payment event')} within the hour" if count else None


def _failures(name: str, within: str, where: str = "") -> Callable[[EventRecord, Seen], str | None]:
    def say(event: EventRecord, seen: Seen) -> str | None:
        count = failures_before(event, seen.get(name))
        return f"{_counted(count, 'failed payment')}{where} within {within}" if count else None

    return say


def _count(name: str, unit: str, within: str) -> Callable[[EventRecord, Seen], str | None]:
    def say(_event: EventRecord, seen: Seen) -> str | None:
        count = float(seen.get(name) or 0)
        return f"{_counted(count, unit)} within {within}" if count else None

    return say


def _guessed_here(_event: EventRecord, seen: Seen) -> str | None:
    count = guessed_before(seen)
    return (
        f"failed sign-ins to {_counted(count, 'other account')} from the same address within a day" if count else None
    )


def _shared_device(_event: EventRecord, seen: Seen) -> str | None:
    count = max(float(seen.get("members_on_device") or 0), float(seen.get("accounts_on_device") or 0))
    return f"{_counted(count, 'account')} on the same device within a day" if count > 1 else None


def _session(_event: EventRecord, seen: Seen) -> str | None:
    for name, units in (("session_countries", "countries"), ("session_devices", "devices"), ("session_lines", "lines")):
        count = float(seen.get(name) or 0)
        if count > 1:
            return f"one session on {count:.0f} {units} within three hours"
    return None


def _credentials(event: EventRecord, seen: Seen) -> str | None:
    last: Any = seen.get("credential_change")
    if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
        return None
    what = CHANGED.get(str(last.get("type")), "a sign-in detail was changed")
    return f"{what} {ago(event.occurred_at - last['occurred_at'])}"


WORDS: dict[str, Callable[[EventRecord, Seen], str | None]] = {
    "device": _first_seen("a device", "device_id"),
    "address": _first_seen("a network", "access"),
    "country": _first_seen("a country", "country"),
    "method": _first_seen("a payment method", "payment_method_id"),
    "network": _network,
    "hour": lambda _event, _seen: "an hour of the day this account has hardly been used at",
    "youth": _youth,
    "credentials": _credentials,
    "travel": _since_sign_in("far from where the sign-in {} was"),
    "dormancy": _since_sign_in("nobody signed in since {}"),
    "sign_ins": _count("sign_ins_hour", "sign-in", "the hour"),
    "amount": _amount,
    "spending": _spending,
    "pace": _pace,
    "failures": _failures("failures_hour", "the hour"),
    "failures_here": _failures("failures_here", "a day", " from the same address"),
    "methods": _count("methods_day", "payment method", "a day"),
    "methods_here": _count("methods_here", "payment method", "a day from the same address"),
    "browsing": lambda _event, _seen: "a payment without looking at anything first",
    "session": _session,
    "guesses": _count("guesses", "failed sign-in", "three hours"),
    "guessed_here": _guessed_here,
    "names_here": _count("names_here", "unknown name", "a day, tried from the same address"),
    "accounts_here": _count("accounts_here", "new account", "a day from the same address"),
    "shared_device": _shared_device,
    "pages": _count("pages", "different page", "ten minutes"),
    "pages_here": _count("pages_here", "different page", "ten minutes from the same address"),
    "refused": _count("refused_here", "missing page", "two hours from the same address"),
    "nameless": lambda _event, _seen: "a visitor who keeps no session",
    "machine": lambda _event, _seen: "a program instead of a browser",
}
