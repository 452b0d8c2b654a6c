"""The outbox: what people are to be told, and how the telling went."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.records import iso
from detection.kernel.vocabulary import Channel
from detection.models.member import Member


class Notification(models.Model):
    """One message to one person by one carrier. ``member`` empty means staff. Bodies never hold a code: a code mail
    names its challenge and the sender derives the code as it writes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Channel])
    kind = models.CharField(max_length=32)  # names the template: lock.placed, code.unlock, alert.high …
    destination = models.CharField(max_length=254, blank=True, default="")
    title = models.CharField(max_length=160)
    body = models.TextField(blank=True, default="")
    context = models.JSONField(default=dict)
    alert = models.UUIDField(null=True)
    challenge = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)  # a code is not sent after its end
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)  # given up
    last_error = models.CharField(max_length=200, blank=True, default="")
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["sent_at", "failed_at", "due_at"], name="outbox_due"),
            models.Index(fields=["member", "-created_at"], name="notice_member"),
        ]

    def wire(self) -> dict[str, object]:
        """As its member sees it."""
        return {
            "id": str(self.id),
            "kind": self.kind,
            "channel": self.channel,
            "title": self.title,
            "body": self.body,
            "alert_id": str(self.alert) if self.alert else None,
            "created_at": iso(self.created_at),
            "read_at": iso(self.read_at),
        }
