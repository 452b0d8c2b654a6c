"""The outbox: what people are to be told, and how the telling went."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.records import iso
from detection.kernel.vocabulary import Channel, Severity
from detection.models.member import Member


class Notification(models.Model):
    """One message to one person by one carrier. ``member`` empty means staff. Bodies never hold a code: a code mail
    names its challenge and the sender derives the code as it writes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Channel])
    kind = models.CharField(max_length=32)  # names the template: lock.placed, code.unlock, alert.high …
    destination = models.CharField(max_length=254, blank=True, default="")
    carrier = models.CharField(max_length=24, blank=True, default="")  # whose breaker and log
    severity = models.CharField(max_length=6, blank=True, default="")  # of what it tells; high breaks quiet hours
    title = models.CharField(max_length=160)
    body = models.TextField(blank=True, default="")
    language = models.CharField(max_length=8, default="en")  # what it is written in
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
    unless_read = models.BooleanField(default=False)  # a later rung: nothing to say once somebody has looked
    digest = models.UUIDField(null=True)  # the message that speaks for this one

    class Meta:
        indexes = [
            models.Index(
                fields=["carrier", "due_at"],
                name="outbox_waiting",
                condition=models.Q(sent_at__isnull=True, failed_at__isnull=True, digest__isnull=True),
            ),
            models.Index(fields=["member", "-created_at"], name="notice_member"),
            models.Index(fields=["carrier", "destination", "kind", "-sent_at"], name="notice_storm"),
            models.Index(fields=["-created_at", "-id"], name="notice_newest"),
        ]

    def wire(self) -> dict[str, object]:
        """As its member sees it."""
        return {
            "id": str(self.id),
            "kind": self.kind,
            "channel": self.channel,
            "title": self.title,
            "body": self.body,
            "language": self.language,
            "alert_id": str(self.alert) if self.alert else None,
            "created_at": iso(self.created_at),
            "read_at": iso(self.read_at),
        }


class NoticeAttempt(models.Model):
    """One try to carry a notice, and what the carrier answered."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(default=timezone.now)
    carried = models.BooleanField()
    answer = models.CharField(max_length=200, blank=True, default="")
    duration_ms = models.PositiveIntegerField(default=0)


class Carrier(models.Model):
    """A way messages leave by: how it is set, and how it has been of late."""

    name = models.CharField(max_length=24, primary_key=True)
    floor = models.CharField(max_length=6, default=Severity.HIGH)  # staff hear of what is at least this
    quiet_from = models.TimeField(null=True)  # between these only what is high goes out
    quiet_until = models.TimeField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    after = models.DurationField(default=timedelta())  # its rung: it speaks when nobody has looked for so long
    failures = models.PositiveIntegerField(default=0)  # in a row
    open_until = models.DateTimeField(null=True)  # its breaker: nothing is tried before
    held_until = models.DateTimeField(null=True)  # somebody is carrying by it: one at a time


class NoticePreference(models.Model):
    """By which ways a member wants to hear of a topic. The page always tells."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="preferences")
    topic = models.CharField(max_length=16)
    channels = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "topic"], name="preference_once")]
