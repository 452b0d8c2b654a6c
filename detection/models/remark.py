"""What the staff note about members, devices and everything else an event carries."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Remark(models.Model):
    """A note of one of the staff about one thing. ``name`` is spelled as pages and lists spell it."""

    kind = models.CharField(max_length=12)  # member, or a kind of thing
    name = models.CharField(max_length=300)
    text = models.TextField()
    author = models.CharField(max_length=150)
    author_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["kind", "name", "-at"], name="remark_about")]
