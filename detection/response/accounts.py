"""Who is who among Django's users: staff by group, members by their link, and the users we make for members."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from detection import conf
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.models import Contact, Member
from detection.work import unit_of_work

#: The strongest first: who is in several groups has the first of these.
ROLES = (Role.ADMIN, Role.ANALYST, Role.AUDITOR)


class DemoOnly(Exception):
    """This exists for the demo and nowhere else."""


def ensure_groups(groups: Any = Group) -> None:
    """The three staff roles exist as groups. A migration passes its own ``Group``."""
    for role in ROLES:
        groups.objects.get_or_create(name=role.value)


def role_of(user: Any) -> Role | None:
    """The staff role of a user, None for members and strangers. One query, none for a superuser."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in ROLES if role.value in names), None)


def workers() -> list[str]:
    """Names of those who may work on alerts, in order; at most 200."""
    users = get_user_model().objects.filter(is_active=True)
    able = Q(groups__name__in=[Role.ADMIN.value, Role.ANALYST.value]) | Q(is_superuser=True)
    return list(users.filter(able).order_by("username").values_list("username", flat=True).distinct()[:200])


def worker(name: str) -> Any | None:
    """The person of that name, if they may work on alerts."""
    person = get_user_model().objects.filter(username=name).first()
    return person if person is not None and role_of(person) in (Role.ADMIN, Role.ANALYST) else None


def actor_of(user: Any, ip: str | None = None) -> Actor:
    """Who a signed-in user is, for verbs and the audit trail: a member acts under the shop's id, staff by name."""
    member = Member.objects.filter(user=user.pk).first()
    if member is not None and role_of(user) is None:
        return Actor(ActorKind.MEMBER, member.member_id, user.pk, ip)
    return Actor(ActorKind.STAFF, user.get_username(), user.pk, ip)


def user_for(member: Member) -> Any:
    """The Django user of a member, made without a password when there is none yet. Never takes an existing user."""
    with transaction.atomic():
        held = Member.objects.select_for_update().get(pk=member.pk)
        if held.user_id is None:
            held.user = _new_user(f"member-{held.pk}")
            held.save(update_fields=["user"])
        member.user = held.user
    return member.user


def _new_user(username: str, *, email: str = "") -> Any:
    users = get_user_model()
    free = username
    while users.objects.filter(username=free).exists():
        free = f"{username}-{secrets.token_hex(3)}"
    return users.objects.create_user(free, email=email)


def create_demo_member() -> Any:
    """The user of a new member ``web_<random>``, with an address whose mail the outbox shows and no password."""
    if not conf.current().demo:
        raise DemoOnly("registering")
    with unit_of_work(SYSTEM) as work:
        name = f"web_{secrets.token_hex(4)}"
        while Member.objects.filter(member_id=name).exists():
            name = f"web_{secrets.token_hex(4)}"
        address = f"{name}@example.com"
        member = Member.objects.create(member_id=name, user=_new_user(name, email=address))
        now = timezone.now()
        Contact.objects.create(member=member, kind=Contact.EMAIL, value=address, verified_at=now, added_at=now)
        work.audit("member.registered", target=name)
    return member.user
