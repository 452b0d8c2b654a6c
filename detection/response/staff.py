"""The people who work here: invited, given a role, let in and shut out. There is always an administrator who can act,
and nobody changes their own standing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db.models import Max, Q
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.models import Authenticator, Member, SignIn
from detection.response import accounts, authenticators, sessions
from detection.work import UnitOfWork, unit_of_work

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
MOST_SHOWN = 500

OWN = "This is your own sign-in. Another administrator has to do this."
LAST_ADMIN = "This is the last administrator who can sign in. Make somebody else an administrator first."
GONE = "There is nobody of that name among the staff."
BAD_NAME = (
    "A name has 1 to 64 letters, digits, dots, dashes or underscores, and begins and ends with a letter or digit."
)
TAKEN = "Somebody signs in by that name already."


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: the person, the two parts of a link they set a password with, or why nothing was done."""

    user: Any = None
    link: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One of the staff as an administrator sees them."""

    user: Any
    role: Role
    has_password: bool
    second_factor: datetime | None
    seen_at: datetime | None
    sessions: int


def everybody() -> list[Person]:
    """All of the staff, those who may sign in first, by name. Four queries, however many they are."""
    users = list(_staff().prefetch_related("groups").order_by("-is_active", "username")[:MOST_SHOWN])
    ids = [user.pk for user in users]
    apps = dict(Authenticator.objects.filter(user__in=ids).values_list("user", "confirmed_at"))
    seen = dict(SignIn.objects.filter(user__in=ids).values_list("user").annotate(at=Max("seen_at")))
    alive = sessions.alive(ids)
    return [
        Person(
            user,
            role,
            user.has_usable_password(),
            apps.get(user.pk),
            max(filter(None, (seen.get(user.pk), user.last_login)), default=None),
            alive.get(user.pk, 0),
        )
        for user in users
        if (role := _role(user)) is not None
    ]


def invite(name: str, role: Role, *, email: str = "", actor: Actor) -> Done:
    """A new sign-in without a password, and the link its owner sets one with."""
    if not NAME.fullmatch(name):
        return Done(refused=BAD_NAME)
    users = get_user_model().objects
    with unit_of_work(actor) as work:
        if users.filter(username__iexact=name).exists() or Member.objects.filter(member_id=name).exists():
            return Done(refused=TAKEN)
        user = users.create_user(name, email=email)
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
        work.audit("staff.invited", target=f"staff:{name}", role=role.value)
    return Done(user, _link(user))


def new_link(user_id: int, *, actor: Actor) -> Done:
    """A fresh link to set a password with, for who lost theirs. The old password works until it is used."""

    def make(work: UnitOfWork, user: Any) -> tuple[str, ...]:
        work.audit("staff.link_made", target=f"staff:{user.get_username()}")
        return _link(user)

    return _to_another(user_id, make, actor=actor)


def set_role(user_id: int, role: Role, *, actor: Actor) -> Done:
    """Another role from now on. Sessions end, so that no open page keeps the old one."""

    def change(work: UnitOfWork, user: Any) -> tuple[str, ...]:
        before = _role(user)
        user.groups.remove(*Group.objects.filter(name__in=[known.value for known in Role]))
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
        if role is not Role.ADMIN:
            user.is_superuser = user.is_staff = False
            user.save(update_fields=["is_superuser", "is_staff"])
        sessions.end([user.pk])
        work.audit(
            "staff.role_changed", target=f"staff:{user.get_username()}", role=role.value, before=before and before.value
        )
        return ()

    return _to_another(user_id, change, actor=actor, loses_admin=role is not Role.ADMIN)


def disable(user_id: int, *, actor: Actor) -> Done:
    """Nobody signs in by this name any more, and who is signed in is not. What they did stays under their name."""

    def change(work: UnitOfWork, user: Any) -> tuple[str, ...]:
        user.is_active = False
        user.save(update_fields=["is_active"])
        sessions.end([user.pk])
        work.audit("staff.disabled", target=f"staff:{user.get_username()}")
        return ()

    return _to_another(user_id, change, actor=actor, loses_admin=True)


def enable(user_id: int, *, actor: Actor) -> Done:
    """They may sign in again, with what they had."""

    def change(work: UnitOfWork, user: Any) -> tuple[str, ...]:
        user.is_active = True
        user.save(update_fields=["is_active"])
        work.audit("staff.enabled", target=f"staff:{user.get_username()}")
        return ()

    return _to_another(user_id, change, actor=actor)


def end_sessions(user_id: int, *, actor: Actor) -> Done:
    """Sign them out everywhere."""

    def change(work: UnitOfWork, user: Any) -> tuple[str, ...]:
        work.audit("staff.sessions_ended", target=f"staff:{user.get_username()}", count=sessions.end([user.pk]))
        return ()

    return _to_another(user_id, change, actor=actor)


def drop_second_factor(user_id: int, *, actor: Actor) -> Done:
    """Forget their authenticator app: they set up another at their next sign-in. They are signed out everywhere."""

    def change(_: UnitOfWork, user: Any) -> tuple[str, ...]:
        authenticators.remove(user, actor=actor)
        sessions.end([user.pk])
        return ()

    return _to_another(user_id, change, actor=actor)


def of_link(person: str, token: str) -> Any | None:
    """Whose link this is, while it works: once, for three days, and not after the next sign-in."""
    try:
        user = _staff().filter(pk=int(force_str(urlsafe_base64_decode(person))), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user is not None and default_token_generator.check_token(user, token) else None


def set_password(user: Any, token: str, password: str) -> Sequence[str]:
    """Set the password of who holds the link; what is wrong with it, if anything. Sessions end, the link is used up."""
    try:
        validate_password(password, user)
    except ValidationError as fault:
        return fault.messages
    actor = Actor(ActorKind.STAFF, user.get_username(), user.pk)
    with unit_of_work(actor) as work:
        held = get_user_model().objects.select_for_update().get(pk=user.pk)
        if not default_token_generator.check_token(held, token):
            return ["This link has been used."]
        held.set_password(password)
        held.save(update_fields=["password"])
        sessions.end([held.pk])
        work.audit("staff.password_set", target=f"staff:{held.get_username()}")
    return ()


def _to_another(
    user_id: int, change: Callable[[UnitOfWork, Any], tuple[str, ...]], *, actor: Actor, loses_admin: bool = False
) -> Done:
    """Do it to one of the staff who is not the one who asks, and never to the last administrator."""
    with unit_of_work(actor) as work:
        list(_admins().select_for_update(of=("self",)).values_list("pk"))
        admins = set(_admins().values_list("pk", flat=True))  # anew: whoever waited there read the groups of before
        user = _staff().filter(pk=user_id).first()
        if user is None:
            return Done(refused=GONE)
        if user.pk == actor.user_id:
            return Done(user, refused=OWN)
        if loses_admin and user.pk in admins and len(admins) == 1:
            return Done(user, refused=LAST_ADMIN)
        return Done(user, change(work, user))


def _staff() -> Any:
    roles = [role.value for role in accounts.ROLES]
    groups = Group.objects.filter(name__in=roles).values("user")
    return get_user_model().objects.filter(Q(pk__in=groups) | Q(is_superuser=True))


def _admins() -> Any:
    """Administrators who can sign in."""
    grouped = Group.objects.filter(name=Role.ADMIN.value).values("user")
    able = get_user_model().objects.filter(Q(pk__in=grouped) | Q(is_superuser=True), is_active=True)
    return able.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)


def _role(user: Any) -> Role | None:
    if user.is_superuser:
        return Role.ADMIN
    names = {group.name for group in user.groups.all()}
    return next((role for role in accounts.ROLES if role.value in names), None)


def _link(user: Any) -> tuple[str, str]:
    """The two parts of the address that prove who may set the password."""
    return urlsafe_base64_encode(str(user.pk).encode()), default_token_generator.make_token(user)
