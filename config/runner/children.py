"""One part of the system as a child process: started, asked whether it answers, restarted, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config import env
from config.runner.spawn import kill_group, spawn
from config.runner.voice import Voice

BACK_OFF = (0.5, 1, 2, 4, 8, 15, 30)
#: A part that lived this long starts again without waiting.
HEALTHY_AFTER = 60.0


class Child:
    """A part that is kept running until it is told to stop."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        answers: Callable[[Child], bool],
        patience: float,
        voice: Voice,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environ = dict(environ)
        self._answers = answers
        self.patience = patience
        self.voice = voice
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.started_at = 0.0
        self.start_again_at: float | None = None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self.process = spawn(
            self.command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=env.ROOT
        )
        assert self.process.stdout is not None
        self.voice.listen(self.name, self.process.stdout)
        self.started_at = time.monotonic()
        self.start_again_at = None

    def answers(self) -> bool:
        """Whether the part is up and does what it is for."""
        return self.lives and self._answers(self)

    def keep_up(self, now: float) -> None:
        """Notice a death and start again, after a pause that grows with each death in a row."""
        if self.process is None or self.lives:
            return
        if self.start_again_at is None:
            code = self.process.returncode
            if now - self.started_at > HEALTHY_AFTER:
                self.deaths = 0
            pause = BACK_OFF[min(self.deaths, len(BACK_OFF) - 1)]
            self.deaths += 1
            kill_group(self.process)  # whatever it left behind
            self.voice.say("up", f"{self.name} ended ({_why(code)}); starting it again in {pause:g} s")
            self.start_again_at = now + pause
        elif now >= self.start_again_at:
            self.start()

    def ask_to_stop(self) -> None:
        if self.lives:
            assert self.process is not None
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self.process is not None:
            kill_group(self.process)


def script(name: str) -> list[str]:
    """How to run a package's command with this interpreter, so that it shows under its own name."""
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if os.access(folder / name, os.X_OK):
            return [str(folder / name)]
    return [sys.executable, "-m", name]


def _why(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
