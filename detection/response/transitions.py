"""The state machine of a member's lock: every move there is. What is not here cannot be written.

``docs/respond.md`` draws it from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detection.kernel.vocabulary import LockState

CLEAR, RESTRICTED, LOCKED = LockState.CLEAR, LockState.RESTRICTED, LockState.LOCKED


class Cause(StrEnum):
    """What moves a lock."""

    PLACE = "place"
    RELEASE = "release"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a state to the next, and who takes it."""

    before: LockState
    after: LockState
    cause: Cause
    text: str


MOVES = (
    Move(CLEAR, RESTRICTED, Cause.PLACE, "a rule above its cap, staff or the shop ask for an extra check"),
    Move(CLEAR, LOCKED, Cause.PLACE, "a rule, staff, the shop, or the member's “this wasn't me”"),
    Move(RESTRICTED, LOCKED, Cause.PLACE, "a stronger reason, or staff confirm a storm"),
    Move(RESTRICTED, RESTRICTED, Cause.PLACE, "a further reason"),
    Move(LOCKED, LOCKED, Cause.PLACE, "a further reason"),
    Move(LOCKED, CLEAR, Cause.RELEASE, "a one-time code where every reason allows it, staff, or the shop"),
    Move(RESTRICTED, CLEAR, Cause.RELEASE, "a one-time code, staff, or the shop"),
    Move(LOCKED, RESTRICTED, Cause.RELEASE, "the locking reason ends, a weaker one stands"),
    Move(LOCKED, LOCKED, Cause.RELEASE, "one of several reasons ends"),
    Move(RESTRICTED, RESTRICTED, Cause.RELEASE, "one of several reasons ends"),
    Move(LOCKED, CLEAR, Cause.EXPIRE, "the end set when it was placed"),
    Move(RESTRICTED, CLEAR, Cause.EXPIRE, "the end set when it was placed"),
    Move(LOCKED, RESTRICTED, Cause.EXPIRE, "the locking reason ran out, a weaker one stands"),
    Move(LOCKED, LOCKED, Cause.EXPIRE, "one of several reasons ran out"),
    Move(RESTRICTED, RESTRICTED, Cause.EXPIRE, "one of several reasons ran out"),
)
_ALLOWED = frozenset((move.before, move.after, move.cause) for move in MOVES)


def allowed(before: LockState, after: LockState, cause: Cause) -> bool:
    """Whether the table has this move."""
    return (before, after, cause) in _ALLOWED
