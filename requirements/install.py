"""Makes .venv and installs the pinned packages of base.txt or dev.txt into it; does nothing when that is done already.

Runs on any Python from 3.11 on, with nothing installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main(kind: str) -> int:
    """Bring .venv to what the pins of ``kind`` (base or dev) say."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        return fail(f"Python 3.11 or newer is needed; this is {found}. Install one, or name it: make PYTHON=python3.12")
    if os.name == "nt":
        return fail("Windows is not supported directly. Run this inside WSL.")
    if is_done(kind):
        return 0
    began = time.monotonic()
    if not PYTHON.exists() and not make_venv():
        return 1
    say(f"packages of requirements/{kind}.txt: half a minute to a minute, once")
    if not install(kind):
        return fail("The packages could not be installed. The lines above say why; then run the same command again.")
    stamp(kind).write_text(wanted(kind))
    say(f"packages installed ({time.monotonic() - began:.0f} s)")
    return 0


def wanted(kind: str) -> str:
    """What an installation is made of: the pins and the Python they are for."""
    pins = (HERE / f"{kind}.txt").read_bytes()
    return hashlib.sha256(pins + repr(sys.version_info[:2]).encode()).hexdigest()


def stamp(kind: str) -> Path:
    return VENV / f".installed-{kind}"


def is_done(kind: str) -> bool:
    """Whether the pins are installed; dev contains base."""
    if not PYTHON.exists():
        return False
    kinds = ("base", "dev") if kind == "base" else ("dev",)
    return any(stamp(one).exists() and stamp(one).read_text() == wanted(one) for one in kinds)


def make_venv() -> bool:
    """Make the environment, also where Python came without its own pip."""
    say(f"making {VENV.name} with Python {sys.version.split()[0]}")
    if run([sys.executable, "-m", "venv", str(VENV)], quiet=True):
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    if run([sys.executable, "-m", "venv", "--without-pip", str(VENV)]) and run(
        [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"]
    ):
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    fail("No virtual environment can be made. On Debian and Ubuntu: apt-get install python3-venv")
    return False


def install(kind: str) -> bool:
    """Install with uv, which is fast; with pip where uv cannot be had or does not manage."""
    pins = str(HERE / f"{kind}.txt")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    uv = VENV / "bin" / "uv"
    if uv.exists() or run([*pip, "--quiet", "uv"]):
        command = [str(uv), "pip", "install", "--python", str(PYTHON), "--compile-bytecode", "-r", pins]
        if run(command if sys.stderr.isatty() else [*command, "--quiet"]):
            return True
        say("uv did not manage; trying pip")
    return run([*pip, "-r", pins])


def run(command: list[str], *, quiet: bool = False) -> bool:
    """Run a command with its output on stderr, where progress belongs."""
    environ = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environ.pop("VIRTUAL_ENV", None)
    where = subprocess.DEVNULL if quiet else sys.stderr
    return subprocess.run(command, env=environ, stdout=where, stderr=where, check=False).returncode == 0


def say(text: str) -> None:
    print(f" setup │ {text}", file=sys.stderr, flush=True)


def fail(text: str) -> int:
    print(f"SecureRetail cannot be set up. {text}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "base"))
