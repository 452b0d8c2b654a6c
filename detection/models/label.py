"""What the world said of an event afterwards, and how its orders and payments are found again."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from detection.kernel.vocabulary import Truth
from detection.models.client import Client

EVENT, ORDER, PAYMENT = "event", "order", "payment"
KINDS = [(EVENT, "event_id"), (ORDER, "order_id"), (PAYMENT, "psp_payment_id")]


class EventReference(models.Model):
    """A name under which an app may speak of an event later: its order, its provider's payment, and where money is
    concerned its own id, which outlives the receipt. Written with the event, many to one."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=KINDS)
    value = models.CharField(max_length=128)
    event = models.UUIDField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["client", "kind", "value"], name="event_reference_name")]


class LabelQuerySet(models.QuerySet["Label"]):
    def waiting(self, now: datetime) -> LabelQuerySet:
        """Labels of events that were not there when they were looked for, and are due to be looked for again."""
        return self.filter(event=None, due_at__lte=now).order_by("due_at")


class Label(models.Model):
    """An app's word on an event, an order or a payment of its own. ``event`` is null until it has been found."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=KINDS)
    value = models.CharField(max_length=128)
    label = models.CharField(max_length=16, choices=[(truth.value, truth.value) for truth in Truth])
    source = models.CharField(max_length=64, blank=True, default="")
    decided_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    event = models.UUIDField(null=True)
    event_at = models.DateTimeField(null=True)  # when the event happened
    alert = models.UUIDField(null=True)  # the one the event or its order raised
    due_at = models.DateTimeField(default=timezone.now)  # when to look for the event again

    objects = LabelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "kind", "value", "label", "source"], name="label_once")
        ]
        indexes = [
            models.Index(fields=["event"], name="label_event", condition=models.Q(event__isnull=False)),
            models.Index(fields=["alert"], name="label_alert", condition=models.Q(alert__isnull=False)),
            models.Index(fields=["event_at"], name="label_event_at", condition=models.Q(event__isnull=False)),
            models.Index(fields=["due_at"], name="label_due", condition=models.Q(event__isnull=True)),
        ]
