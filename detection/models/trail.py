"""What was said live and what is written down for good."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from detection.models.alert import Alert
from detection.models.member import Member


class FeedEntry(models.Model):
    """One frame of the live feed. Ids are given in commit order, so a reader at N never misses a slower writer."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24)
    at = models.DateTimeField(default=timezone.now)
    for_staff = models.BooleanField(default=True)
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    for_member = models.BooleanField(default=True)
    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    notification = models.UUIDField(null=True)
    payload = models.JSONField(default=dict)  # lock or health as it was then

    class Meta:
        indexes = [
            models.Index(fields=["for_staff", "id"], name="feed_staff"),
            models.Index(fields=["member", "id"], name="feed_member"),
        ]


class AuditPending(models.Model):
    """An audit entry as its transaction wrote it; the sequencer moves it into the chain."""

    id = models.BigAutoField(primary_key=True)
    entry = models.JSONField()  # canonical content, no floats
    created_at = models.DateTimeField(default=timezone.now)


class AuditEntry(models.Model):
    """A link of the chain: gapless ``seq``, each leaf hash over the canonical bytes, each link over the one before."""

    seq = models.BigIntegerField(primary_key=True)
    entry = models.JSONField()
    leaf_hash = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=48)
    actor = models.CharField(max_length=150)
    target = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["action", "-seq"], name="audit_action"),
            models.Index(fields=["target", "-seq"], name="audit_target"),
        ]
