"""A system to break: started once, mended by each test before it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import services
from tests.flows.stage import closing, signed_in
from tests.live import LiveSystem, eventually


class Victim:
    """A running system whose parts are killed, stopped and waited for."""

    def __init__(self, data_dir: Path, **environ: str) -> None:
        self.environ = environ
        self.system = LiveSystem.start(data_dir, **environ)
        self.stopped: list[int] = []

    def kill(self, part: str) -> None:
        """End a part, and all processes of its group, as the kernel would. With the runner go all of them."""
        if part != "runner":
            os.killpg(self.system.pid_of(part), signal.SIGKILL)
            return
        self.system.process.kill()
        self.system.process.wait()
        eventually(lambda: not self.system.processes(), within=15)

    def start_again(self) -> None:
        """A second start over the same data, at the same address."""
        self.system = LiveSystem.start(self.system.data_dir, PORT=self.system.environ["PORT"], **self.environ)

    def freeze(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self.stopped.append(pid)

    def thaw(self) -> None:
        while self.stopped:
            os.kill(self.stopped.pop(), signal.SIGCONT)

    def wait_until_whole(self, within: float = 60) -> None:
        eventually(lambda: self.system.status()[0] == 200, within=within)


@pytest.fixture(scope="package")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """On SQLite; ``TEST_DATABASE=postgresql`` breaks one on PostgreSQL."""
    folder = tmp_path_factory.mktemp("chaos")
    environ = {}
    if os.environ.get("TEST_DATABASE") == services.POSTGRESQL:
        environ["DATABASE_URL"] = services.postgresql(folder / "postgresql")
    found = Victim(folder / "data", **environ)
    yield found
    found.thaw()
    assert found.system.stop() == 0


@pytest.fixture(autouse=True)
def _whole_again(victim: Victim) -> Iterator[None]:
    """Whatever a test broke or left frozen works again before the next one."""
    with closing():
        yield
    victim.thaw()
    victim.wait_until_whole()


@pytest.fixture(scope="package")
def olga(victim: Victim) -> Iterator[httpx.Client]:
    """An analyst whose session outlives every crash."""
    with closing():
        yield signed_in(victim.system, "olga")
