"""The names under which apps speak of an event again, weeks later."""

from __future__ import annotations

from collections.abc import Iterator

from detection.intake.taken import Taken
from detection.kernel.vocabulary import PAYING
from detection.models import EventReference
from detection.models.label import EVENT, ORDER, PAYMENT


def references(event: Taken) -> Iterator[EventReference]:
    """A row for each name an event has beyond its receipt; most events have none."""
    order, payment = event.body.get("order_id"), (event.body.get("payment") or {}).get("psp_payment_id")
    own = event.event_id if order or payment or event.type in PAYING else None
    for kind, value in ((EVENT, own), (ORDER, order), (PAYMENT, payment)):
        if value:
            yield EventReference(
                client_id=event.client_id, kind=kind, value=value, event=event.pk, created_at=event.received_at
            )
