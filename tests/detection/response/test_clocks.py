"""Senders whose events keep arriving late or early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from detection.kernel.ids import first_id
from detection.models import Client, Event, Notification
from detection.response import clocks, notifications
from detection.response.clocks import EARLY, HISTORY, LATE, LEAST, SLOT, SLOTS
from tasks import upkeep
from tests.cast import shop

pytestmark = [pytest.mark.django_db, pytest.mark.database]
SECOND = timedelta(seconds=1)


def came(count: int, *, behind: timedelta, slot: int = 0, client: Client | None = None) -> None:
    """So many events received in one slot, each so long after it happened."""
    received = timezone.now() - SLOT * slot - timedelta(minutes=1)
    Event.objects.bulk_create(
        Event(
            id=type(first_id(received))(int=first_id(received).int + Event.objects.count() + number),
            client=client or shop(), event_id=f"{behind} {slot} {number}", type="page.viewed", subject="address:x",
            occurred_at=received - behind, received_at=received, body={},
        )
        for number in range(count)
    )  # fmt: skip


def found() -> list[tuple[str, str, int, int]]:
    return [(sender.name, sender.how, sender.off, sender.events) for sender in clocks.adrift()]


@pytest.mark.parametrize(
    ("behind", "how"),
    [
        (LATE + SECOND, ["late"]),
        (LATE - SECOND, []),
        (-EARLY - SECOND, ["early"]),
        (-EARLY + SECOND, []),
        (HISTORY + SECOND, []),  # an import
    ],
)
def test_only_what_is_really_late_or_early_counts(behind: timedelta, how: list[str]) -> None:
    for slot in range(SLOTS):
        came(LEAST, behind=behind, slot=slot)
    assert [each[1] for each in found()] == how


def test_half_of_them_in_every_slot_is_a_habit_and_less_is_none() -> None:
    for slot in range(SLOTS):
        came(LEAST // 2, behind=LATE * 2, slot=slot)
        came(LEAST // 2, behind=SECOND, slot=slot)
    assert found() == [("shop", "late", SLOTS * LEAST // 2, SLOTS * LEAST)]
    came(1, behind=SECOND, slot=1)
    assert found() == []


def test_an_outage_made_good_in_one_slot_is_no_habit() -> None:
    came(LEAST * 5, behind=LATE * 2)
    for slot in range(1, SLOTS):
        came(LEAST, behind=SECOND, slot=slot)
    assert found() == []


def test_each_sender_is_told_of_by_itself_and_once_a_day() -> None:
    till = Client.objects.create(name="till")
    for slot in range(SLOTS):
        came(LEAST, behind=LATE * 2, slot=slot)
        came(LEAST, behind=SECOND, slot=slot, client=till)
    assert upkeep.clocks() == ["shop"]
    assert upkeep.clocks() == []
    for slot in range(SLOTS):
        came(LEAST * 2, behind=-EARLY * 2, slot=slot, client=till)
    assert upkeep.clocks() == ["till"]
    assert Notification.objects.filter(kind="clock.adrift").count() == 2
    notifications.deliver_due()
    assert "Events of shop keep arriving more than ten minutes" in mail.outbox[0].subject
