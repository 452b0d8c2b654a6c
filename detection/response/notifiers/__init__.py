"""Carriers of notices: each takes the notice and the time, hands the message over, and returns what it was answered.

One that cannot deliver raises; ``TooLate`` and ``NoWay`` say that trying again is of no use.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from detection.kernel.vocabulary import Channel
from detection.models import Notification
from detection.response.notifiers import email, page, service, sms
from detection.response.notifiers.late import NoWay, TooLate

__all__ = ["NOTIFIERS", "NoWay", "TooLate"]

NOTIFIERS: dict[str, Callable[[Notification, datetime], str]] = {
    Channel.PAGE: page.send,
    Channel.EMAIL: email.send,
    Channel.SMS: sms.send,
    Channel.NOTIFY: service.send,
}
