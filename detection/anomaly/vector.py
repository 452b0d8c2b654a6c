"""What a model looks at: each kind's features, measured in plain Python, the same for training and for judging.

Every feature is 0 where nothing speaks of risk and grows towards risk only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from math import log1p
from typing import Any

from detection.anomaly import novelty, spending
from detection.anomaly.novelty import NETWORK_RISK, more, plain, surprise
from detection.kernel.detector import Seen
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Known, Last, Sum, Wish, types
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import BROWSING, CREDENTIAL_CHANGES, EventType, Severity

TEN, HOUR, SHORTLY, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=3), timedelta(days=1)
LONG = timedelta(days=90)

PAID = types(EventType.TRANSACTION_ATTEMPTED, EventType.TRANSACTION_SUCCEEDED)
PAYMENTS = PAID | {EventType.PAYMENT_FAILED}
REFUSED, FAILED = types(EventType.PAYMENT_FAILED), types(EventType.LOGIN_FAILED)
ENTERED, MADE = types(EventType.LOGIN_SUCCEEDED), types(EventType.ACCOUNT_CREATED)
LOOKS, VIEWED = types(*BROWSING), types(EventType.PAGE_VIEWED)
MACHINES = frozenset({"library", "headless", "empty"})  # agents that are no browser

Measure = Callable[[EventRecord, Seen], float]


@dataclass(frozen=True)
class Feature:
    """One number about an event. ``topics`` say what it speaks of: each is explained as one thing."""

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
    budget: float = 0.002  # of ordinary events may be called strange
    odd: float | None = None  # all but this share are so ordinary that a faint finding of rules is not worth a note
    points: int = Severity.MEDIUM.points  # what a strange event weighs beside a rule

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


def failures_before(event: EventRecord, count: Any) -> float:
    """Failed payments besides the judged one: the first failure is nobody's fault."""
    return max(float(count or 0) - (event.type == EventType.PAYMENT_FAILED), 0.0)


def guessed_before(seen: Seen) -> float:
    """Other accounts that were tried from the same address."""
    return max(float(seen.get("guessed_here") or 0) - bool(seen.get("guesses")), 0.0)


def _unbrowsed(event: EventRecord, seen: Seen) -> float:
    return float(event.session_id is not None and not seen.get("browsed"))


def _asked(measure: Measure) -> Measure:
    """Search engines come from addresses they publish: what they do is no sign of anything."""
    return lambda event, seen: 0.0 if event.network == "bot" else measure(event, seen)


def _first(*names: str) -> dict[str, Wish]:
    """What the surprise of these fields takes."""
    past: dict[str, Wish] = {"member_first": FirstSeen("member_id")}
    past |= {"visits": Count(ENTERED, LONG), "orders": Count(types(EventType.TRANSACTION_SUCCEEDED), LONG)}
    past |= {f"{name}_first": FirstSeen(name) for name in names}
    return past | {f"{name}_known": Known(name) for name in names}


DEVICE, PLACE = _first("device_id"), _first("device_id", "access", "country") | {"network_first": FirstSeen("network")}
HABIT: dict[str, Wish] = {"habit": Baseline(PAID, per="subject")}  # of 90 days
HABITS = HABIT | {
    "habit_month": Baseline(PAID, timedelta(days=30), per="subject"),
    "habit_week": Baseline(PAID, timedelta(days=7), per="subject"),
}
GUESSES: dict[str, Wish] = {"guesses": Count(FAILED, SHORTLY)}
LAST: dict[str, Wish] = {"last_sign_in": Last(ENTERED, LONG)}


def _of(name: str, measure: Measure, *topics: str, needs: Mapping[str, Wish]) -> Feature:
    return Feature(name, measure, topics, needs)


def _more(name: str, topic: str, wish: Wish) -> Feature:
    """How many more than one."""
    return Feature(name, lambda _event, seen: more(seen.get(name)), (topic,), {name: wish})


WHO = (
    _of("device", lambda event, seen: surprise(event, seen, "device_id"), "device", needs=DEVICE),
    _of("country", lambda event, seen: novelty.place(event, seen, "country"), "country", needs=PLACE),
    _of("stranger", novelty.stranger, "device", "address", needs=PLACE),
    _of("network_risk", novelty.hides, "network", needs=PLACE),
    _of("hour", novelty.odd_hour, "hour", needs=DEVICE | _first("hours")),
    _of("youth", novelty.youth, "youth", needs={"member_first": FirstSeen("member_id")}),
    _of(
        "after_change",
        novelty.after_change,
        "credentials",
        needs=DEVICE | {"credential_change": Last(types(*CREDENTIAL_CHANGES), novelty.SOON)},
    ),
    _of(
        "guesses",
        lambda event, seen: novelty.guessed(event, seen, float(seen.get("guesses") or 0)),
        "guesses",
        needs=DEVICE | GUESSES,
    ),
    _of(
        "guessed_here",
        lambda _event, seen: log1p(guessed_before(seen)),
        "guessed_here",
        needs=GUESSES | {"guessed_here": Distinct("member_id", FAILED, DAY, per="ip")},
    ),
    _of(
        "names_here",
        lambda _event, seen: log1p(float(seen.get("names_here") or 0)),
        "names_here",
        needs={"names_here": Distinct("email", FAILED, DAY, per="ip")},
    ),
    _more("accounts_here", "accounts_here", Distinct("member_id", MADE, DAY, per="ip")),
    _more("accounts_on_device", "shared_device", Distinct("member_id", MADE, DAY, per="device")),
    _of("haste", novelty.haste, "travel", needs=PLACE | LAST),
)
DOOR = (
    _more("members_on_device", "shared_device", Distinct("member_id", ENTERED, DAY, per="device")),
    _of("dormancy", novelty.dormancy, "dormancy", needs=DEVICE | LAST),
    _of(
        "sign_ins_hour",
        lambda event, seen: more(seen.get("sign_ins_hour")) * novelty.foreign(event, seen),
        "sign_ins",
        needs=DEVICE | {"sign_ins_hour": Count(ENTERED, HOUR)},
    ),
)
MONEY = (
    _of("amount_beyond_spread", spending.beyond_spread, "amount", needs=HABITS),
    _of(
        "stranger_large",
        lambda event, seen: novelty.stranger(event, seen) * spending.above_usual(event, seen),
        "amount",
        "device",
        needs=HABIT | PLACE,
    ),
    _of(
        "day_above_usual",
        lambda event, seen: log1p(spending.times_usual(spending.spent_before(event, seen), seen.get("habit"))),
        "spending",
        needs=HABIT | {"spent_day": Sum(PAID, DAY, per="subject")},
    ),
    _of(
        "payments_hour",
        lambda event, seen: log1p(spending.earlier(event, seen.get("payments_hour"))),
        "pace",
        needs={"payments_hour": Count(PAID, HOUR, per="subject")},
    ),
    _of(
        "failures_hour",
        lambda event, seen: log1p(failures_before(event, seen.get("failures_hour"))),
        "failures",
        needs={"failures_hour": Count(REFUSED, HOUR, per="subject")},
    ),
    _of(
        "failures_here",
        lambda event, seen: log1p(failures_before(event, seen.get("failures_here"))),
        "failures_here",
        needs={"failures_here": Count(REFUSED, DAY, per="ip")},
    ),
    _of(
        "new_method",
        lambda event, seen: surprise(event, seen, "payment_method_id"),
        "method",
        needs=_first("payment_method_id"),
    ),
    _more("methods_day", "methods", Distinct("payment_method_id", PAYMENTS, DAY, per="subject")),
    _more("methods_here", "methods_here", Distinct("payment_method_id", PAYMENTS, DAY, per="ip")),
    _of("unbrowsed", _unbrowsed, "browsing", needs={"browsed": Count(LOOKS, SHORTLY, per="session")}),
    _more("session_devices", "session", Distinct("device_id", frozenset(), SHORTLY, per="session")),
    _more("session_countries", "session", Distinct("country", frozenset(), SHORTLY, per="session")),
)
SESSION = (
    _of(
        "pages",
        _asked(lambda _event, seen: log1p(float(seen.get("pages") or 0))),
        "pages",
        needs={"pages": Distinct("path", LOOKS, TEN, per="subject")},
    ),
    _of(
        "pages_here",
        _asked(lambda _event, seen: log1p(float(seen.get("pages_here") or 0))),
        "pages_here",
        needs={"pages_here": Distinct("path", LOOKS, TEN, per="ip")},
    ),
    _of(
        "refused_here",
        _asked(lambda _event, seen: log1p(float(seen.get("refused_here") or 0))),
        "refused",
        needs={"refused_here": Distinct("refused_path", VIEWED, timedelta(hours=2), per="ip")},
    ),
    _of(
        "nameless",
        _asked(lambda event, _seen: float(event.ip is not None and event.session_id is None)),
        "nameless",
        needs={},
    ),
    _of("machine", lambda event, _seen: float(event.agent_kind in MACHINES), "machine", needs={}),
    _of(
        "network_risk",
        _asked(lambda event, _seen: NETWORK_RISK.get(event.network or "", 0.0)),
        "network",
        needs={},
    ),
    _more("session_devices", "session", Distinct("device_id", frozenset(), SHORTLY, per="session")),
    _more("session_lines", "session", Distinct("access", frozenset(), SHORTLY, per="session")),
)

#: A payment's rules look at nearly all its model does: beside them it only makes a check of two faint findings.
KINDS: tuple[Kind, ...] = (
    Kind("payments", "Unusual payment", "payments", PAYMENTS, WHO + MONEY, budget=0.0005, points=10),
    Kind("sign-ins", "Unusual sign-in", "sign-ins", ENTERED, WHO + DOOR, odd=0.05),
    Kind("browsing", "Unusual browsing", "visits", LOOKS, SESSION, budget=0.0005),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_named(name: str) -> Kind:
    """Raises KeyError for a kind there is not."""
    return _BY_NAME[name]
