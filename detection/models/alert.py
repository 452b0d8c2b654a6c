"""What people work on: alerts, what was done to them, and disputes about them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.records import AlertRecord
from detection.kernel.vocabulary import AlertStatus, Disposition, Severity
from detection.models.member import Member


def cursor_text(value: int | None) -> str:
    """A feed cursor as people hold it: ordered as text, opaque."""
    return f"{value or 0:016d}"


class Alert(models.Model):
    """One incident of one subject. Repeats and further detectors fold in while it is unresolved."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject = models.CharField(max_length=300)
    incident = models.CharField(max_length=40)
    folding = models.BooleanField(default=True)  # False once resolved or quiet for 24 h of event time
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="alerts")
    status = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in AlertStatus], default=AlertStatus.OPEN
    )
    disposition = models.CharField(max_length=16, choices=[(d.value, d.value) for d in Disposition], blank=True)
    severity = models.CharField(max_length=6, choices=[(s.value, s.value) for s in Severity])
    severity_rank = models.SmallIntegerField()  # sorts low < medium < high
    risk_score = models.SmallIntegerField()
    title = models.CharField(max_length=120)
    summary = models.TextField()
    detectors = models.JSONField(default=list)
    reasons = models.JSONField(default=list)
    suggested_actions = models.JSONField(default=list)
    action_taken = models.CharField(max_length=16, default="none")
    event_id = models.CharField(max_length=128)  # the first event, the app's id
    event_count = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    disputed = models.BooleanField(default=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)
    ip = models.CharField(max_length=45, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    device = models.CharField(max_length=128, blank=True, default="")
    context = models.JSONField(default=dict)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True, default="")
    cursor = models.BigIntegerField(default=0)  # its newest feed entry

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "incident"], condition=models.Q(folding=True), name="one_folding_alert"
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="alert_created"),
            models.Index(fields=["status", "-created_at", "-id"], name="alert_status"),
            models.Index(fields=["severity", "-created_at", "-id"], name="alert_severity"),
            models.Index(fields=["member", "-created_at", "-id"], name="alert_member"),
            models.Index(fields=["-last_seen_at", "-id"], name="alert_last_seen"),
            models.Index(fields=["status", "severity"], name="alert_open"),
            models.Index(
                fields=["snoozed_until"], name="alert_snoozed", condition=models.Q(snoozed_until__isnull=False)
            ),
            models.Index(fields=["ip", "-created_at", "-id"], name="alert_ip"),
            models.Index(fields=["device", "-created_at", "-id"], name="alert_device"),
            models.Index(fields=["country", "-created_at", "-id"], name="alert_country"),
            models.Index(fields=["-created_at", "-id"], name="alert_disputed", condition=models.Q(disputed=True)),
            models.Index(fields=["assignee", "-created_at", "-id"], name="alert_assignee"),
        ]

    def record(self) -> AlertRecord:
        """The wire record. Reads ``member`` and ``assignee``: select them with the alert."""
        return AlertRecord(
            id=str(self.id),
            cursor=cursor_text(self.cursor),
            status=self.status,
            disposition=self.disposition or None,
            severity=self.severity,
            risk_score=self.risk_score,
            title=self.title,
            summary=self.summary,
            detectors=tuple(self.detectors),
            reasons=tuple(self.reasons),
            suggested_actions=tuple(self.suggested_actions),
            action_taken=self.action_taken,
            member_id=self.member.member_id if self.member else None,
            subject=self.subject,
            event_id=self.event_id,
            event_count=self.event_count,
            first_seen_at=self.first_seen_at,
            last_seen_at=self.last_seen_at,
            created_at=self.created_at,
            disputed=self.disputed,
            assignee=self.assignee.get_username() if self.assignee else None,
            context=self.context,
            snoozed_until=self.snoozed_until,
        )


class AlertDetector(models.Model):
    """Which detectors spoke in an alert: the index behind the feed's detector filter."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="+")
    detector = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["detector", "alert"], name="alert_detector_once")]


class AlertAction(models.Model):
    """What a person did to an alert; ``before`` is what undo puts back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="actions")
    verb = models.CharField(max_length=16)  # acknowledge, resolve, reopen, escalate, assign, comment, snooze, undo
    actor = models.CharField(max_length=150)
    actor_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    note = models.TextField(blank=True, default="")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["alert", "at"], name="action_alert")]


class Dispute(models.Model):
    """A member's word on an alert: it was not me, or it was."""

    NOT_ME, WAS_ME = "not_me", "was_me"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="disputes")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="disputes")
    answer = models.CharField(max_length=8, choices=[(NOT_ME, "not me"), (WAS_ME, "was me")])
    reference = models.CharField(max_length=16, unique=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "answer"], name="dispute_once")]


class UsedLink(models.Model):
    """A link in a mail that has given its one answer."""

    notice = models.UUIDField(primary_key=True)  # the message that carried it
    answer = models.CharField(max_length=8)
    at = models.DateTimeField(default=timezone.now, db_index=True)
