"""How each of the staff likes the console: their desk, and the views of the feed they keep."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Desk(models.Model):
    """One person's wishes for every page of the console."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="desk"
    )
    time_zone = models.CharField(max_length=64, blank=True, default="")  # "" is the browser's own
    keys = models.BooleanField(default=True)  # single-key shortcuts (WCAG 2.1.4)


class SavedView(models.Model):
    """A named set of the feed's filters, as they stand in the address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="view_name_once"),
            models.UniqueConstraint(fields=["user"], condition=models.Q(is_default=True), name="one_default_view"),
        ]
