"""A change of a rule, tried on what is stored before it is made."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from detection.kernel.ids import uuid7


class RuleTrial(models.Model):
    """How a rule would stand, the time it is tried on, and what came out. Its work is claimed under a lease."""

    WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
    OVER = (DONE, FAILED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule_id = models.CharField(max_length=64)
    state = models.CharField(max_length=8)
    parameters = models.JSONField(default=dict)
    severity = models.CharField(max_length=6, blank=True, default="")
    version = models.PositiveIntegerField(default=0)  # of the rule as it stood when this was asked
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=8, default=WAITING)
    judged = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=120, blank=True, default="")  # exception class only, never its text
    by = models.CharField(max_length=150)
    attempts = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["rule_id", "-created_at"], name="trial_rule"),
            models.Index(fields=["status", "created_at"], name="trial_status"),
        ]
