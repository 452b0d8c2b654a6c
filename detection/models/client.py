"""Apps that report to us, and the keys they do it with."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from django.db import models
from django.utils import timezone

from detection.kernel.vocabulary import Trust


class Client(models.Model):
    """An app of the business. Event ids are unique per client."""

    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self, now: datetime | None = None) -> ApiKeyQuerySet:
        now = now or timezone.now()
        return self.filter(revoked_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))

    def matching(self, presented: str) -> ApiKey | None:
        """The live key this text is, or None. Constant-time over the digest."""
        parts = presented.split("_", 2)
        if len(parts) != 3 or parts[0] != "sk":
            return None
        key = self.live().select_related("client").filter(prefix=parts[1]).first()
        digest = hashlib.sha256(presented.encode()).hexdigest()
        return key if key and hmac.compare_digest(key.digest, digest) else None


class ApiKey(models.Model):
    """A client's key: a public prefix and the SHA-256 of 256 random bits; the key itself is shown once."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    trust = models.SmallIntegerField(choices=[(int(t), t.name.lower()) for t in Trust], default=int(Trust.NORMAL))
    requires_signature = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"sk_{self.prefix}_…"

    @classmethod
    def issue(
        cls,
        client: Client,
        scopes: list[str],
        *,
        trust: Trust = Trust.NORMAL,
        requires_signature: bool = False,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is not kept anywhere."""
        prefix = secrets.token_hex(5)
        text = f"sk_{prefix}_{secrets.token_urlsafe(32)}"
        key = cls.objects.create(
            client=client,
            prefix=prefix,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            scopes=sorted(scopes),
            trust=int(trust),
            requires_signature=requires_signature,
            expires_at=expires_at,
        )
        return key, text


class Face(models.Model):
    """How the pages look to members who come from this client: the shop's own name, logo and colour."""

    client = models.OneToOneField(Client, on_delete=models.CASCADE, primary_key=True, related_name="face")
    name = models.CharField(max_length=60)
    logo = models.BinaryField(null=True)
    logo_type = models.CharField(max_length=16, blank=True, default="")
    colour = models.CharField(max_length=7, blank=True, default="")  # #rrggbb
    contact = models.CharField(max_length=200, blank=True, default="")  # how members reach the shop
    frame_origins = models.JSONField(default=list)  # sites that may show the pages inside their own
    changed_at = models.DateTimeField(default=timezone.now)
