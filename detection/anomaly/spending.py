"""What somebody pays beside what they are used to: plain arithmetic over granted windows, 0 upwards."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, log1p
from typing import Any

from detection.kernel.detector import Seen
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import EventType

#: How many of the events behind one order, tried and paid, the judged event knows to be its own.
OWN: dict[str, int] = {
    EventType.TRANSACTION_ATTEMPTED: 1,
    EventType.TRANSACTION_SUCCEEDED: 2,
    EventType.PAYMENT_FAILED: 1,
}
NORMAL = 1.4826  # median absolute deviations to a standard deviation


def times_usual(amount: Any, habit: Any) -> float:
    """An amount as a multiple of the usual one; 0 without a habit."""
    if amount is None or not isinstance(habit, Mapping) or not habit.get("median"):
        return 0.0
    return float(amount) / float(habit["median"])


def above_usual(event: EventRecord, seen: Seen) -> float:
    """The logarithm of how many times the usual payment it is; 0 for a smaller one."""
    return log(max(times_usual(event.amount, seen.get("habit")), 1.0))


def beyond_spread(event: EventRecord, seen: Seen) -> float:
    """How far above the habit of 7, of 30 and of 90 days, each in its own spread, for a varied buyer may vary: the
    middle one. A month of dearer things is nothing odd, and a thief's own week of them makes no habit."""
    habits = (seen.get(name) for name in ("habit", "habit_month", "habit_week"))
    beyond = sorted(_beyond(event.amount, habit) for habit in habits if times_usual(event.amount, habit))
    return beyond[len(beyond) // 2] if beyond else 0.0


def earlier(event: EventRecord, count: Any) -> float:
    """A count of payments without those that are the judged order's own."""
    return max(float(count or 0) - OWN.get(event.type, 0), 0.0)


def spent_before(event: EventRecord, seen: Seen) -> float:
    """What the day's other payments came to."""
    own = float(event.amount or 0) * OWN.get(event.type, 0)
    return max(float(seen.get("spent_day") or 0) - own, 0.0)


def _beyond(amount: Any, habit: Any) -> float:
    usual = float(habit["median"])
    spread = NORMAL * float(habit.get("mad") or 0) + 0.05 * usual
    return log1p(max(float(amount) - usual, 0.0) / spread)
