"""Senders whose events keep arriving late, or from a clock that runs ahead: windows go by the time they tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q
from django.utils import timezone

from detection.kernel.ids import first_id
from detection.models import Event
from detection.response import letters, notifications
from detection.work import unit_of_work

LATE = timedelta(minutes=10)  # a rule's usual window: what comes later than that is judged when it is over
EARLY = timedelta(seconds=30)
HISTORY = timedelta(hours=24)  # older than that only an import brings in
SLOTS = 3
SLOT = timedelta(minutes=5)  # in each of the newest three it has to be so: an import or an outage made good is no habit
LEAST = 20  # events a slot
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Adrift:
    """A client whose events came ``late`` or ``early`` in each slot; how many did, of how many."""

    client_id: int
    name: str
    how: str
    off: int
    events: int


def adrift(now: datetime | None = None) -> list[Adrift]:
    """Every client at least half of whose events came late, or early, in each of the newest slots. A query a slot."""
    now = now or timezone.now()
    slots = [_slot(now - SLOT * (number + 1), now - SLOT * number) for number in range(SLOTS)]
    found = []
    for client, name in slots[0]:
        mine = [slot.get((client, name), (0, 0, 0)) for slot in slots]
        for how, place in (("late", 0), ("early", 1)):
            if all(each[2] >= LEAST and each[place] >= SHARE * each[2] for each in mine):
                found.append(Adrift(client, name, how, sum(s[place] for s in mine), sum(s[2] for s in mine)))
    return found


def tell(sender: Adrift) -> None:
    """Tell staff of one."""
    words = {
        "late": "more than ten minutes after they happened",
        "early": "with a time that is still to come",
    }
    with unit_of_work() as work:
        notifications.to_staff(
            work,
            "clock.adrift",
            context={
                "app": sender.name,
                "how": words[sender.how],
                "off": sender.off,
                "events": sender.events,
                "keys_page": letters.page("/admin_dashboard/keys/"),
            },
        )


def _slot(since: datetime, until: datetime) -> dict[tuple[int, str], tuple[int, int, int]]:
    """For each client how many events came late, early, and at all in this time."""
    came = Event.objects.filter(
        id__gte=first_id(since), id__lt=first_id(until), received_at__lt=F("occurred_at") + HISTORY
    )
    late, early = Q(received_at__gt=F("occurred_at") + LATE), Q(received_at__lt=F("occurred_at") - EARLY)
    counted = came.values("client", "client__name").annotate(
        late=Count("pk", filter=late), early=Count("pk", filter=early), all=Count("pk")
    )
    return {(row["client"], row["client__name"]): (row["late"], row["early"], row["all"]) for row in counted}
