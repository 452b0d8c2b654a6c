"""The member's own page: the row is the notice, and the feed has already told it."""

from __future__ import annotations

from datetime import datetime

from detection.models import Notification


def send(notice: Notification, now: datetime) -> str:
    """Nothing is left to do."""
    return "shown"
