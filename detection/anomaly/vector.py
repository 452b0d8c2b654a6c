"""What a model looks at: each kind's features, measured in plain Python, the same for training and for judging.

Every feature is 0 where nothing speaks of risk and grows towards risk only. Novelty is the member's own: something is
new by as much as it is younger than the member is to us, so a shop's first days, or a new member's, are not strange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import isfinite, log, log1p
from typing import Any

from detection.kernel.detector import Seen
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Last, Sum, Wish, types
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import BROWSING, CREDENTIAL_CHANGES, EventType

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTLED = timedelta(days=90)  # what is known this long is not new at all
SOON = timedelta(days=7)  # a credential change is remembered this long
SETTLED_SECONDS, SOON_SECONDS, MINUTE = SETTLED.total_seconds(), SOON.total_seconds(), 60.0
CEILING = 1_000_000.0
PLACES = 4  # decimals kept: what is stored is what was judged

PAID = types(EventType.TRANSACTION_ATTEMPTED, EventType.TRANSACTION_SUCCEEDED)
PAYMENTS = PAID | {EventType.PAYMENT_FAILED}
#: How many of the ``PAID`` events behind one order the judged event knows to be its own.
OWN: dict[str, int] = {
    EventType.TRANSACTION_ATTEMPTED: 1,
    EventType.TRANSACTION_SUCCEEDED: 2,
    EventType.PAYMENT_FAILED: 1,
}

#: How far a network is from someone's home line.
NETWORK_RISK = {"cdn": 0.5, "hosting": 1.0, "bot": 1.0, "vpn": 1.0, "tor": 2.0}

Measure = Callable[[EventRecord, Seen], float]


@dataclass(frozen=True)
class Feature:
    """One number about an event. ``topics`` say what it speaks of: a topic is explained as one thing."""

    name: str
    measure: Measure
    topics: tuple[str, ...]
    needs: Mapping[str, Wish] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """One kind of model: what it listens to and what it measures."""

    name: str
    title: str
    usual: str  # what it compares with, for people: "payments"
    listens_to: frozenset[str]
    features: tuple[Feature, ...]

    @property
    def detector_id(self) -> str:
        """The id of its detector, under which ``Event.seen`` keeps what was measured."""
        return f"anomaly-{self.name}"

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def _needs(self) -> dict[str, Wish]:
        return {name: wish for feature in self.features for name, wish in feature.needs.items()}

    def needs(self) -> Mapping[str, Wish]:
        return self._needs

    def measure(self, event: EventRecord, seen: Seen) -> dict[str, float]:
        """Every feature of the event by name, always finite; what is missing measures 0."""
        return {feature.name: plain(feature.measure(event, seen)) for feature in self.features}

    def row(self, measured: Mapping[str, Any]) -> list[float] | None:
        """Stored or fresh measures as a model's row; None when one is missing, as from before it was thought of."""
        if not isinstance(measured, Mapping) or any(name not in measured for name in self.names):
            return None
        return [plain(measured[name]) for name in self.names]


def plain(value: Any) -> float:
    """A finite number from 0 up, whatever comes in."""
    try:
        if value == 0.0:  # most are
            return 0.0
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return round(min(max(number, 0.0), CEILING), PLACES) if isfinite(number) else 0.0


def freshness(since: Any, now: datetime) -> float:
    """1 for just now, falling with the logarithm of the age to 0 at ``SETTLED``."""
    return _recency(since, now, SETTLED_SECONDS) if isinstance(since, datetime) else 1.0


def novelty(event: EventRecord, seen: Seen, name: str) -> float:
    """How much younger this event's value of a field is than the member, from 0 to 1."""
    member, value = seen.get("member_first"), seen.get(f"{name}_first")
    if member is None or value == member or getattr(event, name) is None:
        return 0.0
    now = event.occurred_at
    return max(freshness(value, now) - freshness(member, now), 0.0)


def times_usual(amount: Any, habit: Any) -> float:
    """An amount as a multiple of the usual one; 0 without a habit."""
    if amount is None or not isinstance(habit, Mapping) or not habit.get("median"):
        return 0.0
    return float(amount) / float(habit["median"])


def earlier(event: EventRecord, count: Any) -> float:
    """A count of payments without those that are the judged order's own."""
    return max(float(count or 0) - OWN.get(event.type, 0), 0.0)


def spent_before(event: EventRecord, seen: Seen) -> float:
    """What the day's other payments came to."""
    own = float(event.amount or 0) * OWN.get(event.type, 0)
    return max(float(seen.get("spent_day") or 0) - own, 0.0)


def failures_before(event: EventRecord, count: Any) -> float:
    """Failed payments besides the judged one: the first failure is nobody's fault."""
    return max(float(count or 0) - (event.type == EventType.PAYMENT_FAILED), 0.0)


def _recency(since: datetime, now: datetime, settled: float) -> float:
    age = max((now - since).total_seconds(), 0.0) + MINUTE
    return log(settled / age) / log(settled / MINUTE) if age < settled else 0.0


def _stranger(event: EventRecord, seen: Seen) -> float:
    return novelty(event, seen, "device_id") * novelty(event, seen, "ip")


def _above_usual(event: EventRecord, seen: Seen) -> float:
    return log(max(times_usual(event.amount, seen.get("habit")), 1.0))


def _beyond_spread(event: EventRecord, seen: Seen) -> float:
    """How far above the habit, in its own spread: a varied buyer may vary."""
    habit = seen.get("habit")
    if event.amount is None or not isinstance(habit, Mapping) or not habit.get("median"):
        return 0.0
    spread = 1.4826 * float(habit.get("mad") or 0) + 0.05 * float(habit["median"])
    return log1p(max(float(event.amount) - float(habit["median"]), 0.0) / spread)


def _day_above_usual(event: EventRecord, seen: Seen) -> float:
    return log1p(times_usual(spent_before(event, seen), seen.get("habit")))


def _new_device_large(event: EventRecord, seen: Seen) -> float:
    return novelty(event, seen, "device_id") * _above_usual(event, seen)


def _after_change(event: EventRecord, seen: Seen) -> float:
    """1 right after a credential change, 0 a week later."""
    last = seen.get("credential_change")
    if not isinstance(last, Mapping) or not isinstance(last.get("occurred_at"), datetime):
        return 0.0
    return _recency(last["occurred_at"], event.occurred_at, SOON_SECONDS)


def _unbrowsed(event: EventRecord, seen: Seen) -> float:
    return float(event.session_id is not None and not seen.get("browsed"))


def _first(*names: str) -> dict[str, Wish]:
    return {"member_first": FirstSeen("member_id"), **{f"{name}_first": FirstSeen(name) for name in names}}


def _new(name: str, topic: str) -> Feature:
    return Feature(f"{topic}_novelty", lambda event, seen: novelty(event, seen, name), (topic,), _first(name))


def _more_than_one(name: str, topic: str, wish: Wish) -> Feature:
    return Feature(name, lambda _event, seen: log1p(max(float(seen.get(name) or 0) - 1, 0.0)), (topic,), {name: wish})


HABIT = {"habit": Baseline(PAID, per="subject")}
CHANGES = types(*CREDENTIAL_CHANGES)
WHO = (
    _new("device_id", "device"),
    _new("ip", "address"),
    _new("country", "country"),
    _new("agent", "agent"),
    Feature("stranger", _stranger, ("device", "address"), _first("device_id", "ip")),
    Feature("network_risk", lambda event, _seen: NETWORK_RISK.get(event.network or "", 0.0), ("network",)),
    Feature("after_change", _after_change, ("credentials",), {"credential_change": Last(CHANGES, SOON)}),
    Feature(
        "guesses",
        lambda _event, seen: log1p(float(seen.get("guesses") or 0)),
        ("guesses",),
        {"guesses": Count(types(EventType.LOGIN_FAILED), HOUR)},
    ),
)
MONEY = (
    Feature("amount_above_usual", _above_usual, ("amount",), HABIT),
    Feature("amount_beyond_spread", _beyond_spread, ("amount",), HABIT),
    Feature("new_device_large", _new_device_large, ("amount", "device"), HABIT | _first("device_id")),
    Feature("day_above_usual", _day_above_usual, ("spending",), HABIT | {"spent_day": Sum(PAID, DAY, per="subject")}),
    Feature(
        "payments_hour",
        lambda event, seen: log1p(earlier(event, seen.get("payments_hour"))),
        ("pace",),
        {"payments_hour": Count(PAID, HOUR, per="subject")},
    ),
    Feature(
        "failures_hour",
        lambda event, seen: log1p(failures_before(event, seen.get("failures_hour"))),
        ("failures",),
        {"failures_hour": Count(types(EventType.PAYMENT_FAILED), HOUR, per="subject")},
    ),
    Feature(
        "failures_here",
        lambda event, seen: log1p(failures_before(event, seen.get("failures_here"))),
        ("failures_here",),
        {"failures_here": Count(types(EventType.PAYMENT_FAILED), HOUR, per="ip")},
    ),
    _new("payment_method_id", "method"),
    _more_than_one("methods_day", "methods", Distinct("payment_method_id", PAYMENTS, DAY, per="subject")),
    _more_than_one("methods_here", "methods_here", Distinct("payment_method_id", PAYMENTS, HOUR, per="ip")),
    Feature("unbrowsed", _unbrowsed, ("browsing",), {"browsed": Count(types(*BROWSING), DAY, per="session")}),
)
DOOR = (
    _more_than_one("addresses_day", "addresses", Distinct("ip", types(EventType.LOGIN_SUCCEEDED), DAY)),
    Feature(
        "guessed_here",
        lambda _event, seen: log1p(float(seen.get("guessed_here") or 0)),
        ("guessed_here",),
        {"guessed_here": Distinct("member_id", types(EventType.LOGIN_FAILED), HOUR, per="ip")},
    ),
)

KINDS: tuple[Kind, ...] = (
    Kind("payments", "Unusual payment", "payments", PAYMENTS, WHO + MONEY),
    Kind("sign-ins", "Unusual sign-in", "sign-ins", types(EventType.LOGIN_SUCCEEDED), WHO + DOOR),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_named(name: str) -> Kind:
    """Raises KeyError for a kind there is not."""
    return _BY_NAME[name]
