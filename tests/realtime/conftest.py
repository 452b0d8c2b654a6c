"""A real daphne over the test database, and people who watch it through real websockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from detection.models import Member
from tests.realtime.servers import start_web
from tests.realtime.watching import Web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[Web]:
    """One daphne for a module's tests. Each test has a database of its own making; the server finds what is there."""
    with django_db_blocker.unblock():
        server, end = start_web(tmp_path_factory.mktemp("web"))
    yield server
    end()


@pytest.fixture
def olga(transactional_db: None) -> User:
    """An analyst."""
    user = User.objects.create_user("olga", password="olga's long password")
    user.groups.add(Group.objects.get_or_create(name="analyst")[0])
    return user


def _member(name: str) -> Member:
    return Member.objects.create(member_id=name, user=User.objects.create_user(name, password=f"{name}'s password"))


@pytest.fixture
def mia(transactional_db: None) -> Member:
    return _member("mia")


@pytest.fixture
def sam(transactional_db: None) -> Member:
    return _member("sam")
