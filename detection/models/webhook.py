"""What the shop's own systems are told, where, and how the telling went."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from detection.conf import WEBHOOK_RETRIED_FOR
from detection.kernel.ids import uuid7
from detection.kernel.records import iso


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def wanting(self, kinds: set[str]) -> list[WebhookEndpoint]:
        """The endpoints in use that asked for at least one of these kinds. One query."""
        return [row for row in self.filter(disabled_at=None) if kinds & set(row.kinds)]


class WebhookEndpoint(models.Model):
    """An address of the shop. No secret is kept: each is derived from our key, the id and the generation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    url = models.CharField(max_length=2000)
    name = models.CharField(max_length=100, blank=True, default="")
    kinds = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    generation = models.PositiveIntegerField(default=1)  # of its secret
    previous_until = models.DateTimeField(null=True)  # so long the secret before signs too
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)  # its breaker: nothing is tried before
    held_until = models.DateTimeField(null=True)  # a carrier is at it: one at a time
    disabled_at = models.DateTimeField(null=True)
    disabled_why = models.CharField(max_length=200, blank=True, default="")

    objects = EndpointQuerySet.as_manager()


class WebhookMessage(models.Model):
    """A fact for the shop, written in the transaction that made it true. ``body`` is signed and sent as it stands."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=32)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    @classmethod
    def saying(cls, kind: str, data: dict[str, Any], now: datetime) -> WebhookMessage:
        """An unsaved message with its body written out, once and for all its attempts."""
        body = {"type": str(kind), "timestamp": iso(now), "data": data}
        return cls(kind=kind, body=json.dumps(body, ensure_ascii=False, separators=(",", ":")), created_at=now)

    @property
    def webhook_id(self) -> str:
        """The same in every attempt and every replay: receivers tell repeats by it."""
        return f"msg_{self.id.hex}"


class WebhookDelivery(models.Model):
    """A message on its way to one endpoint."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="deliveries")
    created_at = models.DateTimeField(default=timezone.now)
    due_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField()  # given up then
    attempts = models.PositiveIntegerField(default=0)  # all there ever were, written before each
    tries = models.PositiveIntegerField(default=0)  # since it was last put on its way: how long to wait next
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)  # given up

    class Meta:
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                name="delivery_due",
                condition=models.Q(sent_at__isnull=True, failed_at__isnull=True),
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_log"),
        ]

    @classmethod
    def to(cls, endpoint: WebhookEndpoint, message: WebhookMessage, now: datetime) -> WebhookDelivery:
        """An unsaved delivery, due at once and given up after a day."""
        return cls(endpoint=endpoint, message=message, created_at=now, due_at=now, until=now + WEBHOOK_RETRIED_FOR)


class WebhookAttempt(models.Model):
    """One try. Of the answer only the status is kept, never what it said."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=120, blank=True, default="")
    duration_ms = models.PositiveIntegerField(default=0)
