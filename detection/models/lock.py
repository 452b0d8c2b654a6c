"""Locks on accounts, and the one-time codes that open them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models.member import Member


class AccountLock(models.Model):
    """One row a member: the version every transition raises. What is in force comes from the open reasons."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, primary_key=True, related_name="lock")
    version = models.PositiveIntegerField(default=0)
    contacts_frozen_until = models.DateTimeField(null=True, blank=True)


class LockReasonQuerySet(models.QuerySet["LockReason"]):
    def in_force(self, now: datetime | None = None) -> LockReasonQuerySet:
        """Open by comparison: an end that has passed is over even when nobody tidied up."""
        now = now or timezone.now()
        return self.filter(ended_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))


class LockReason(models.Model):
    """Why a member is locked. Several may stand at once; ending one never ends another. Its end is set when placed."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="lock_reasons")
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in LockState if s != LockState.CLEAR])
    scopes = models.JSONField(default=list)
    code = models.CharField(max_length=64)
    text = models.TextField()
    by = models.CharField(max_length=8, choices=[(k.value, k.value) for k in ActorKind])
    actor = models.CharField(max_length=150)
    self_unlock = models.BooleanField(default=True)
    alert = models.UUIDField(null=True)
    capped = models.BooleanField(default=False)  # weaker than asked for: too many at once, staff settle them together
    client = models.ForeignKey("detection.Client", null=True, on_delete=models.SET_NULL, related_name="+")
    source = models.CharField(max_length=64, blank=True, default="")  # the address that caused it: budgets count it
    since = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True, default="")

    objects = LockReasonQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "code", "by"], condition=models.Q(ended_at=None), name="one_open_reason"
            )
        ]
        indexes = [
            models.Index(fields=["ended_at", "expires_at"], name="reason_due"),
            models.Index(fields=["client", "since"], name="reason_client"),
            models.Index(fields=["source", "since"], name="reason_source"),
            models.Index(fields=["code", "since"], name="reason_code"),
            models.Index(
                fields=["client", "code"], name="reason_capped", condition=models.Q(capped=True, ended_at=None)
            ),
        ]

    def in_force(self, now: datetime) -> bool:
        """The same of one at hand."""
        return self.ended_at is None and (self.expires_at is None or self.expires_at > now)


class LockBatch(models.Model):
    """What staff decided about everybody a storm restricted: let them all go, or lock them all."""

    RELEASE, CONFIRM = "release", "confirm"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey("detection.Client", null=True, on_delete=models.SET_NULL, related_name="+")
    code = models.CharField(max_length=64)
    verb = models.CharField(max_length=8, choices=[(RELEASE, "release"), (CONFIRM, "confirm")])
    reason = models.TextField()
    count = models.PositiveIntegerField()  # members it was about when asked for
    asked_by = models.CharField(max_length=150)
    asked_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    asked_at = models.DateTimeField(default=timezone.now)  # whoever was restricted later is not part of it
    approved_by = models.CharField(max_length=150, blank=True, default="")
    approved_at = models.DateTimeField(null=True)
    settled = models.PositiveIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)  # worked through, or withdrawn

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client", "code"],
                condition=models.Q(closed_at=None),
                name="one_open_batch",
            )
        ]


class LockEvent(models.Model):
    """Append-only history of a member's lock."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="lock_events")
    version = models.PositiveIntegerField()
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    code = models.CharField(max_length=64)
    text = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    action = models.UUIDField(null=True)  # by which staff take an unlock back
    kept = models.JSONField(default=dict)  # what that puts back

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "version"], name="lock_event_once"),
            models.UniqueConstraint(
                fields=["action"], condition=models.Q(action__isnull=False), name="lock_event_action"
            ),
        ]
        indexes = [models.Index(fields=["actor", "at"], name="lock_event_by", condition=~models.Q(actor="system"))]


class OtpChallenge(models.Model):
    """A one-time code that was sent. The code itself is derived when needed and stored nowhere."""

    id = models.CharField(max_length=32, primary_key=True)  # 128 random bits, public
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="challenges")
    purpose = models.CharField(max_length=16, default="unlock")
    lock_version = models.PositiveIntegerField()
    channel = models.CharField(max_length=8)
    sent_to = models.CharField(max_length=254)  # masked
    contact = models.ForeignKey("detection.Contact", null=True, on_delete=models.SET_NULL, related_name="+")
    key_id = models.CharField(max_length=16)
    session = models.CharField(max_length=64)  # digest of the session it belongs to
    source = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=5)
    consumed_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["member", "-created_at"], name="challenge_member")]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "purpose"],
                condition=models.Q(consumed_at=None, superseded_at=None),
                name="one_live_challenge",
            )
        ]


class CodeAttempt(models.Model):
    """Each answer tried, so that tries are counted over challenges too."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="code_attempts")
    at = models.DateTimeField(default=timezone.now)
    right = models.BooleanField(default=False)
    app = models.BooleanField(default=False)  # a guess at a code of their app, which is easier than at a code we sent

    class Meta:
        indexes = [models.Index(fields=["member", "-at"], name="attempt_member")]


class PortalToken(models.Model):
    """A one-use link by which a shop signs its member in here. Only the digest is kept."""

    digest = models.CharField(max_length=64, unique=True)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    client = models.ForeignKey("detection.Client", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)
