"""Parts of the system over the test database, each a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from django.db import connection

from config.runner import ports
from config.runner.parts import ask
from config.runner.spawn import kill_group, spawn
from config.runner.valkey import Valkey
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


def start(log: Path, *command: str, **environ: str) -> subprocess.Popen[bytes]:
    """A process that works on the test database and the suite's Valkey, unless told otherwise."""
    ours = {"DJANGO_SETTINGS_MODULE": "config.settings.dev", "DATABASE_URL": database_url()}
    with open(log, "ab") as out:
        return spawn(command, env={**os.environ, **ours, **environ}, stdout=out, stderr=out, cwd=ROOT)


def start_web(folder: Path, **environ: str) -> tuple[Web, Callable[[], None]]:
    """daphne on a free port, and what ends it."""
    port = ports.free()
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), *SERVER_FLAGS]
    process = start(folder / "daphne.log", *command, "config.asgi:application", SECURERETAIL_PART="web", **environ)
    web = Web(port, process.pid, folder / "daphne.log")
    try:
        eventually(lambda: process.poll() is not None or ask(f"{web.url}/ws/nothing/")[0], within=60)
        assert process.poll() is None, web.log.read_text()[-3000:]
    except BaseException:
        kill_group(process)
        raise
    return web, lambda: kill_group(process)


class OwnValkey:
    """A Valkey of a test's own, to be frozen, killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._valkey = Valkey.prepare(folder, password="for-tests-only")
        self.url = self._valkey.url
        self.start()

    def start(self) -> None:
        self.process: subprocess.Popen[bytes] = spawn(self._valkey.command)
        eventually(lambda: self._valkey.answers(self.process.pid))

    def kill(self) -> None:
        kill_group(self.process)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)
