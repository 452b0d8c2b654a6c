"""Text messages, through the gateway that ``SMS_URL`` names; the demo writes them into its outbox.

Somebody who is paid for each text to a far country must not have us send them: texts go to the countries the shop
names, and while it names none, so many a day and calling code.

A text says what the mail says, shortened. A code's last line is bound to our address, so phones fill it in there only.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from django.utils import timezone

from detection import conf
from detection.enrich.phone import calling_code, country_of
from detection.kernel.vocabulary import Channel
from detection.models import Notification
from detection.response import codes, letters
from detection.response.notifiers import services
from detection.response.notifiers.late import NoWay, TooLate

LONGEST = 320
DAY = timedelta(days=1)


def available() -> bool:
    """Whether texts can leave."""
    return bool(conf.current().sms_url) or conf.current().demo


def reaches(number: str) -> bool:
    """Whether texts may go to this number. One whose country cannot be told is in none."""
    allowed = conf.current().sms_countries
    return available() and (not allowed or country_of(number) in allowed)


def unbounded() -> bool:
    """Whether texts leave and nobody has said for which countries."""
    return bool(conf.current().sms_url) and not conf.current().sms_countries


def wait(number: str, now: datetime) -> timedelta:
    """How long a text to this number has to wait, because so many went to its calling code within a day; no time where
    the countries are named."""
    if not unbounded():
        return timedelta()
    there = Notification.objects.filter(channel=Channel.SMS, destination__startswith=calling_code(number))
    went = there.filter(sent_at__gt=now - DAY).order_by("-sent_at").values_list("sent_at", flat=True)
    first = next(iter(went[conf.TEXTS_UNNAMED - 1 : conf.TEXTS_UNNAMED]), None)
    return first + DAY - now if first else timedelta()


def send(notice: Notification, now: datetime) -> str:
    """Hand the text over. The number is put where the gateway's address says ``{to}``, else at its end."""
    if not reaches(notice.destination):
        raise NoWay("texts do not go to this country" if available() else "no gateway for texts is set up")
    if wait(notice.destination, now):
        raise NoWay("too many texts to this country today: name yours in SMS_COUNTRIES")
    text = _code_text(notice, now) if notice.challenge else short(notice)
    gateway = conf.current().sms_url
    if gateway:
        number = quote(notice.destination, safe="")
        url = gateway.replace("{to}", number) if "{to}" in gateway else f"{gateway.rstrip('/')}/{number}"
        return services.tell(url, "", text)
    return _write_down(notice, text)


def short(notice: Notification) -> str:
    """The title, as much of the first paragraph as fits, and where to read the rest."""
    page = f"\n{letters.page('/member/')}"
    first = letters.one_line(notice.body.split("\n\n", maxsplit=1)[0])
    title = letters.one_line(notice.title)
    said = f"{title}. {first}" if not title.endswith((".", "!", "?")) else f"{title} {first}"
    room = LONGEST - len(page)
    return (said if len(said) <= room else said[: room - 1].rstrip() + "…") + page


def _code_text(notice: Notification, now: datetime) -> str:
    found = codes.to_send(notice.challenge, now=now)
    if found is None:
        raise TooLate(notice.kind)
    code, until = found
    host = urlsplit(conf.current().public_url).hostname or "localhost"
    letter = letters.write(
        "code.text", {"code": code, "until": letters.when(until, notice.member)}, member=notice.member
    )
    return f"{letter.body}\n@{host} #{code}"


def _write_down(notice: Notification, text: str) -> str:
    """A file beside the demo's mails, shown with them."""
    message = EmailMessage()
    message["Subject"] = "Text message"
    message["From"] = "SecureRetail"
    message["To"] = letters.one_line(notice.destination)
    message["Date"] = format_datetime(timezone.now())
    message.set_content(text)
    folder = conf.current().data_dir / "outbox"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / f"text-{notice.pk}.eml").write_bytes(bytes(message))
    return "in the demo's outbox"
