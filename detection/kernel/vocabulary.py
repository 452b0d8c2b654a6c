"""The words of the house. Message kinds, event types and roles exist once, here."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class EventType(StrEnum):
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGOUT = "logout"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CLOSED = "account.closed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a word, not a password
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    PROFILE_CHANGED = "profile.changed"
    MFA_ENABLED = "mfa.enabled"
    MFA_DISABLED = "mfa.disabled"
    MFA_FAILED = "mfa.failed"
    MFA_SUCCEEDED = "mfa.succeeded"
    SESSION_STARTED = "session.started"
    SESSION_REVOKED = "session.revoked"
    PAGE_VIEWED = "page.viewed"
    SEARCH_PERFORMED = "search.performed"
    CART_ITEM_ADDED = "cart.item_added"
    CHECKOUT_STARTED = "checkout.started"
    TRANSACTION_ATTEMPTED = "transaction.attempted"
    TRANSACTION_SUCCEEDED = "transaction.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_METHOD_ADDED = "payment_method.added"
    PAYMENT_METHOD_REMOVED = "payment_method.removed"
    REFUND_REQUESTED = "refund.requested"
    CHARGEBACK_RECEIVED = "chargeback.received"
    GIFT_CARD_REDEEMED = "gift_card.redeemed"
    COUPON_REDEEMED = "coupon.redeemed"
    BENEFICIARY_ADDED = "beneficiary.added"
    PAYOUT_REQUESTED = "payout.requested"
    DATA_EXPORTED = "data.exported"
    API_KEY_USED = "api_key.used"


CUSTOM_PREFIX = "custom."

BROWSING = frozenset({EventType.PAGE_VIEWED, EventType.SEARCH_PERFORMED, EventType.CART_ITEM_ADDED})

#: A guest may cause these: ``member_id`` is optional on them.
GUEST_ALLOWED = BROWSING | {
    EventType.LOGIN_FAILED,
    EventType.CHECKOUT_STARTED,
    EventType.TRANSACTION_ATTEMPTED,
    EventType.TRANSACTION_SUCCEEDED,
    EventType.PAYMENT_FAILED,
}

#: On these an ``ip`` alone is enough to know a guest by.
ADDRESS_IS_ENOUGH = BROWSING | {EventType.LOGIN_FAILED}

CREDENTIAL_CHANGES = frozenset(
    {
        EventType.PASSWORD_CHANGED,
        EventType.PASSWORD_RESET,
        EventType.PROFILE_CHANGED,
        EventType.MFA_DISABLED,
    }
)

#: Money about to move. ``transaction.succeeded`` and ``payment.failed`` report what has happened.
SPENDING = frozenset(
    {
        EventType.CHECKOUT_STARTED,
        EventType.TRANSACTION_ATTEMPTED,
        EventType.PAYOUT_REQUESTED,
        EventType.GIFT_CARD_REDEEMED,
        EventType.REFUND_REQUESTED,
    }
)


#: Money that moves or has moved: what an order is told by.
PAYING = (SPENDING | {EventType.TRANSACTION_SUCCEEDED}) - {EventType.CHECKOUT_STARTED}


class LockScope(StrEnum):
    PAYMENTS = "payments"
    PROFILE = "profile"
    EVERYTHING = "everything"


_REFUSED_PAYMENTS = frozenset(
    {
        EventType.CHECKOUT_STARTED,
        EventType.TRANSACTION_ATTEMPTED,
        EventType.PAYMENT_METHOD_ADDED,
        EventType.GIFT_CARD_REDEEMED,
        EventType.COUPON_REDEEMED,
        EventType.REFUND_REQUESTED,
        EventType.BENEFICIARY_ADDED,
        EventType.PAYOUT_REQUESTED,
    }
)
_REFUSED_PROFILE = frozenset(
    {
        EventType.PASSWORD_CHANGED,
        EventType.PROFILE_CHANGED,
        EventType.MFA_ENABLED,
        EventType.MFA_DISABLED,
        EventType.ACCOUNT_CLOSED,
        EventType.DATA_EXPORTED,
        EventType.API_KEY_USED,
    }
)

#: What a lock of each scope refuses. Signing in and out, sessions, resets, code entry and browsing never are.
REFUSED_BY_SCOPE: dict[LockScope, frozenset[EventType]] = {
    LockScope.PAYMENTS: _REFUSED_PAYMENTS,
    LockScope.PROFILE: _REFUSED_PROFILE,
    LockScope.EVERYTHING: _REFUSED_PAYMENTS | _REFUSED_PROFILE,
}

#: Only a signed-in member can cause these, so they are evidence made after sign-in.
#: ``login.succeeded`` joins them when it carries a ``session_id``.
MADE_AFTER_SIGN_IN = (_REFUSED_PAYMENTS | _REFUSED_PROFILE | {EventType.TRANSACTION_SUCCEEDED}) - {
    EventType.API_KEY_USED
}


#: Where trust is asked for: what a member is let in for, or asks for once in. Guessing and browsing earn none.
ASSURED = MADE_AFTER_SIGN_IN | {EventType.LOGIN_SUCCEEDED}


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def points(self) -> int:
        return {"low": 20, "medium": 45, "high": 75}[self.value]

    @property
    def rank(self) -> int:
        return {"low": 0, "medium": 1, "high": 2}[self.value]

    def shifted(self, steps: int) -> Severity:
        """So many steps graver, or milder when negative, as far as there are any."""
        order = list(Severity)
        return order[max(0, min(self.rank + steps, len(order) - 1))]


class Family(StrEnum):
    """Strongly related detectors share a family: their points do not add up twice."""

    CREDENTIALS = "credentials"  # guessing, resets, password changes
    PLACE = "place"  # country, distance, network
    DEVICE = "device"
    PAYMENT = "payment"  # cards, failures, velocity
    AMOUNT = "amount"
    BROWSING = "browsing"
    IDENTITY = "identity"
    PEOPLE = "people"  # disputes, staff
    ANOMALY = "anomaly"
    TRUST = "trust"  # what speaks for the member: never raises anything

    @property
    def incident(self) -> str:
        """The incident an alert folds under: a takeover is one story from the first guess to the payment."""
        return "browsing" if self is Family.BROWSING else "account"


class Action(StrEnum):
    """What a detector suggests, and what was done, weakest first."""

    NONE = "none"
    NOTIFY = "notify"
    CHALLENGE = "challenge"
    DENY = "deny"  # this one action was refused; never suggested, only taken
    LOCK = "lock"

    @property
    def rank(self) -> int:
        return ["none", "notify", "challenge", "deny", "lock"].index(self.value)


class Outcome(StrEnum):
    ALLOW = "allow"
    CHALLENGE = "challenge"
    DENY = "deny"


class EventState(StrEnum):
    PENDING = "pending"
    PROCESSED = "processed"
    DEAD = "dead"


class AlertStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Disposition(StrEnum):
    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"
    BENIGN = "benign"


class LockState(StrEnum):
    CLEAR = "clear"
    RESTRICTED = "restricted"
    LOCKED = "locked"

    @property
    def rank(self) -> int:
        return ["clear", "restricted", "locked"].index(self.value)


class ActorKind(StrEnum):
    SYSTEM = "system"
    STAFF = "staff"
    SHOP = "shop"
    MEMBER = "member"


class Trust(IntEnum):
    """How much a key's word is worth: a browser beacon, a server, a server that signs its requests."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class Role(StrEnum):
    ANALYST = "analyst"
    ADMIN = "admin"
    AUDITOR = "auditor"


class KeyScope(StrEnum):
    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"
    DECISIONS_WRITE = "decisions:write"
    LABELS_WRITE = "labels:write"
    ALERTS_READ = "alerts:read"
    MEMBERS_READ = "members:read"
    MEMBERS_IMPORT = "members:import"
    MEMBERS_LOCK = "members:lock"
    MEMBERS_UNLOCK = "members:unlock"
    PORTAL_CREATE = "portal:create"


class FrameKind(StrEnum):
    HELLO = "hello"
    ALERT_RAISED = "alert.raised"
    ALERT_CHANGED = "alert.changed"
    MEMBER_LOCKED = "member.locked"
    MEMBER_UNLOCKED = "member.unlocked"
    HEALTH_CHANGED = "health.changed"
    NOTICE_CREATED = "notice.created"
    HEARTBEAT = "heartbeat"
    BEHIND = "behind"


class WebhookKind(StrEnum):
    """What the shop's own systems can ask to be told."""

    ALERT_RAISED = "alert.raised"
    ALERT_RESOLVED = "alert.resolved"
    MEMBER_LOCKED = "member.locked"
    MEMBER_UNLOCKED = "member.unlocked"
    MEMBER_DISPUTED = "member.disputed"
    SESSION_REVOKED = "session.revoked"
    DECISION_UPDATED = "decision.updated"


class Channel(StrEnum):
    """A carrier of notices."""

    PAGE = "page"
    EMAIL = "email"
    SMS = "sms"
    NOTIFY = "notify"  # a service of the staff's: Slack, Telegram, …


class ListEffect(StrEnum):
    """What being on a list does: refused, spoken for, or watched."""

    BLOCK = "block"
    ALLOW = "allow"
    WATCH = "watch"


class ListKind(StrEnum):
    """What a list names."""

    MEMBER = "member"
    ADDRESS = "address"  # one address, or a network in CIDR notation
    NETWORK = "network"  # its number (AS64500) or its owner's name
    COUNTRY = "country"
    DEVICE = "device"
    EMAIL_DOMAIN = "email_domain"
    PAYMENT_METHOD = "payment_method"


class Truth(StrEnum):
    """What the world said of an event afterwards."""

    FRAUD = "fraud"
    LEGITIMATE = "legitimate"
    CHARGEBACK = "chargeback"
    EARLY_WARNING = "early_warning"

    @property
    def bad(self) -> bool:
        return self is not Truth.LEGITIMATE


class RuleState(StrEnum):
    LIVE = "live"
    SHADOW = "shadow"
    OFF = "off"


class ModelState(StrEnum):
    TRAINED = "trained"
    SHADOW = "shadow"
    ACTIVE = "active"
    RETIRED = "retired"
