"""How people prove that it is them: authenticator apps, recovery codes, and the sessions they signed in to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Authenticator(models.Model):
    """Somebody's authenticator app. Its secret is derived from ``seed`` and a key that is not in the database."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="authenticator"
    )
    seed = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)  # a code of it was shown: from now on it counts
    last_step = models.BigIntegerField(default=0)  # of the newest code taken: none works twice
    tries = models.PositiveSmallIntegerField(default=0)  # wrong ones at staff's sign-in since …
    tries_since = models.DateTimeField(null=True)


class RecoveryCode(models.Model):
    """A code to keep on paper, for when the app is gone. Only its salted hash is kept, beside its public beginning."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    name = models.CharField(max_length=4)
    digest = models.CharField(max_length=200)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="recovery_code_once")]


class SignIn(models.Model):
    """A signed-in session as its owner would recognise it. The session itself is Django's."""

    session = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    ip = models.CharField(max_length=45, blank=True, default="")
    agent = models.CharField(max_length=120, blank=True, default="")
