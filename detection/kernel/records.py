"""The shapes that travel: what detectors read, what doors write.

Wire shapes live here once, so REST, frames, webhooks and ``backtest`` say the same thing.
Every ``wire()`` returns JSON-ready values: times as ISO 8601 UTC, decimals as strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from detection.kernel.vocabulary import (
    MADE_AFTER_SIGN_IN,
    REFUSED_BY_SCOPE,
    Action,
    ActorKind,
    EventType,
    Family,
    LockScope,
    LockState,
    Outcome,
    Severity,
    Trust,
)

#: What a page fetches by itself.
PARTS_OF_PAGES = (
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".ico", ".css", ".js", ".woff", ".woff2", ".ttf", ".mp4",
    ".webmanifest",
)  # fmt: skip


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with microseconds and ``Z``: equal moments are equal strings and sort as time."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def subject_of(  # noqa: PLR0917 - for every event: its names in order of weight
    member: str | None,
    device: str | None,
    email: str | None,
    payment_method: str | None,
    session: str | None,
    address: str | None,
    client: int,
) -> str:
    """Whom an event is about: the member, else the best name of its source, its kind before it."""
    if member:
        return f"member:{member}"
    if device:
        return f"device:{device}"
    if email:
        return f"email:{email}"
    if payment_method:
        return f"payment_method:{payment_method}"
    if session:
        return f"session:{session}"
    return f"address:{address}" if address else f"client:{client}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One thing that happened, as detectors see it. ``id`` is ours, ``event_id`` the app's."""

    id: str
    event_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    client_id: int = 0
    trust: Trust = Trust.NORMAL
    simulated: bool = False
    member_id: str | None = None
    account_exists: bool | None = None
    session_id: str | None = None
    device_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    asn: int | None = None
    amount: Decimal | None = None
    currency: str | None = None
    payment_method_id: str | None = None
    recipient_id: str | None = None
    order_id: str | None = None
    payment: Mapping[str, Any] = field(default_factory=dict)
    path: str | None = None
    http_status: int | None = None
    referrer: str | None = None
    query: str | None = None
    email: str | None = None
    phone: str | None = None
    changed: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # Filled by enrichment, never by the sender.
    network: str | None = None  # "hosting", "vpn", "tor", "cdn", "bot", "mobile", "reserved"; None = unknown
    network_owner: str | None = None
    agent: str | None = None  # "Mobile Safari on iPhone"
    agent_kind: str | None = None  # "browser", "bot", "headless", "library", "empty"
    phone_country: str | None = None  # ISO 3166-1 alpha-2, of a number in international form
    email_disposable: bool | None = None  # at a throw-away provider
    located_by: str | None = None  # "sender", "city", "country"; None = place unknown

    @property
    def subject(self) -> str:
        """Whom an alert is about: the member, else the best name of the source.

        The kind comes first, so a member called ``device:x`` is never mistaken for a device.
        """
        return subject_of(
            self.member_id, self.device_id, self.email, self.payment_method_id, self.session_id, self.ip, self.client_id
        )

    @property
    def access(self) -> str | None:
        """The line someone came in by: the part of the address a provider hands out of. The provider as a whole
        (``asn``) is too coarse: whoever buys from the same one would be at home."""
        if self.ip is None:
            return None
        parts = self.ip.split(".")
        return ".".join(parts[:2]) if len(parts) == 4 else ":".join(self.ip.split(":")[:2])

    @property
    def hours(self) -> int:
        """The eighth of the day, in UTC: somebody's own hours, whatever zone they live in."""
        return self.occurred_at.astimezone(UTC).hour // 3

    @property
    def refused_path(self) -> str | None:
        """The path asked for when there was nothing, or nothing to be had: a 4xx or 5xx. A picture or a script that is
        not there is the page's fault, and nobody asked for it."""
        if self.http_status is None or self.http_status < 400 or self.path is None:
            return None
        return None if self.path.partition("?")[0].lower().endswith(PARTS_OF_PAGES) else self.path

    @property
    def shipping_key(self) -> str | None:
        """Where it is sent to, as the app names it."""
        key = self.payment.get("shipping_key")
        return key if isinstance(key, str) and key else None

    @property
    def made_after_sign_in(self) -> bool:
        """Whether only a signed-in member can have caused this."""
        if self.member_id is None:
            return False
        if self.type == EventType.LOGIN_SUCCEEDED:
            return bool(self.session_id)
        return self.type in MADE_AFTER_SIGN_IN


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in words a member could read, with what was observed and what would have been allowed.

    ``points`` is told only where a reason lowers the score, and is negative then.
    """

    code: str
    text: str
    observed: Any = None
    threshold: Any = None
    points: int | None = None

    def wire(self) -> dict[str, Any]:
        said = {
            "code": self.code,
            "text": self.text,
            "observed": _plain(self.observed),
            "threshold": _plain(self.threshold),
        }
        return said if self.points is None else {**said, "points": self.points}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One detector's finding about one event."""

    detector: str
    title: str
    severity: Severity
    family: Family
    suggests: Action
    reason: Reason
    points: int
    from_model: bool = False
    shadow: bool = False  # computed and kept, weighs nothing
    about: str | None = None  # whom it is about where that is not the event's own subject: the source of a whole run

    def wire(self) -> dict[str, Any]:
        return {
            "detector": self.detector,
            "title": self.title,
            "severity": self.severity.value,
            "family": self.family.value,
            "points": self.points,
            "shadow": self.shadow,
            **self.reason.wire(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All signals of one event, weighed."""

    event: EventRecord
    signals: tuple[Signal, ...] = ()  # live ones, strongest first
    trust: tuple[Signal, ...] = ()  # what lowered the score, strongest first; empty when nothing raised it
    shadows: tuple[Signal, ...] = ()
    risk_score: int = 0
    severity: Severity = Severity.LOW
    outcome: Outcome = Outcome.ALLOW
    action: Action = Action.NONE  # what the evidence supports; the playbook says what was done
    seen: Mapping[str, Any] = field(default_factory=dict)  # what the detectors saw
    broken: tuple[str, ...] = ()  # detectors that raised and were skipped
    degraded: tuple[str, ...] = ()

    @property
    def incident(self) -> str | None:
        return self.signals[0].family.incident if self.signals else None

    @property
    def subject(self) -> str:
        """Whom an alert of this is about: where every finding is about a source, the source and not whom it tried."""
        about = {signal.about for signal in self.signals}
        return self.signals[0].about or self.event.subject if about and None not in about else self.event.subject

    @property
    def member_id(self) -> str | None:
        """The member an alert of this is about, if it is about one."""
        return self.event.member_id if self.subject == self.event.subject else None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the score is what it is: what raised it, then what lowered it."""
        return tuple(signal.reason for signal in (*self.signals, *self.trust))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """A lock as REST, decisions and frames show it. ``None`` stands for clear."""

    state: LockState
    scopes: tuple[LockScope, ...]
    reason: Reason
    since: datetime
    expires_at: datetime | None
    by: ActorKind
    self_unlock: bool
    version: int

    def refuses(self, event_type: str) -> bool:
        """Whether an action of this type is covered by the lock's scopes."""
        return any(event_type in REFUSED_BY_SCOPE[scope] for scope in self.scopes)

    def wire(self) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "scopes": [scope.value for scope in self.scopes],
            "reason": {"code": self.reason.code, "text": self.reason.text},
            "since": iso(self.since),
            "expires_at": iso(self.expires_at),
            "by": self.by.value,
            "self_unlock": self.self_unlock,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True)
class HealthReason:
    code: str
    text: str
    points: int  # negative: what it costs
    fix: str

    def wire(self) -> dict[str, Any]:
        return {"code": self.code, "text": self.text, "points": self.points, "fix": self.fix}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRecord:
    """A member's health: 100 less what the reasons cost. Computed, never stored."""

    score: int
    band: str  # "good" >= 80, "fair" >= 50, "at_risk"
    reasons: tuple[HealthReason, ...] = ()
    suggestions: tuple[Mapping[str, str], ...] = ()  # {"code", "text", "url"}, at most three

    def wire(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "band": self.band,
            "reasons": [reason.wire() for reason in self.reasons],
            "suggestions": [dict(item) for item in self.suggestions],
        }


#: What a member is not told of an alert.
STAFF_ONLY = (
    "detectors",
    "risk_score",
    "suggested_actions",
    "assignee",
    "snoozed_until",
    "subject",
    "disposition",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert as staff see it; ``member_wire`` is what its own member may see."""

    id: str
    cursor: str
    status: str
    disposition: str | None
    severity: str
    risk_score: int
    title: str
    summary: str
    detectors: tuple[str, ...]
    reasons: tuple[Mapping[str, Any], ...]
    suggested_actions: tuple[str, ...]
    action_taken: str
    member_id: str | None
    subject: str
    event_id: str
    event_count: int
    first_seen_at: datetime
    last_seen_at: datetime
    created_at: datetime
    disputed: bool
    assignee: str | None
    context: Mapping[str, Any]
    snoozed_until: datetime | None = None

    def wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "cursor": self.cursor,
            "status": self.status,
            "disposition": self.disposition,
            "severity": self.severity,
            "risk_score": self.risk_score,
            "title": self.title,
            "summary": self.summary,
            "detectors": list(self.detectors),
            "reasons": [dict(reason) for reason in self.reasons],
            "suggested_actions": list(self.suggested_actions),
            "action_taken": self.action_taken,
            "member_id": self.member_id,
            "subject": self.subject,
            "event_id": self.event_id,
            "event_count": self.event_count,
            "first_seen_at": iso(self.first_seen_at),
            "last_seen_at": iso(self.last_seen_at),
            "created_at": iso(self.created_at),
            "disputed": self.disputed,
            "assignee": self.assignee,
            "snoozed_until": iso(self.snoozed_until),
            "context": dict(self.context),
        }

    def member_wire(self) -> dict[str, Any]:
        """Without rule internals: no detectors, scores, thresholds, staff names or advice to staff."""
        shown = self.wire()
        for key in (
            "detectors",
            "risk_score",
            "suggested_actions",
            "assignee",
            "snoozed_until",
            "subject",
            "disposition",
        ):
            del shown[key]
        shown["reasons"] = [{"text": reason.get("text", "")} for reason in self.reasons]
        return shown


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: written into the audit trail and shown to others."""

    kind: ActorKind
    label: str = "system"
    user_id: int | None = None
    ip: str | None = None


SYSTEM = Actor(ActorKind.SYSTEM)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (set, frozenset, tuple)):
        return [_plain(item) for item in value]
    return value
