"""Say it once, after commit. The only ``on_commit`` in the project; facts are ids.

Doors subscribe to ``announced``: the live door pushes frames, the queue's door rings bells. A receiver that fails is
logged and harms nobody: whatever it would have said is in the database, and a sweeper or a catch-up finds it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from django.db import transaction
from django.dispatch import Signal

announced = Signal()
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EventsAccepted:
    """New rows wait in the inbox."""

    count: int


@dataclass(frozen=True, slots=True)
class OutboxFilled:
    """Messages wait to be carried."""

    count: int


@dataclass(frozen=True, slots=True)
class WebhooksWaiting:
    """Messages wait for the shop's own systems."""

    count: int


@dataclass(frozen=True, slots=True)
class FeedAdvanced:
    """Feed entries were committed. ``previous_staff`` and ``previous_member`` are the ids just before them for each
    audience, so a listener can see a gap."""

    entries: tuple[int, ...]
    previous_staff: int
    previous_member: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditWaiting:
    """Audit entries wait for the sequencer."""

    count: int


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """These users must be signed out everywhere, or in one session only; their sockets close."""

    user_ids: tuple[int, ...]
    keep_session: str | None = None
    only_session: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceDisowned:
    """A member said a device is not theirs: whatever it proved no longer counts."""

    member_id: str
    device_id: str


@dataclass(frozen=True, slots=True)
class DutyChanged:
    """Somebody changed who is on duty: a list or a rule. This process need not wait to see it."""


@dataclass(frozen=True, slots=True)
class TrainingAsked:
    """Somebody wants the models taught anew now."""


@dataclass(frozen=True, slots=True)
class TrialAsked:
    """A back-test of a rule waits to be run."""


Announcement = (
    EventsAccepted
    | OutboxFilled
    | WebhooksWaiting
    | FeedAdvanced
    | AuditWaiting
    | SessionsEnded
    | DeviceDisowned
    | DutyChanged
    | TrialAsked
    | TrainingAsked
)


def announce(announcement: Announcement) -> None:
    """Tell every subscriber once the transaction has committed, at once when there is none."""
    transaction.on_commit(lambda: _tell(announcement))


def _tell(announcement: Announcement) -> None:
    for receiver, answer in announced.send_robust(sender=type(announcement), announcement=announcement):
        if isinstance(answer, Exception):
            logger.warning(
                "announcement.receiver_failed",
                receiver=getattr(receiver, "__qualname__", str(receiver)),
                announcement=type(announcement).__name__,
                error=type(answer).__name__,
            )
