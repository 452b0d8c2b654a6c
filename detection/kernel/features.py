"""Features are wishes: frozen values a detector asks for and a store grants.

Windows run on the events' own time and are exact: an event counts when ``end - within < occurred_at <= end``. In order,
``end`` is the judged event's ``occurred_at``. When newer events of the same wish were observed first and the judged one
still lies within a window with them, ``end`` is the latest such event, so a burst that arrives shuffled counts like one
that arrives in order. Everything is keyed by event id, so a repeat counts once. ``per`` names the key a window belongs
to; a wish whose key is absent on the event is granted its empty value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from detection.kernel.vocabulary import EventType

Key = Literal["member", "ip", "device", "session", "email", "payment_method", "recipient", "shipping", "subject"]

#: Events that prove who acted, and so teach what is known of a key. Failed and challenged sign-ins never do,
#: nor does browsing, nor anything told by a key of low trust.
TEACHES = frozenset(
    {
        EventType.LOGIN_SUCCEEDED,
        EventType.MFA_SUCCEEDED,
        EventType.ACCOUNT_CREATED,
        EventType.TRANSACTION_SUCCEEDED,
    }
)

#: Fields a store remembers of each event it observes, beside its type and time.
REMEMBERED = (
    "member_id",
    "ip",
    "device_id",
    "session_id",
    "country",
    "latitude",
    "longitude",
    "located_by",
    "network",
    "agent",
    "asn",
    "amount",
    "currency",
    "payment_method_id",
    "recipient_id",
    "path",
    "http_status",
    "account_exists",
    "changed",
    "email_disposable",
    "trust",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Something about the past of one key. ``types`` empty means any type."""


@dataclass(frozen=True, slots=True)
class Count(Wish):
    """How many events of ``types`` within ``within``, the judged event included. Empty value: 0."""

    types: frozenset[str]
    within: timedelta
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class Distinct(Wish):
    """How many different values ``field`` took on events of ``types``, absent ones aside; each value counts where it
    was seen last. Empty value: 0."""

    field: str
    types: frozenset[str]
    within: timedelta
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class Sum(Wish):
    """The sum of ``amount`` in the judged event's currency, as Decimal. Empty value: Decimal(0)."""

    types: frozenset[str]
    within: timedelta
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class FirstSeen(Wish):
    """When this key first showed the judged event's value of ``field``, as an aware datetime; the judged event itself
    counts, so a value new right now is answered with its own ``occurred_at``. Only events in ``TEACHES`` teach.
    None when the event has no such value, or is itself of a kind that does not teach and the value was not seen
    by then."""

    field: str
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class Last(Wish):
    """The newest *earlier* event of ``types`` (strictly before the judged one in time, or the same time and observed
    before it), within ``within``, as a dict of REMEMBERED fields plus ``type``, ``occurred_at`` and ``event_id``;
    None when there is none."""

    types: frozenset[str]
    within: timedelta
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class Known(Wish):
    """How many different values of ``field`` this key had proved before the judged event's ``occurred_at`` (see
    FirstSeen). Empty: 0."""

    field: str
    per: Key = "member"


@dataclass(frozen=True, slots=True)
class Baseline(Wish):
    """The robust habit in ``amount`` over earlier events of ``types`` in the judged event's currency: a dict
    ``{"count", "median", "mad"}`` of floats over at most the newest 100 within ``within``, the judged event excluded.
    MAD is the raw median absolute deviation. None when fewer than ``least``."""

    types: frozenset[str]
    within: timedelta = timedelta(days=90)
    per: Key = "member"
    least: int = 5


@dataclass(frozen=True, slots=True)
class Pace(Wish):
    """How evenly events of ``types`` follow each other: a dict ``{"count", "median", "spread"}`` over the gaps between
    at most the newest 100 up to the judged one within ``within``: how many, their median in seconds, and the distance
    of their quartiles as a share of it. None when fewer than ``least`` gaps."""

    types: frozenset[str]
    within: timedelta
    per: Key = "member"
    least: int = 20


@dataclass(frozen=True, slots=True)
class Hours(Wish):
    """How familiar the judged event's time of day is: a dict ``{"count", "near"}`` over at most the newest 100 earlier
    events of ``types`` within ``within``: how many, and how many of them came within ``around`` of it by the clock.
    What came within a day before is no habit yet and is left out. None when fewer than ``least``."""

    types: frozenset[str]
    within: timedelta = timedelta(days=90)
    around: timedelta = timedelta(hours=4)
    per: Key = "member"
    least: int = 4


def types(*names: str) -> frozenset[str]:
    """Shorthand for a wish's ``types``."""
    return frozenset(str(name) for name in names)
