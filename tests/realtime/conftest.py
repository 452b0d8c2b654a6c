"""A real daphne over the test database, and people who watch it through real websockets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from config.runner import ports
from config.runner.parts import ask
from config.runner.spawn import kill_group, spawn
from detection.models import Member
from tests.live import ROOT, eventually
from tests.realtime.watching import Web

SERVER_FLAGS = ["--websocket-max-message-size", "65536", "--application-close-timeout", "2"]


def database_url() -> str:
    """The test database, as another process finds it."""
    named = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{named['NAME']}"
    given = os.environ["DATABASE_URL"]
    head, _, query = given.partition("?")
    return head.rpartition("/")[0] + f"/{named['NAME']}" + (f"?{query}" if query else "")


def start_web(folder: Path, **environ: str) -> tuple[Web, Callable[[], None]]:
    """daphne on a free port, and what ends it."""
    port = ports.free()
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.dev", "SECURERETAIL_PART": "web"}
    environment = {**os.environ, **settings, "DATABASE_URL": database_url(), **environ}
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), *SERVER_FLAGS]
    with open(folder / "daphne.log", "ab") as log:
        process = spawn([*command, "config.asgi:application"], env=environment, stdout=log, stderr=log, cwd=ROOT)
    web = Web(port, process.pid, folder / "daphne.log")
    try:
        eventually(lambda: process.poll() is not None or ask(f"{web.url}/ws/nothing/")[0], within=60)
        assert process.poll() is None, web.log.read_text()[-3000:]
    except BaseException:
        kill_group(process)
        raise
    return web, lambda: kill_group(process)


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
