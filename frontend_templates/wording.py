"""Words people read: event types, states and scopes in plain English, and text from strangers made safe to show."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from detection.enrich.geoip import name_of
from detection.kernel.vocabulary import EventType, KeyScope, Role, Trust

#: What a member did, as they would say it themselves.
EVENTS: dict[str, str] = {
    EventType.LOGIN_SUCCEEDED: "Signed in",
    EventType.LOGIN_FAILED: "Wrong password at sign-in",
    EventType.LOGOUT: "Signed out",
    EventType.ACCOUNT_CREATED: "Account opened",
    EventType.ACCOUNT_CLOSED: "Account closed",
    EventType.PASSWORD_CHANGED: "Password changed",
    EventType.PASSWORD_RESET_REQUESTED: "Password reset asked for",
    EventType.PASSWORD_RESET: "Password reset",
    EventType.PROFILE_CHANGED: "Profile changed",
    EventType.MFA_ENABLED: "Two-step sign-in switched on",
    EventType.MFA_DISABLED: "Two-step sign-in switched off",
    EventType.MFA_FAILED: "Wrong second step at sign-in",
    EventType.MFA_SUCCEEDED: "Second step passed",
    EventType.SESSION_STARTED: "Visit started",
    EventType.SESSION_REVOKED: "Signed out everywhere",
    EventType.PAGE_VIEWED: "Looked at a page",
    EventType.SEARCH_PERFORMED: "Searched the shop",
    EventType.CART_ITEM_ADDED: "Put something in the cart",
    EventType.CHECKOUT_STARTED: "Went to the checkout",
    EventType.TRANSACTION_ATTEMPTED: "Payment tried",
    EventType.TRANSACTION_SUCCEEDED: "Payment made",
    EventType.PAYMENT_FAILED: "Payment failed",
    EventType.PAYMENT_METHOD_ADDED: "Card or payment method added",
    EventType.PAYMENT_METHOD_REMOVED: "Card or payment method removed",
    EventType.REFUND_REQUESTED: "Refund asked for",
    EventType.CHARGEBACK_RECEIVED: "Payment disputed at the bank",
    EventType.GIFT_CARD_REDEEMED: "Gift card used",
    EventType.COUPON_REDEEMED: "Coupon used",
    EventType.BENEFICIARY_ADDED: "New recipient for payouts",
    EventType.PAYOUT_REQUESTED: "Payout asked for",
    EventType.DATA_EXPORTED: "Account data exported",
    EventType.API_KEY_USED: "An app used the account",
}

SCOPES = {
    "payments": "paying, gift cards, refunds, payouts and new cards",
    "profile": "changing the password, the profile or two-step sign-in",
    "everything": "paying and changing anything about the account",
}

KEY_SCOPES = {
    KeyScope.EVENTS_WRITE: "Report what members do",
    KeyScope.EVENTS_READ: "Read the events it reported",
    KeyScope.DECISIONS_WRITE: "Ask whether a payment may go through",
    KeyScope.LABELS_WRITE: "Tell afterwards what was fraud",
    KeyScope.ALERTS_READ: "Read alerts",
    KeyScope.MEMBERS_READ: "Read members, their locks and health",
    KeyScope.MEMBERS_IMPORT: "Tell members’ addresses and history",
    KeyScope.MEMBERS_LOCK: "Lock members",
    KeyScope.MEMBERS_UNLOCK: "Unlock members",
    KeyScope.PORTAL_CREATE: "Sign members in to their pages here",
}
TRUSTS = {
    Trust.LOW: "Low: it sits in a browser or an app, where anybody can read it",
    Trust.NORMAL: "Normal: it stays on your server",
    Trust.HIGH: "High: your server, and every request is signed with it",
}
ROLES = {
    Role.ANALYST: "Works on alerts, locks and unlocks members",
    Role.ADMIN: "Does everything an analyst does, and looks after rules, lists, keys and staff",
    Role.AUDITOR: "Reads everything, the audit trail too, and changes nothing",
}
ROLE_NAMES = {"analyst": "an analyst", "admin": "an administrator", "auditor": "an auditor"}

NETWORKS = {
    "hosting": "data centre",
    "vpn": "VPN",
    "tor": "Tor",
    "cdn": "delivery network",
    "bot": "known crawler",
    "mobile": "mobile carrier",
    "reserved": "test address",
}

ACTIONS = {"none": "nothing yet", "notify": "people were told", "challenge": "asked to confirm", "lock": "locked"}
SUGGESTED = {
    "none": "Look at it",
    "notify": "Tell the member",
    "challenge": "Restrict the member",
    "lock": "Lock the member",
}
CARRIERS = {
    "email": "E-mail",
    "sms": "Text message",
    "slack": "Slack",
    "tgram": "Telegram",
    "twilio": "Text message",
    "msteams": "Teams",
    "discord": "Discord",
}
TOPICS = {
    "security": "When your account is in danger",
    "questions": "“Was this you?”",
    "news": "When something is over",
}
TOPIC_HINTS = {
    "security": "A lock, a new way in, what you told us was not you. At least one way stays open for this.",
    "questions": "Something looked unusual and one word from you settles it.",
    "news": "A lock has ended, a question is settled.",
}
WEBHOOKS = {
    "alert.raised": "A new alert",
    "alert.resolved": "An alert is resolved",
    "member.locked": "A member is locked",
    "member.unlocked": "A member is unlocked",
    "member.disputed": "A member says “this wasn’t me”",
    "session.revoked": "End a member’s sessions",
    "decision.updated": "A decision’s full result",
    "webhook.test": "A test",
}
RULE_STATES = {"live": "Live", "shadow": "Shadow: heard, weighs nothing", "off": "Off"}
LIST_EFFECTS = {"allow": "Allow: known to be fine", "block": "Block: refuse it", "watch": "Watch: tell us each time"}
LIST_COLOURS = {"allow": "good", "block": "high", "watch": "medium"}
LIST_KINDS = {
    "member": "Member",
    "address": "Address or network range",
    "network": "Network (AS or owner)",
    "country": "Country",
    "device": "Device",
    "email_domain": "Mail domain",
    "payment_method": "Payment method",
}
BANDS = {"good": "Good", "fair": "Fair", "at_risk": "At risk"}
#: What lowers a member's health and what to do about it, as staff are told; the member is told in words of their own.
HEALTH_FOR_STAFF = {
    "locked": "The account is locked",
    "restricted": "The account is asked for an extra check",
    "alerts-high": "Serious alerts are open",
    "alerts-medium": "Unusual alerts are open",
    "alerts-low": "Minor alerts are open",
    "disputed": "The member says that something was not them",
    "no-contact": "No address at which the member can safely be reached",
}
FIXES_FOR_STAFF = {
    "locked": "Who can lift it stands with the lock on this page.",
    "restricted": "Who can lift it stands with the lock on this page.",
    "alerts-high": "Settle them.",
    "alerts-medium": "Settle them.",
    "alerts-low": "Settle them.",
    "disputed": "Settle the alert once the member is safe again.",
    "no-contact": "The shop can tell us an e-mail address.",
}
DISPOSITIONS = {"confirmed": "confirmed fraud", "false_positive": "false alarm", "benign": "harmless"}
VERBS = {
    "acknowledge": "acknowledged it",
    "resolve": "resolved it",
    "reopen": "opened it again",
    "escalate": "escalated it",
    "assign": "changed who works on it",
    "comment": "left a note",
    "snooze": "put it aside",
    "undo": "took the last step back",
}


def of_event(event_type: str) -> str:
    """What happened, in words; a shop's own event keeps its own name."""
    known = EVENTS.get(event_type)
    if known:
        return known
    return event_type.removeprefix("custom.").replace("_", " ").replace(".", " ").capitalize()


def visible(text: Any) -> str:
    """The text with control, format and direction characters shown as escapes, so that nothing hides in it."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char
        for char in str(text)
    )


def readable(text: Any) -> str:
    """The same over several lines, which stay lines."""
    return "\n".join(visible(line.rstrip("\r")).replace("\\u0009", "\t") for line in str(text).split("\n"))


def country(code: str | None) -> str:
    """A country's name, its code where we do not know it, nothing for nothing."""
    return (name_of(code) or code) if code else ""


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, short enough for a row; a moment ahead reads "in 5 min"."""
    seconds = int(((now or timezone.now()) - moment).total_seconds())
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 10:
        return "now"
    text = _span(seconds)
    return f"in {text}" if ahead else f"{text} ago"


def _span(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} d"


def span(length: timedelta) -> str:
    """A duration in words: "10 minutes", "1 hour", "3 days"."""
    seconds = int(length.total_seconds())
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def clock(moment: datetime) -> str:
    """The time of day, with its zone."""
    return timezone.localtime(moment).strftime("%H:%M:%S %Z")


def exact(moment: datetime) -> str:
    """A moment to the second, with its zone."""
    return timezone.localtime(moment).strftime("%d %b %Y, %H:%M:%S %Z").lstrip("0")


def value(found: Any) -> str:
    """An observed value or threshold as people write it."""
    if found is None or found == "":
        return "–"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, timedelta):
        return span(found)
    if isinstance(found, float):
        return f"{found:,.2f}".rstrip("0").rstrip(".")
    if isinstance(found, (list, tuple, set, frozenset)):
        return ", ".join(value(item) for item in found)
    if isinstance(found, dict):
        return ", ".join(f"{visible(key).replace('_', ' ')} {value(item)}" for key, item in found.items())
    if isinstance(found, (int, Decimal)):
        return f"{found:,}"
    return visible(found)


def money(amount: Any, currency: str | None) -> str:
    """An amount with its currency; as it came when it is no number."""
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return visible(amount)
    places = 0 if currency in {"JPY", "KRW", "VND", "CLP", "ISK"} else 2
    return f"{number:,.{places}f} {currency or ''}".strip()
