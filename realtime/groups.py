"""The audiences of the live feed. Names come from server-side ids only; a client never names a group."""

from __future__ import annotations

STAFF = "staff"


def member(pk: int) -> str:
    """A member's own feed."""
    return f"member.{pk}"


def user(pk: int) -> str:
    """Word to a user's sockets, whatever they show: that they must close."""
    return f"user.{pk}"
