"""Everything apprise speaks: the staff's Slack, Telegram and 170 others, and gateways for text messages.

An address holds a service's token, so only its name and a digest are kept in rows and logs, and of an answer only the
number. It blocks, so it is called by workers alone.
"""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from urllib.parse import urlsplit

from detection import conf
from detection.response.notifiers.late import NoWay

#: Seconds a service may take to take the connection, and to answer.
PATIENCE = 5


class NotTaken(Exception):
    """The service did not take the message; the text is its number, if it gave one."""


def carriers() -> dict[str, str]:
    """The staff's services by the names their rows and logs use."""
    return {name_of(url): url for url in conf.current().notify_urls}


def name_of(url: str) -> str:
    """``slack:1a2b3c``: tells one service from another and nothing of how to reach it."""
    return f"{urlsplit(url).scheme[:16]}:{hashlib.sha256(url.encode()).hexdigest()[:6]}"


def tell(url: str, title: str, body: str) -> str:
    """Hand a message over. Raises NotTaken with the service's number, NoWay when the address is of no use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # one of its services asks for a module Python gives up
        import apprise  # a worker's business: the web process never needs it

        asset = apprise.AppriseAsset(
            app_id="SecureRetail", app_desc="SecureRetail", app_url=conf.current().public_url, async_mode=False
        )
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise NoWay("its address is none that apprise knows")
    service.socket_connect_timeout = service.socket_read_timeout = PATIENCE
    service.verify_certificate = True
    with apprise.LogCapture(level=logging.WARNING) as heard:
        taken = service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        said = heard.getvalue()
    if not taken:
        number = re.search(r"error=(\d{3})", said)
        raise NotTaken(f"answered {number[1]}" if number else "no answer")
    return "taken"
