"""One runner per data folder: a lock the kernel gives back even when its holder is killed."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any


class AlreadyRunningError(Exception):
    """Another runner holds this data folder; the text names it."""


class Guard:
    """Holds the data folder for as long as this process lives, and says in ``up.json`` what runs on it."""

    def __init__(self, run_dir: Path) -> None:
        self.lock_path = run_dir / "up.pid"
        self.facts_path = run_dir / "up.json"
        self.lock: IO[str] | None = None

    def take(self) -> None:
        """Raises AlreadyRunningError when a live runner has the folder."""
        lock = open(self.lock_path, "a+")  # noqa: SIM115 - held open for life
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunningError(
                f"SecureRetail already runs on {self.lock_path.parent.parent} (process {pid}). "
                "Stop that one first, or give this one another DATA_DIR."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self.lock = lock

    def tell(self, **facts: Any) -> None:
        """Write down where the running system is to be found, for its owner only."""
        draft = self.facts_path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"pid": os.getpid(), **facts}, file, indent=2)
        draft.replace(self.facts_path)

    def give_back(self) -> None:
        self.facts_path.unlink(missing_ok=True)
        if self.lock is not None:
            self.lock.truncate(0)
            self.lock.close()
            self.lock = None
