from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.test.utils import override_settings

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.models import Contact, Member
from detection.response import accounts

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def staff(name, *groups, **fields):
    accounts.ensure_groups()
    user = get_user_model().objects.create_user(name, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def test_a_role_is_the_strongest_group_and_a_superuser_is_an_admin():
    assert accounts.role_of(staff("olga", "analyst")) == Role.ANALYST
    assert accounts.role_of(staff("both", "auditor", "admin")) == Role.ADMIN
    assert accounts.role_of(staff("ada", is_superuser=True)) == Role.ADMIN
    assert accounts.role_of(staff("auditor", "auditor")) == Role.AUDITOR
    assert accounts.role_of(staff("nobody")) is None
    assert accounts.role_of(staff("gone", "admin", is_active=False)) is None
    assert accounts.role_of(AnonymousUser()) is None


def test_who_acts_is_a_member_under_the_shops_id_or_staff_by_name(mia):
    olga = staff("olga", "analyst")
    assert accounts.actor_of(mia.user) == Actor(ActorKind.MEMBER, "mia", mia.user_id, None)
    assert accounts.actor_of(olga, "127.0.0.1") == Actor(ActorKind.STAFF, "olga", olga.pk, "127.0.0.1")


def test_a_member_gets_one_user_without_a_password(db):
    member = Member.objects.create(member_id="42")
    user = accounts.user_for(member)
    assert not user.has_usable_password()
    assert accounts.user_for(Member.objects.get()) == user
    assert get_user_model().objects.count() == 1


def test_a_members_new_user_is_never_somebody_elses(db):
    member = Member.objects.create(member_id="42")
    taken = get_user_model().objects.create_superuser(f"member-{member.pk}", password="x")
    assert accounts.user_for(member) != taken


def test_registering_makes_a_new_member_and_only_in_the_demo(db):
    with override_settings(DEMO=True):
        first, second = accounts.create_demo_member(), accounts.create_demo_member()
    assert first.member.member_id.startswith("web_")
    assert first.member != second.member
    assert Contact.objects.safe(first.member, "email").value == f"{first.member.member_id}@example.com"
    with override_settings(DEMO=False), pytest.raises(accounts.DemoOnly):
        accounts.create_demo_member()


@pytest.mark.django_db(transaction=True)
def test_many_asking_at_once_get_the_same_user():
    member = Member.objects.create(member_id="42")

    def ask(_):
        try:
            return accounts.user_for(Member.objects.get(pk=member.pk)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert get_user_model().objects.count() == 1
