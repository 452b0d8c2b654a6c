"""Mail, through whatever backend the settings name. A code is derived while its mail is written and kept nowhere."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.core.mail import EmailMessage

from detection import conf
from detection.models import Notification
from detection.response import codes, letters, link_tokens
from detection.response.notifiers.late import TooLate


def send(notice: Notification, now: datetime) -> str:
    """Hand the mail over. The same notice always has the same Message-ID, so a repeat can be seen as one."""
    letter = _code_letter(notice, now) if notice.challenge else letters.Letter(notice.title, notice.body)
    body = letter.body
    said = letters.languages.words(notice.language)["mail"]
    if link_tokens.offered(notice):
        body += said["asks"].format(address=link_tokens.address(notice))
    if notice.member_id:
        body += said["signature"].format(page=letters.page("/member/"))
    host = urlsplit(conf.current().public_url).hostname or "localhost"
    EmailMessage(
        subject=letters.one_line(letter.title),
        body=body,
        to=[notice.destination],
        headers={
            "Message-ID": f"<{notice.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": notice.language,
        },
    ).send()
    return "taken by the mail server"


def _code_letter(notice: Notification, now: datetime) -> letters.Letter:
    found = codes.to_send(notice.challenge, now=now)
    if found is None:
        raise TooLate(notice.kind)
    code, until = found
    return letters.write(notice.kind, {"code": code, "until": letters.when(until, notice.member)}, member=notice.member)
