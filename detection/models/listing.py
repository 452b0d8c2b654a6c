"""What people put on lists."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from detection.kernel.lists import Entry
from detection.kernel.vocabulary import ListEffect, ListKind


class ListEntryQuerySet(models.QuerySet["ListEntry"]):
    def in_force(self, now: datetime | None = None) -> ListEntryQuerySet:
        now = now or timezone.now()
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))


class ListEntry(models.Model):
    """A line of the allow, block or watch list. It is never changed: taken off and put on again, by whom and why is
    told each time. Over by comparison once it has expired."""

    effect = models.CharField(max_length=8, choices=[(e.value, e.value) for e in ListEffect])
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in ListKind])
    value = models.CharField(max_length=200)  # in its one spelling, see detection.kernel.lists
    reason = models.CharField(max_length=500)
    owner = models.CharField(max_length=150)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ListEntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["effect", "kind", "value"], name="list_entry_once")]
        indexes = [models.Index(fields=["kind", "value"], name="list_entry_value")]

    def entry(self) -> Entry:
        return Entry(ListKind(self.kind), self.value, self.reason, self.expires_at)


class RemovedEntry(models.Model):
    """A line that was taken off its list, kept for a while so that it can be put back."""

    entry_id = models.BigIntegerField(primary_key=True)  # as it was, and is again once it is put back
    effect = models.CharField(max_length=8)
    kind = models.CharField(max_length=16)
    value = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    owner = models.CharField(max_length=150)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(default=timezone.now, db_index=True)
    removed_by = models.CharField(max_length=150)
