"""A service of the staff's, by the name its row carries."""

from __future__ import annotations

from datetime import datetime

from detection.models import Notification
from detection.response import letters
from detection.response.notifiers import services
from detection.response.notifiers.late import NoWay


def send(notice: Notification, now: datetime) -> str:
    """Hand it over, title and text."""
    url = services.carriers().get(notice.carrier)
    if url is None:
        raise NoWay("it is not set up any more")
    return services.tell(url, letters.one_line(notice.title), notice.body)
