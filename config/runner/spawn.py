"""Starting processes that cannot outlive the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own; on Linux the kernel kills it when this process dies, however that happens.

    Call it from the main thread only: the kernel watches the thread that started the child.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        list(command),
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        process_group=0,
        preexec_fn=tie_to_parent,  # noqa: PLW1509 - one system call on a handle opened at import
    )


def die_with_parent(with_signal: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when its parent dies. Does nothing where that is not to be had."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(with_signal))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything in its group, at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
