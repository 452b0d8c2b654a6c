"""How long things are kept that nobody needs for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from detection.models import (
    EventReference,
    FeedEntry,
    Notification,
    PortalToken,
    Receipt,
    RemovedEntry,
    RuleTrial,
    WebhookMessage,
)

#: Longer than any sender retries; Stripe, the most patient, does so for three days.
RECEIPTS = timedelta(days=30)
#: Nobody resumes a feed that far back: a page that old is loaded anew.
FEED = timedelta(days=90)
PORTAL_TOKENS = timedelta(days=1)
#: Back-tests of rules, and lines taken off a list: what they expected and who did it is kept elsewhere for good.
TRIALS = REMOVED_LINES = timedelta(days=90)
#: Long after the last retry: what can be said again.
WEBHOOKS = timedelta(days=30)
#: As far back as a member's history goes; what was done and decided stays in the audit trail.
NOTICES = timedelta(days=90)
#: A chargeback may come more than a year after its order.
NAMES = timedelta(days=550)

#: Short transactions, so that nothing waits for the purge.
BATCH = 1000


def purge(*, now: datetime | None = None) -> dict[str, int]:
    """Delete what is older than its keeping, batch by batch; it may be stopped and run again at any point."""
    now = now or timezone.now()
    return {
        "receipts": _delete(Receipt.objects.filter(received_at__lt=now - RECEIPTS)),
        "portal_tokens": _delete(PortalToken.objects.filter(expires_at__lt=now - PORTAL_TOKENS)),
        "feed_entries": _delete(_old_feed(now)),
        "rule_trials": _delete(RuleTrial.objects.filter(created_at__lt=now - TRIALS)),
        "removed_lines": _delete(RemovedEntry.objects.filter(removed_at__lt=now - REMOVED_LINES)),
        "webhooks": _delete(WebhookMessage.objects.filter(created_at__lt=now - WEBHOOKS)),
        "notices": _delete(Notification.objects.filter(created_at__lt=now - NOTICES)),
        "event_names": _delete(EventReference.objects.filter(created_at__lt=now - NAMES)),
    }


def _old_feed(now: datetime) -> QuerySet[FeedEntry]:
    """Old entries, found by their ids, which rise with time; the newest always stays, so that cursors never go back."""
    newest = FeedEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    kept_from = FeedEntry.objects.filter(at__gte=now - FEED).order_by("id").values_list("id", flat=True).first()
    return FeedEntry.objects.filter(id__lt=kept_from or newest)


def _delete(rows: QuerySet[Any]) -> int:
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            deleted += rows.model._base_manager.filter(pk__in=keys).delete()[0]
    return deleted
