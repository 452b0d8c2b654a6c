"""The whole system as a person starts it: ``manage.py up`` on free ports over a throw-away data folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from config.runner import ports
from config.runner.spawn import kill_group, spawn

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 120.0
Fact = TypeVar("Fact")


def eventually(fact: Callable[[], Fact], *, within: float = 45.0, every: float = 0.05) -> Fact:
    """Wait until a fact holds and return it. Raises AssertionError when it does not within the time."""
    deadline = time.monotonic() + within
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within:g} s; last seen: {found!r}")
        time.sleep(every)
    return found


@dataclass
class LiveSystem:
    """One running system. ``facts`` is what it wrote down about itself when it was ready."""

    data_dir: Path
    environ: dict[str, str]
    process: subprocess.Popen[bytes]
    started_at: float
    ready_after: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    # --- life ---------------------------------------------------------------------------------------------
    @classmethod
    def start(cls, data_dir: Path, *, wait: bool = True, **environ: str) -> LiveSystem:
        """Start a system over a folder; a folder used before keeps its data. Extra names go into its environment."""
        port, flower = ports.free(), ports.free()
        wanted = {
            **{name: value for name, value in os.environ.items() if name not in ISOLATED},
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "DATA_DIR": str(data_dir),
            "DEMO": "1",
            "DEMO_MONTH": "0",
            "NO_COLOR": "1",
            "PORT": str(port),
            "FLOWER_PORT": str(flower),
            **environ,
        }
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "run" / "up.json").unlink(missing_ok=True)
        with open(data_dir / "up.out", "wb") as out, open(data_dir / "up.err", "ab") as err:
            process = spawn([sys.executable, "manage.py", "up"], env=wanted, stdout=out, stderr=err, cwd=ROOT)
        system = cls(data_dir, wanted, process, time.monotonic())
        if wait:
            try:
                system.wait_until_ready()
            except BaseException:
                system.kill()
                raise
        return system

    def wait_until_ready(self) -> None:
        eventually(lambda: self.process.poll() is not None or self._ready(), within=READY_WITHIN)
        if self.process.poll() is not None:
            raise AssertionError(f"the system ended with {self.process.returncode}:\n{self.said()[-4000:]}")
        self.ready_after = time.monotonic() - self.started_at

    def stop(self) -> int:
        """Ask it to end, as a terminal or a service manager would. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the runner as the kernel would, without a chance to tidy up."""
        kill_group(self.process)

    def _ready(self) -> bool:
        try:
            self.facts = json.loads((self.data_dir / "run" / "up.json").read_text())
        except (OSError, ValueError):
            return False
        return self.facts.get("pid") == self.process.pid

    # --- what it is ---------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return str(self.facts["url"])

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def api_key(self) -> str:
        return str(self.facts["demo"]["api_key"])

    @property
    def users(self) -> list[dict[str, str]]:
        """The demo sign-ins: role, username, password."""
        return list(self.facts["demo"]["users"])

    def user(self, role_or_name: str) -> dict[str, str]:
        """The first demo sign-in with this role or name."""
        return next(user for user in self.users if role_or_name in (user["role"], user["username"]))

    def client(self) -> httpx.Client:
        """An app's HTTP client, with the demo API key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=30)

    def signed_in(self, role_or_name: str) -> httpx.Client:
        """A person's HTTP client after the sign-in form; writes already carry the CSRF token."""
        who = self.user(role_or_name)
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Origin": self.url, "Referer": f"{self.url}/"})
        client.get("/login/").raise_for_status()
        form = {
            "username": who["username"],
            "password": who["password"],
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        answer = client.post("/login/", data=form)
        assert answer.status_code == 302, f"{who['username']} could not sign in: {answer.status_code}"
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        return client

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a manage.py command on this system's data."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, env=self.environ, cwd=ROOT, capture_output=True, text=True, check=check, timeout=120
        )

    def said(self) -> str:
        """All it printed so far: the box, then stages and log lines."""
        return (self.data_dir / "up.out").read_text() + (self.data_dir / "up.err").read_text()

    def box(self) -> str:
        return (self.data_dir / "up.out").read_text()

    def processes(self) -> dict[int, str]:
        """Every living process of this system, by its data folder or its group, with its command line."""
        return processes_of(self.data_dir)

    def pid_of(self, part: str) -> int:
        """The process of a part: valkey, worker, chores, beat, flower or web. Fails when there is none."""
        found = self.find(part)
        assert found, f"no process for {part}"
        return found

    def find(self, part: str) -> int | None:
        """The process of a part, or None while it is down."""
        marks = {
            "valkey": ("valkey-server", "redis-server"),
            "worker": ("celery", " worker ", "--queues events "),
            "chores": ("celery", " worker ", "--queues notices"),
            "beat": ("celery", " beat "),
            "flower": ("celery", " flower "),
            "web": ("daphne",),
        }
        fits = any if part == "valkey" else all
        found = [pid for pid, line in self.processes().items() if fits(mark in f"{line} " for mark in marks[part])]
        return min(found, default=None)

    def status(self) -> tuple[int, Any]:
        """What /status says now; 0 when nobody answers."""
        try:
            answer = httpx.get(f"{self.url}/status", timeout=5)
        except httpx.HTTPError:
            return 0, None
        return answer.status_code, answer.json()


#: Names in the surrounding environment that must not leak into a system under test.
ISOLATED = frozenset({
    "DATA_DIR", "REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "DEBUG", "MODE", "EMAIL_URL",
    "ALLOWED_HOSTS", "WORKERS", "TRUSTED_PROXIES", "SECURERETAIL_PART", "FORCE_COLOR", "HOST",
})  # fmt: skip


def processes_of(data_dir: Path) -> dict[int, str]:
    """Living processes that work in this data folder or are told of it; a zombie is not alive."""
    mark = f"DATA_DIR={data_dir}\0".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            named = mark in (entry / "environ").read_bytes() + b"\0"
            # Valkey writes its title over its environment, but works in its folder.
            if named or Path(os.readlink(entry / "cwd")).is_relative_to(data_dir):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if line:
                    found[int(entry.name)] = line
        except OSError:
            continue
    return found
