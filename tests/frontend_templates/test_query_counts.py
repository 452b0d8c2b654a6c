"""No page asks more of the database because there is more in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.kernel.vocabulary import EventState, Role
from detection.models import ApiKey, AuditEntry, Client, Device, Event, InboxItem, ListEntry, Notification, Remark
from detection.response import desks
from detection.response.webhooks import endpoints
from tests.cast import happened, report
from tests.frontend_templates.conftest import OLGA, lock, member_called, raised, staff_user

PAGES = (
    "", "overview/", "locked/", "keys/", "staff/", "lists/", "webhooks/", "messages/", "storms/", "audit/", "health/",
    "members/mia/", "things/device/d-1/", "find/?q=member", "rules/", "models/", "settings/", "face/", "desk/",
    "money/",
)  # fmt: skip


def more(first: int, last: int, ada: Any) -> None:
    """A few rows of everything that pages list."""
    mia = member_called("mia")
    now = timezone.now()
    for number in range(first, last):
        raised(number, member=f"member-{number}", device="d-1", country="DE", disposition="confirmed")
        raised(100 + number, member="mia", device=f"d-{number}")
        lock(f"member-{number}")
        ApiKey.issue(Client.objects.create(name=f"app-{number}"), ["events:write"])
        staff_user(f"staff-{number}", Role.ANALYST)
        ListEntry.objects.create(effect="watch", kind="device", value=f"d-{number}", reason="a test", owner="ada")
        endpoints.create(f"https://shop.example.com/{number}", ["alert.raised"], actor=OLGA)
        Notification.objects.create(
            member=mia, channel="email", kind="alert.raised", destination="mia@example.com", title=f"A test {number}"
        )
        Device.objects.create(member=mia, device_id=f"phone-{number}", first_seen_at=now, last_seen_at=now)
        Remark.objects.create(kind="member", name="mia", text="called", author="olga", author_user=ada)
        event = report(happened("login.succeeded", f"member-{number}", session_id=f"s-{number}"))[0].event
        InboxItem.objects.filter(event=event).update(dead=True, error="ValueError")
        Event.objects.filter(pk=event).update(state=EventState.DEAD)
        report(happened("page.viewed", "mia", device_id="d-1"))
        AuditEntry.objects.create(
            seq=1000 + number, entry={}, leaf_hash=f"{number:064x}", prev_hash=f"{number:064d}", action="x.y", actor="a"
        )


@pytest.mark.django_db
def test_no_page_asks_more_because_there_is_more(ada: Browser) -> None:
    def asked(path: str) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert ada.get(f"/admin_dashboard/{path}").status_code == 200, path
        return len(queries)

    user = staff_user("ada", Role.ADMIN)
    desks.keep(user, name="high ones", query="?severity=high")  # each view is counted: a person has a handful
    more(1, 3, user)
    for path in PAGES:
        asked(path)  # whatever is read once
    few = {path: asked(path) for path in PAGES}
    more(3, 12, user)
    many = {path: asked(path) for path in PAGES}
    assert {path: (few[path], many[path]) for path in PAGES if many[path] > few[path]} == {}
