#!/usr/bin/env python
"""The door to every command."""

import os
import sys


def main() -> None:
    """Run one command; a faulty environment ends with one plain sentence instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as fault:
        sys.exit(f"SecureRetail cannot start. {fault}")


if __name__ == "__main__":
    main()
