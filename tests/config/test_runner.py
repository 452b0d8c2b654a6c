"""The runner brings everything up, keeps it up, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import ROOT, LiveSystem, eventually, processes_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the module: its first start is made once, later ones find its data."""
    return tmp_path_factory.mktemp("runner") / "data"


@pytest.fixture
def system(home: Path) -> Iterator[LiveSystem]:
    running = LiveSystem.start(home)
    yield running
    running.kill()


def test_it_says_where_everything_is_once_everything_works(live_system: LiveSystem) -> None:
    system = live_system
    assert system.status()[0] == 200
    box = system.box()
    assert system.url in box
    assert re.search(r"sk_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}", box)
    assert all(user["password"] in box for user in system.users)
    assert {user["role"] for user in system.users} >= {"admin", "analyst", "member"}
    lines = system.processes().values()
    for part in (
        "valkey-server",
        "daphne",
        r"celery .*worker.*--queues events",
        r"celery .*worker.*--queues notices,upkeep",
        r"celery .*beat",
        r"celery .*flower",
    ):
        assert any(re.search(part, line) for line in lines), part


def test_after_sigkill_nothing_is_left(system: LiveSystem, home: Path) -> None:
    assert len(system.processes()) >= 7
    os.kill(system.process.pid, signal.SIGKILL)
    assert eventually(lambda: not processes_of(home), within=15)


def test_sigterm_ends_all_of_it_and_a_second_start_finds_its_data_and_is_quick(system: LiveSystem) -> None:
    before = (system.api_key, system.users)
    assert system.stop() == 0
    assert eventually(lambda: not processes_of(system.data_dir), within=20)
    assert not (system.data_dir / "run" / "valkey.url").exists()
    again = LiveSystem.start(system.data_dir)
    try:
        assert (again.api_key, again.users) == before
        began = time.monotonic()
        again.manage("check")
        yardstick = time.monotonic() - began  # what one bare command costs on this machine, busy as it is
        assert again.ready_after < max(10, 8 * yardstick)
    finally:
        assert again.stop() == 0


def test_a_part_that_dies_is_started_again(system: LiveSystem) -> None:
    for part in ("worker", "chores", "web", "beat", "flower", "valkey"):
        victim = system.pid_of(part)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda part=part, victim=victim: system.find(part) not in {victim, None}, within=15)
        eventually(lambda: system.status()[0] == 200, within=30)


def test_two_runners_never_share_a_data_folder(live_system: LiveSystem) -> None:
    second = live_system.manage("up", check=False)
    assert second.returncode != 0
    assert "already runs" in second.stderr


def test_secrets_are_for_their_owner_only(live_system: LiveSystem) -> None:
    for name in ("secrets.json", "run/valkey.url", "run/up.json", "valkey/valkey.conf", "db.sqlite3"):
        assert stat.S_IMODE((live_system.data_dir / name).stat().st_mode) == 0o600, name
    lines = "\n".join(live_system.processes().values())
    assert live_system.facts["flower_password"] not in lines
    assert live_system.api_key not in live_system.said().replace(live_system.box(), "")


def test_a_port_asked_for_and_taken_is_an_error_that_says_so(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        system = LiveSystem.start(data_dir, wait=False, PORT=str(taken.getsockname()[1]))
        assert system.process.wait(timeout=30) != 0
    assert "PORT" in system.said()
    assert "in use" in system.said()


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORT", "eighty", "whole number"),
        ("DATABASE_URL", "mysql://somewhere/db", "postgresql://"),
        ("REDIS_URL", "localhost", "redis://"),
        ("MODE", "dry", "live, shadow"),
        ("HOST", "0.0.0.0", "DEMO"),
        ("EMAIL_URL", "pigeon://loft", "smtp://host:port"),
    ],
)
def test_a_malformed_value_ends_the_start_with_what_to_do(data_dir: Path, name: str, value: str, advice: str) -> None:
    environ = {**os.environ, "DATA_DIR": str(data_dir), "DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "up"],
        env={**environ, name: value},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert name in ended.stderr
    assert advice in ended.stderr
    assert "Traceback" not in ended.stderr
