"""Who is on duty: settings of rules and versions of models."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from detection.kernel.vocabulary import ModelState, RuleState, Severity


class RuleSetting(models.Model):
    """What an admin changed about a rule; a rule without a row is live with its own values."""

    rule_id = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in RuleState], default=RuleState.LIVE)
    parameters = models.JSONField(default=dict)
    severity = models.CharField(
        max_length=6, choices=[(s.value, s.value) for s in Severity], blank=True, default=""
    )  # empty: the rule's own
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150, blank=True, default="")
    estimate = models.JSONField(null=True)  # how many alerts to expect of it, see detection.response.estimates


class RuleChange(models.Model):
    """How a rule stood from a version on, who set it so and why. Version 0, the rule as it comes, has no row."""

    TRIP, PRESET = "trip", "preset"
    CAUSES = [(TRIP, "ran away from its estimate"), (PRESET, "a preset")]

    rule_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=8)
    parameters = models.JSONField(default=dict)
    severity = models.CharField(max_length=6, blank=True, default="")
    restores = models.PositiveIntegerField(null=True)  # the version that was put back
    note = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150)
    estimate = models.JSONField(null=True)
    cause = models.CharField(max_length=8, choices=CAUSES, blank=True, default="")  # empty: somebody's own decision
    batch = models.UUIDField(null=True)  # changes made as one share it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule_id", "version"], name="rule_change_once")]
        indexes = [models.Index(fields=["batch"], name="rule_change_batch", condition=models.Q(batch__isnull=False))]


class DetectorFault(models.Model):
    """How many events a detector could not judge on a day, because it raised."""

    detector = models.CharField(max_length=64)
    day = models.DateField()  # UTC
    events = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["detector", "day"], name="detector_fault_once")]


class ModelVersion(models.Model):
    """A trained model on the shelf. Its file is opened only when signature and digest match."""

    kind = models.CharField(max_length=32)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in ModelState], default=ModelState.TRAINED)
    path = models.CharField(max_length=255)  # relative to DATA_DIR/models
    digest = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    card = models.JSONField(default=dict)
    watch = models.JSONField(default=dict)  # how it did when it was last looked at
    watched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    activated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="model_version_once"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(state=ModelState.ACTIVE), name="one_active_model"
            ),
        ]
