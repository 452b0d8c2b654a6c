"""Carriers of notices. One that cannot deliver raises; one that must not deliver any more raises ``TooLate``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from detection.kernel.vocabulary import Channel
from detection.models import Notification
from detection.response.notifiers import email, page
from detection.response.notifiers.late import TooLate

__all__ = ["NOTIFIERS", "TooLate"]

#: Who carries what. Each takes the notice and the time, and returns when the message is on its way.
NOTIFIERS: dict[str, Callable[[Notification, datetime], None]] = {
    Channel.PAGE: page.send,
    Channel.EMAIL: email.send,
}
