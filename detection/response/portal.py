"""One-use links by which a shop signs its member in here. Only a digest of the token is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Client, Member, PortalToken
from detection.work import unit_of_work

LIVES = timedelta(minutes=5)


def create(member: Member, *, client: Client, locale: str = "", now: datetime | None = None) -> tuple[str, datetime]:
    """A new token for this member and its end. The token is shown this once. ``locale`` is the shop's word on the
    language it speaks with them."""
    now = now or timezone.now()
    token = secrets.token_urlsafe(32)
    with unit_of_work(Actor(ActorKind.SHOP, client.name)) as work:
        PortalToken.objects.create(
            digest=_digest(token), member=member, client=client, created_at=now, expires_at=now + LIVES
        )
        if locale:
            Member.objects.filter(pk=member.pk).update(locale=locale)
        work.audit("portal.created", target=member.member_id, client=client.name)
    return token, now + LIVES


def peek(token: str, *, now: datetime | None = None) -> bool:
    """Whether the token would still work. Spends nothing."""
    return PortalToken.objects.filter(
        digest=_digest(token), spent_at=None, expires_at__gt=now or timezone.now()
    ).exists()


def client_of(token: str) -> int | None:
    """The client a token was made for, spent or not; None when there is none."""
    return PortalToken.objects.filter(digest=_digest(token)).values_list("client", flat=True).first()


def spend(token: str, *, now: datetime | None = None) -> Member | None:
    """The member the token stands for, once; None when it is unknown, spent or over."""
    now = now or timezone.now()
    digest = _digest(token)
    with unit_of_work() as work:
        if not PortalToken.objects.filter(digest=digest, spent_at=None, expires_at__gt=now).update(spent_at=now):
            return None
        found = PortalToken.objects.select_related("member", "client").get(digest=digest)
        work.audit(
            "portal.opened",
            target=found.member.member_id,
            actor=Actor(ActorKind.MEMBER, found.member.member_id, found.member.user_id),
            client=found.client.name,
        )
        return found.member


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
