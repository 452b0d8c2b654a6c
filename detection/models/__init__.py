"""Every table of the house. An ApiKey reports an Event of a Member from a Device; detectors make an Alert; it may place
an AccountLock with an OtpChallenge; the member may open a Dispute; people get a Notification; everything leaves an
AuditEntry."""

from detection.models.alert import Alert, AlertAction, AlertDetector, Dispute, UsedLink, cursor_text
from detection.models.authenticator import Authenticator, RecoveryCode, SignIn
from detection.models.client import ApiKey, Client, Face
from detection.models.desk import Desk, SavedView
from detection.models.duty import DetectorFault, ModelVersion, RuleChange, RuleSetting
from detection.models.event import Decision, Event, InboxItem, Receipt
from detection.models.label import EventReference, Label
from detection.models.listing import ListEntry, RemovedEntry
from detection.models.lock import AccountLock, CodeAttempt, LockBatch, LockEvent, LockReason, OtpChallenge, PortalToken
from detection.models.member import Contact, Device, Dismissal, Member
from detection.models.notification import Carrier, NoticeAttempt, NoticePreference, Notification
from detection.models.remark import Remark
from detection.models.trail import AuditEntry, AuditPending, FeedEntry
from detection.models.trial import RuleTrial
from detection.models.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage

__all__ = [
    "AccountLock",
    "Alert",
    "AlertAction",
    "AlertDetector",
    "ApiKey",
    "AuditEntry",
    "AuditPending",
    "Authenticator",
    "Carrier",
    "Client",
    "CodeAttempt",
    "Contact",
    "Decision",
    "Desk",
    "DetectorFault",
    "Device",
    "Dismissal",
    "Dispute",
    "Event",
    "EventReference",
    "Face",
    "FeedEntry",
    "InboxItem",
    "Label",
    "ListEntry",
    "LockBatch",
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
    "RecoveryCode",
    "Remark",
    "RemovedEntry",
    "RuleChange",
    "RuleSetting",
    "RuleTrial",
    "SavedView",
    "SignIn",
    "UsedLink",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "cursor_text",
]
