"""The demo's month: judged by the real engine in event time, told once, and it touches nobody but its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from detection.kernel.vocabulary import EventState, Truth
from detection.management import month
from detection.models import Alert, Dispute, Event, Label, LockReason, Member, Notification, Receipt
from tests.cast import happened, report, shop

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_the_month_is_told_once_anew_where_it_was_cut_short_and_touches_nobody_else() -> None:
    get_user_model().objects.create_user("olga")
    get_user_model().objects.create_user("ada")
    report(happened("login.succeeded", "mia"))
    now = timezone.now()
    small = {"people": 12, "attacks": 6, "now": now}
    told = month.tell(shop(), **small)
    mine = Event.objects.filter(event_id__startswith=month.EVENTS)
    assert told == mine.count() > 500
    assert {event.state for event in mine.only("state")} == {EventState.PROCESSED}
    newest, oldest = mine.order_by("-id").first(), mine.order_by("id").first()
    assert now - timedelta(days=32) < oldest.occurred_at < now - timedelta(days=29)
    assert newest.occurred_at < now - timedelta(hours=2)
    assert all(name.startswith(month.MEMBERS) for name in mine.values_list("member__member_id", flat=True) if name)

    alerts = Alert.objects.all()
    assert {"confirmed"} <= set(alerts.values_list("disposition", flat=True))
    assert all(alert.actions.exists() for alert in alerts.exclude(status="open"))
    assert LockReason.objects.exists()
    standing = LockReason.objects.in_force(now)
    assert all(now < reason.expires_at < now + timedelta(days=1) for reason in standing), "no lock outlives its time"
    assert Dispute.objects.exists()
    assert {Truth.LEGITIMATE.value} < set(Label.objects.values_list("label", flat=True))
    assert not Notification.objects.exists()
    counts = (mine.count(), alerts.count(), Label.objects.count(), Member.objects.count())

    assert month.tell(shop(), **small) == 0
    Receipt.objects.filter(event_id=month.LAST).delete()
    assert month.tell(shop(), **small) == told
    assert (mine.count(), alerts.count(), Label.objects.count(), Member.objects.count()) == counts
    assert Event.objects.filter(member__member_id="mia").count() == 1
