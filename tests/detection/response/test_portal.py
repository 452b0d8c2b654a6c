from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from detection.models import AuditPending, PortalToken
from detection.response import portal
from tests.cast import shop

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_token_signs_its_member_in_once(mia):
    token, expires_at = portal.create(mia, client=shop())
    assert timedelta(minutes=4, seconds=50) < expires_at - timezone.now() <= timedelta(minutes=5)
    assert portal.peek(token)
    assert portal.peek(token)
    assert portal.spend(token) == mia
    assert not portal.peek(token)
    assert portal.spend(token) is None
    assert [row.entry["action"] for row in AuditPending.objects.all()] == ["portal.created", "portal.opened"]


def test_a_token_is_over_after_five_minutes(mia):
    token, expires_at = portal.create(mia, client=shop())
    assert not portal.peek(token, now=expires_at)
    assert portal.spend(token, now=expires_at) is None


@pytest.mark.parametrize("token", ["", "guess", "x" * 5000, "\ud800"])
def test_an_unknown_token_is_nobody(mia, token):
    portal.create(mia, client=shop())
    assert not portal.peek(token)
    assert portal.spend(token) is None


def test_the_token_is_not_stored(mia):
    token, _ = portal.create(mia, client=shop())
    assert token not in repr(list(PortalToken.objects.values()) + list(AuditPending.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_of_many_spending_a_token_at_once_one_gets_in(mia):
    token, _ = portal.create(mia, client=shop())

    def spend(_):
        try:
            return portal.spend(token)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(spend, range(16)))
    assert [member for member in found if member] == [mia]
