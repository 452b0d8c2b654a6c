"""What is purged, and what never is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from detection import feed
from detection.feed import StaffViewer
from detection.kernel.ids import uuid7
from detection.models import (
    FeedEntry,
    Member,
    NoticeAttempt,
    Notification,
    PortalToken,
    Receipt,
    RemovedEntry,
    RuleTrial,
)
from tasks import pulse, retention, upkeep
from tests.cast import shop

pytestmark = pytest.mark.django_db


def test_only_what_is_past_its_keeping_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    now = timezone.now()
    mia = Member.objects.create(member_id="mia")
    for days in (1, 29, 31, 40, 50, 60, 70):
        Receipt.objects.create(
            client=shop(), event_id=f"e-{days}", digest="d", event=uuid7(), received_at=now - timedelta(days=days)
        )
    for hours in (-1, 1, 25):
        PortalToken.objects.create(
            digest=f"{hours}", member=mia, client=shop(), expires_at=now - timedelta(hours=hours)
        )
    for days in (200, 100, 91, 10, 0):
        FeedEntry.objects.create(kind="health.changed", member=mia, at=now - timedelta(days=days))
    newest = feed.latest(StaffViewer())
    for days in (100, 10):
        RuleTrial.objects.create(
            rule_id="scraping", state="live", starts_at=now, ends_at=now, created_at=now - timedelta(days=days)
        )
        RemovedEntry.objects.create(entry_id=days, created_at=now, removed_at=now - timedelta(days=days))
        notice = Notification.objects.create(member=mia, kind="x", created_at=now - timedelta(days=days))
        NoticeAttempt.objects.create(notification=notice, carried=True)
    purged = {"receipts": 5, "portal_tokens": 1, "feed_entries": 3, "rule_trials": 1, "removed_lines": 1, "notices": 2}
    assert purged.items() <= retention.purge(now=now).items()
    assert not any(retention.purge(now=now).values())
    assert feed.latest(StaffViewer()) == newest


def test_the_newest_entry_stays_however_old_so_that_cursors_never_go_back() -> None:
    now = timezone.now()
    for days in (300, 200):
        FeedEntry.objects.create(kind="health.changed", at=now - timedelta(days=days))
    newest = feed.latest(StaffViewer())
    assert retention.purge(now=now)["feed_entries"] == 1
    assert feed.latest(StaffViewer()) == newest


def test_a_purge_handed_out_twice_is_made_once() -> None:
    """It may take longer than the broker waits for an answer, and is then handed to the next worker as well."""
    pulse.client().delete("turn:upkeep.purge")
    assert upkeep.purge()
    assert upkeep.purge() == {}
