#!/usr/bin/env python
"""The door to every command."""

import os
import re
import sys


def _arguments(argv: list[str]) -> list[str]:
    """The command line, with ``backtest --settings FILE`` under its other name: Django takes ``--settings`` for the
    name of its own settings before a command sees it."""
    if argv[1:2] != ["backtest"]:
        return argv
    return argv[:2] + [re.sub(r"^--settings(?==|$)", "--rules", argument) for argument in argv[2:]]


def main() -> None:
    """Run one command; a faulty environment ends with one plain sentence instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db.utils import OperationalError
    except ImportError:
        sys.exit(
            "SecureRetail's packages are not in this Python. Run `make setup` once, then .venv/bin/python manage.py …"
        )

    try:
        execute_from_command_line(_arguments(sys.argv))
    except ImproperlyConfigured as fault:
        sys.exit(f"SecureRetail cannot start. {fault}")
    except OperationalError as fault:
        if "--traceback" in sys.argv:
            raise
        said = str(fault).strip() or type(fault).__name__
        sys.exit(
            f"The database: {said}\nLook at DATABASE_URL or DATA_DIR, and whether `manage.py migrate` has been run."
        )


if __name__ == "__main__":
    main()
