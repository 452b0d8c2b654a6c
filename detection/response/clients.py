"""Apps and the keys they report with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from detection.conf import UNDO_FOR
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import KeyScope, Trust
from detection.models import ApiKey, Client
from detection.work import unit_of_work

ROTATED_KEY_LIVES = timedelta(days=1)  # so that an app can change over without a gap


class UnknownScope(ValueError):
    """A scope that does not exist. Its text names those that do."""

    def __init__(self, unknown: Iterable[str]) -> None:
        named = ", ".join(sorted(unknown)) or "none at all"
        known = "\n".join(f"  {scope.value}" for scope in KeyScope)
        super().__init__(f"There is no such scope: {named}. These exist:\n{known}")


def scopes_of(text: str) -> list[str]:
    """Scopes from a list with commas. Raises UnknownScope, also when there is none."""
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    unknown = wanted - {scope.value for scope in KeyScope}
    if unknown or not wanted:
        raise UnknownScope(unknown)
    return sorted(wanted)


def issue_key(
    name: str,
    scopes: list[str],
    *,
    actor: Actor,
    trust: Trust = Trust.NORMAL,
    requires_signature: bool = False,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key for the client of this name, which is made when there is none. The key's text is kept nowhere."""
    with unit_of_work(actor) as work:
        client, _ = Client.objects.get_or_create(name=name)
        key, text = ApiKey.issue(
            client, scopes, trust=trust, requires_signature=requires_signature, expires_at=expires_at
        )
        work.audit(
            "api_key.created",
            target=_target(key),
            prefix=key.prefix,
            scopes=key.scopes,
            trust=trust.name.lower(),
            expires_at=iso(expires_at),
        )
    return key, text


def rotate(key: ApiKey, *, actor: Actor) -> tuple[ApiKey, str] | None:
    """A new key that may do what the old one may; the old one works for another day. None for one that is over."""
    now = timezone.now()
    with unit_of_work(actor) as work:
        held = _held(key)
        if held is None or not _alive(held, now):
            return None
        fresh, text = ApiKey.issue(
            held.client,
            held.scopes,
            trust=Trust(held.trust),
            requires_signature=held.requires_signature,
            expires_at=held.expires_at,
        )
        held.expires_at = min(held.expires_at or now + ROTATED_KEY_LIVES, now + ROTATED_KEY_LIVES)
        held.save(update_fields=["expires_at"])
        work.audit("api_key.rotated", target=_target(held), prefix=held.prefix, new_prefix=fresh.prefix)
    return fresh, text


def revoke(key: ApiKey, *, actor: Actor) -> bool:
    """The key opens nothing any more; whether it did until now. Who keeps verified keys has to forget them."""
    with unit_of_work(actor) as work:
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            return False
        work.audit("api_key.revoked", target=_target(key), prefix=key.prefix)
    return True


def restore(key: ApiKey, *, actor: Actor) -> bool:
    """Take a revocation back within half a minute; whether it was in time."""
    with unit_of_work(actor) as work:
        just_now = ApiKey.objects.filter(pk=key.pk, revoked_at__gt=timezone.now() - UNDO_FOR)
        if not just_now.update(revoked_at=None):
            return False
        work.audit("api_key.restored", target=_target(key), prefix=key.prefix)
    return True


def _held(key: ApiKey) -> ApiKey | None:
    return ApiKey.objects.select_for_update(of=("self",)).select_related("client").filter(pk=key.pk).first()


def _alive(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


def _target(key: ApiKey) -> str:
    return f"client:{key.client.name}"
