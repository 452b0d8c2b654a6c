"""The box that says where everything is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from detection.conf import TEXTS_UNNAMED


def show(
    *, url: str, flower_url: str, flower_password: str, demo: dict[str, Any] | None, seconds: float, staffed: bool
) -> None:
    """Print the box on stdout; it is printed only when the whole system works."""
    lines = _lines(url, flower_url, flower_password, demo)
    if not staffed:
        lines[-1:] = ["Nobody works here yet. The first administrator:", "  manage.py createsuperuser", "", lines[-1]]
    width = max(len(line) for line in lines) + 6
    console = Console(file=sys.stdout, width=max(width, 60), highlight=False, markup=False)
    title = f" SecureRetail is ready ({seconds:.1f} s) "
    console.print(Panel(Text("\n".join(lines)), title=title, box=ROUNDED, expand=False, padding=(1, 2)))
    sys.stdout.flush()


def _lines(url: str, flower_url: str, flower_password: str, demo: dict[str, Any] | None) -> list[str]:
    lines = [
        f"Home            {url}/",
        f"Live alerts     {url}/admin_dashboard/",
        f"Member page     {url}/member/",
        f"API             {url}/api/docs/",
        f"Status          {url}/status",
        f"Flower          {flower_url}/   operator / {flower_password}",
    ]
    if demo is not None:
        lines += [f"Mails and texts {url}/outbox/", "", "Demo sign-ins (this machine only)"]
        lines += [f"  {user['role']:<8} {user['username']:<10} {user['password']}" for user in demo.get("users", [])]
        lines += ["", f"Demo API key    {demo.get('api_key', '-')}"]
    return [*lines, "", "Ctrl-C stops everything."]


def advice() -> Iterator[str]:
    """What is set in a way that somebody should know of."""
    if settings.WORKERS and settings.WORKERS > settings.CELERY_WORKER_CONCURRENCY:
        yield f"WORKERS={settings.WORKERS}: SQLite serves two worker processes, so there are two"
    if settings.SMS_URL and not settings.SMS_COUNTRIES:
        yield f"SMS_URL without SMS_COUNTRIES: texts go to every country, {TEXTS_UNNAMED} a day each; name yours"
