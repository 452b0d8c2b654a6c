"""What the runner says on stderr: its stages, a bar at a terminal, and every part's lines under its name."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

#: Advice about the machine that nobody who tries this out can or needs to follow, and the server's words on every stop.
NOISE = re.compile(r"overcommit|signal-handler|ready to exit")
COLOURS = {
    "valkey": "magenta",
    "worker": "green",
    "chores": "green",
    "beat": "yellow",
    "flower": "blue",
    "web": "cyan",
    "up": "bold",
}


class Voice:
    """Speaks on stderr only, from any thread, without breaking the bar."""

    def __init__(self, stages: int, *, quiet: bool = False, colour: bool = True) -> None:
        no_colour = not colour or bool(os.environ.get("NO_COLOR"))
        self.console = Console(stderr=True, no_color=no_colour, highlight=False, soft_wrap=True, markup=False)
        self.quiet = quiet
        self.colour = self.console.is_terminal and not no_colour
        self.began = self.last = time.monotonic()
        self.bar: Progress | None = None
        if self.console.is_terminal and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.task = self.bar.add_task("starting", total=stages)
            self.bar.start()

    def stage(self, text: str) -> None:
        """One stage is done."""
        now = time.monotonic()
        if not self.quiet:
            self.say("up", f"{text} ({now - self.last:.1f} s)")
        self.last = now
        if self.bar is not None:
            self.bar.advance(self.task)

    def waiting(self, text: str) -> None:
        """What the runner is at."""
        if self.bar is not None:
            self.bar.update(self.task, description=text)

    def ready(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def say(self, name: str, text: str) -> None:
        """One line of a part, under its name."""
        line = Text(f"{name:>6} │ ", style=COLOURS.get(name, "") if self.colour else "")
        line.append_text(Text.from_ansi(text) if self.colour else Text(text, style=""))
        self.console.print(line)

    def listen(self, name: str, pipe: IO[bytes]) -> threading.Thread:
        """Repeat a part's lines until it closes its pipe."""

        def repeat() -> None:
            with pipe:
                for line in iter(pipe.readline, b""):
                    text = line.decode(errors="replace").rstrip()
                    if text and not NOISE.search(text):
                        self.say(name, text)

        thread = threading.Thread(target=repeat, name=f"lines of {name}", daemon=True)
        thread.start()
        return thread


def fail(text: str) -> None:
    """The last word before giving up."""
    print(f"SecureRetail cannot start. {text}", file=sys.stderr, flush=True)
