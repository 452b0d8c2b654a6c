"""What only the demo shows: its sign-ins, its key, the mails it wrote to disk."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from api.addresses import from_this_machine
from detection import conf
from detection.response import accounts

BETWEEN_MAILS = b"-" * 79 + b"\n"
MOST_MAILS = 50
LARGEST_FILE = 512 * 1024


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as the demo wrote it down."""

    to: str
    sender: str
    subject: str
    at: datetime
    body: str


def facts() -> dict[str, Any]:
    """What the seeding left for this machine: sign-ins and keys. Empty outside the demo."""
    if not conf.current().demo:
        return {}
    try:
        found = json.loads((conf.current().data_dir / "demo.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def people(request: HttpRequest) -> list[dict[str, str]]:
    """The demo's sign-ins, told to this machine only."""
    return facts().get("users", []) if from_this_machine(request) else []


def new_member() -> AbstractBaseUser:
    """A new demo member's sign-in."""
    return accounts.create_demo_member()


def mails(limit: int = MOST_MAILS) -> list[Mail]:
    """The newest mails on disk, newest first."""
    folder = Path(getattr(settings, "EMAIL_FILE_PATH", None) or conf.current().data_dir / "outbox")
    files = sorted(
        (path for path in folder.glob("*") if path.suffix in {".log", ".eml"}),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    found: list[Mail] = []
    for path in files[:limit]:
        found.extend(reversed(list(_read(path))))  # several mails of one sender stand in one file, the oldest first
    return sorted(found, key=lambda mail: mail.at, reverse=True)[:limit]


def _read(path: Path) -> Iterator[Mail]:
    try:
        raw = path.read_bytes()[:LARGEST_FILE]
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return
    for part in raw.split(BETWEEN_MAILS):
        if part.strip():
            yield _mail(part.lstrip(b"\n"), written)


def _mail(raw: bytes, written: datetime) -> Mail:
    message = email.message_from_bytes(raw, policy=modern)
    assert isinstance(message, EmailMessage)
    plain = message.get_body(("plain",))
    try:
        at = parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        at = written
    return Mail(
        to=str(message["To"] or ""),
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or ""),
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        body=plain.get_content().strip() if plain else "",
    )
