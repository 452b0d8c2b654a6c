"""How far a long command is, on stderr: a bar for who watches, a line now and then for who reads a log."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

PAUSE = 10.0  # seconds between two lines at least


class Lines(Progress):
    """A line at each tenth of a task, never two of them close together: what is over at once says nothing."""

    def __init__(self) -> None:
        super().__init__(console=Console(stderr=True), disable=True)
        self._tenths: dict[TaskID, int] = {}
        self._spoke = time.monotonic()

    def update(self, task_id: TaskID, **fields: Any) -> None:
        super().update(task_id, **fields)
        task = self._tasks[task_id]
        tenth, now = int(task.percentage // 10), time.monotonic()
        if tenth > self._tenths.get(task_id, 0) and now - self._spoke >= PAUSE:
            self._tenths[task_id], self._spoke = tenth, now
            sys.stderr.write(f"{task.description}: {10 * tenth} %\n")


def progress() -> Progress:
    if not sys.stderr.isatty():
        return Lines()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
