"""Every table of the house. An ApiKey reports an Event of a Member from a Device; detectors make an Alert; it may place
an AccountLock with an OtpChallenge; the member may open a Dispute; people get a Notification; everything leaves an
AuditEntry."""

from detection.models.alert import Alert, AlertAction, AlertDetector, Dispute, UsedLink, cursor_text
from detection.models.client import ApiKey, Client
from detection.models.desk import Desk, SavedView
from detection.models.duty import ModelVersion, RuleChange, RuleSetting
from detection.models.event import Decision, Event, InboxItem, Receipt
from detection.models.label import EventReference, Label
from detection.models.listing import ListEntry, RemovedEntry
from detection.models.lock import AccountLock, CodeAttempt, LockEvent, LockReason, OtpChallenge, PortalToken
from detection.models.member import Contact, Device, Member
from detection.models.notification import Carrier, NoticeAttempt, NoticePreference, Notification
from detection.models.trail import AuditEntry, AuditPending, FeedEntry
from detection.models.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from detection.models.trial import RuleTrial

__all__ = [
    "AccountLock",
    "Alert",
    "AlertAction",
    "AlertDetector",
    "ApiKey",
    "AuditEntry",
    "AuditPending",
    "Carrier",
    "Client",
    "CodeAttempt",
    "Contact",
    "Decision",
    "Desk",
    "Device",
    "Dispute",
    "Event",
    "EventReference",
    "FeedEntry",
    "InboxItem",
    "Label",
    "ListEntry",
    "LockEvent",
    "LockReason",
    "Member",
    "ModelVersion",
    "NoticeAttempt",
    "NoticePreference",
    "Notification",
    "OtpChallenge",
    "PortalToken",
    "Receipt",
    "RemovedEntry",
    "RuleChange",
    "RuleSetting",
    "RuleTrial",
    "SavedView",
    "UsedLink",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "cursor_text",
]
