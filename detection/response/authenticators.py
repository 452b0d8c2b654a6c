"""Authenticator apps and the recovery codes kept beside them, of members and of staff.

An app counts from the moment a code of it was shown. Its codes work once: the newest time step taken is remembered and
nothing up to it is taken again. A recovery code is found by its first two letters and checked against a salted hash.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Authenticator, Member, RecoveryCode
from detection.response import codes, notifications
from detection.work import UnitOfWork, unit_of_work

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
RECOVERY_CODES = 10
NAMED_BY = 2  # letters of a recovery code that say which one it is
SECRET = 10  # letters that prove it, 49 bits
SIGN_IN_TRIES = 20  # wrong codes at sign-in, of the app only conf.APP_TRIES_PER_DAY, in …
SIGN_IN_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Match:
    """A right code that was not spent yet: of the app, or one of the recovery codes."""

    app: Authenticator
    step: int | None = None
    recovery: RecoveryCode | None = None


def of(user: Any) -> Authenticator | None:
    """The app that counts for this user, None when there is none."""
    return Authenticator.objects.filter(user=user.pk).exclude(confirmed_at=None).first()


def waiting(user: Any) -> Authenticator | None:
    """The app this user is setting up."""
    return Authenticator.objects.filter(user=user.pk, confirmed_at=None).first()


def left(user: Any) -> int:
    """How many recovery codes are unused."""
    return RecoveryCode.objects.filter(user=user.pk, used_at=None).count()


def begin(user: Any) -> Authenticator | None:
    """A new app to set up, in place of one that was never finished; None when one counts already."""
    with transaction.atomic():
        if of(user) is not None:
            return None
        fresh = {"seed": secrets.token_hex(32), "key_id": codes.key_id(), "created_at": timezone.now(), "last_step": 0}
        return Authenticator.objects.update_or_create(user=user, defaults=fresh)[0]


def confirm(user: Any, typed: str, *, actor: Actor, now: datetime | None = None) -> tuple[str, ...]:
    """Finish setting up with a code of the app; the recovery codes, shown this once, or nothing for a wrong code."""
    now = now or timezone.now()
    app = waiting(user)
    step = codes.app_step(app, typed, now) if app else None
    if app is None or step is None:
        return ()
    with unit_of_work(actor) as work:
        fresh = Authenticator.objects.filter(pk=app.pk, seed=app.seed, confirmed_at=None)
        if not fresh.update(confirmed_at=now, last_step=step):
            return ()
        made = _new_codes(user)
        _say(work, user, actor, "app.enabled")
        return made


def renew(user: Any, *, actor: Actor) -> tuple[str, ...]:
    """Ten new recovery codes; the old ones are void."""
    with unit_of_work(actor) as work:
        made = _new_codes(user)
        _say(work, user, actor, "app.renewed")
        return made


def remove(user: Any, *, actor: Actor) -> bool:
    """Do without an app from now on; whether there was one."""
    with unit_of_work(actor) as work:
        if not Authenticator.objects.filter(user=user.pk).exclude(confirmed_at=None).delete()[0]:
            return False
        RecoveryCode.objects.filter(user=user.pk).delete()
        _say(work, user, actor, "app.removed")
        return True


def match(user: Any, typed: str, *, now: datetime | None = None) -> Match | None:
    """What a typed code is, without spending it. Works outside any transaction: checking a hash takes its time."""
    app = of(user)
    if app is None:
        return None
    step = codes.app_step(app, typed, now or timezone.now())
    if step is not None:
        return Match(app, step=step)
    text = codes.plain(typed).upper()
    if len(text) != NAMED_BY + SECRET:
        return None
    found = RecoveryCode.objects.filter(user=user.pk, name=text[:NAMED_BY], used_at=None).first()
    good = check_password(text[NAMED_BY:], found.digest if found else _nobodys())
    return Match(app, recovery=found) if found and good else None


def spend(found: Match, *, actor: Actor, now: datetime | None = None) -> bool:
    """Use a right code up; False when somebody was quicker. Joins the open unit of work."""
    now = now or timezone.now()
    with unit_of_work(actor) as work:
        if found.recovery is None:
            newer = Authenticator.objects.filter(pk=found.app.pk, last_step__lt=found.step)
            return bool(newer.update(last_step=found.step))
        if not RecoveryCode.objects.filter(pk=found.recovery.pk, used_at=None).update(used_at=now):
            return False
        _say(work, found.app.user, actor, "app.recovered")
        return True


def sign_in(user: Any, typed: str, *, actor: Actor, now: datetime | None = None) -> bool | None:
    """Whether a code lets this user sign in, once; None when the day's tries are used up, which for the app's codes is
    sooner than for recovery codes. The try is counted first, in a transaction of its own. Call it outside any
    transaction."""
    now = now or timezone.now()
    with transaction.atomic(durable=True):
        app = Authenticator.objects.select_for_update().filter(user=user.pk).exclude(confirmed_at=None).first()
        if app is None:
            return False
        if app.tries_since is None or app.tries_since <= now - SIGN_IN_WINDOW:
            app.tries, app.tries_since = 0, now
        if app.tries >= (conf.APP_TRIES_PER_DAY if codes.app_shaped(typed) else SIGN_IN_TRIES):
            return None
        app.tries += 1
        app.save(update_fields=["tries", "tries_since"])
    found = match(user, typed, now=now)
    if found is None or not spend(found, actor=actor, now=now):
        return False
    Authenticator.objects.filter(pk=app.pk).update(tries=0)
    return True


def shown(code: str) -> str:
    """A recovery code as it is written down."""
    return f"{code[:NAMED_BY]}-{code[NAMED_BY : NAMED_BY + 5]}-{code[NAMED_BY + 5 :]}"


def _new_codes(user: Any) -> tuple[str, ...]:
    RecoveryCode.objects.filter(user=user.pk).delete()
    names: set[str] = set()
    while len(names) < RECOVERY_CODES:
        names.add(_letters(NAMED_BY))
    made = [(name, _letters(SECRET)) for name in sorted(names)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, name=name, digest=make_password(secret)) for name, secret in made
    )
    return tuple(shown(name + secret) for name, secret in made)


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def _nobodys() -> str:
    """A hash that no code has, so that an unknown one takes as long as a wrong one."""
    global _hash
    if not _hash:
        _hash = make_password(secrets.token_hex(8))
    return _hash


_hash = ""


def _say(work: UnitOfWork, user: Any, actor: Actor, kind: str) -> None:
    """In the audit trail, and to the member whose app it is."""
    member = Member.objects.filter(user=user.pk).first()
    work.audit(kind, target=member.member_id if member else user.get_username(), actor=actor)
    if member is not None and actor.kind in {ActorKind.MEMBER, ActorKind.STAFF}:
        notifications.to_member(work, member, kind, context={})
