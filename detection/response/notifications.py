"""The outbox: notices are rows of the transaction they tell of, and are carried afterwards.

A crash may repeat a message, never lose it: each attempt is counted and its next date set before the message goes out,
so two carriers at work are harmless, and a repeated mail has the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F
from django.utils import timezone

from detection import conf
from detection.announcements import OutboxFilled, announce
from detection.kernel.vocabulary import Channel
from detection.models import Alert, Contact, Member, Notification
from detection.response import letters
from detection.response.notifiers import NOTIFIERS, TooLate
from detection.work import UnitOfWork, unit_of_work

#: After attempt 1, 2, … a message waits this long. The first wait is longer than a carrier may take.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 3600, 3600))
ATTEMPTS = len(WAITS)
ONCE_IN = timedelta(minutes=10)
SHADOW = "shadow mode: not sent"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """``failed`` counts attempts that did not work, whether there will be another one or not."""

    sent: int
    failed: int


def to_member(
    work: UnitOfWork,
    member: Member,
    kind: str,
    *,
    alert: Alert | Any | None = None,
    context: Mapping[str, Any],
    only_page: bool = False,
) -> None:
    """A notice on the member's page and, unless ``only_page``, by mail to every address they are known by.

    ``alert`` is the alert it is about, or its id; given whole, its words are at the letter's disposal. In shadow mode
    the page says nothing and the mail's row is kept unsent.
    """
    now = timezone.now()
    words = dict(letters.alert_words(alert, member)) if isinstance(alert, Alert) else {}
    letter = letters.write(kind, {**words, **context})
    notice = {
        "member": member,
        "kind": kind,
        "title": letter.title,
        "body": letter.body,
        "alert": alert.pk if isinstance(alert, Alert) else alert,
        "created_at": now,
        "due_at": now,
    }
    if conf.current().enforcing:
        work.notify(Notification(channel=Channel.PAGE, sent_at=now, **notice))
    if not only_page:
        for address in addresses(member, now):
            work.notify(Notification(channel=Channel.EMAIL, destination=address, **notice))


def to_staff(work: UnitOfWork, kind: str, *, alert: Alert | None = None, context: Mapping[str, Any]) -> None:
    """A mail to the staff's address, if one is set."""
    notice = _for_staff(kind, alert, context)
    if notice:
        work.notify(notice)


def page_once(kind: str, *, alert: Alert | None = None, context: Mapping[str, Any] | None = None) -> bool:
    """Tell staff of something that may happen a thousand times a minute, once in ten minutes; whether it was now."""
    with unit_of_work():
        recent = timezone.now() - ONCE_IN
        if Notification.objects.filter(member=None, kind=kind, created_at__gt=recent).exists():
            return False
        notice = _for_staff(kind, alert, context or {})
        if notice is None:
            return False
        # Written at once and not at the unit's end, so that the next call in this unit sees it.
        notice.save(force_insert=True)
        announce(OutboxFilled(1))
        return True


def _for_staff(kind: str, alert: Alert | None, context: Mapping[str, Any]) -> Notification | None:
    destination = conf.current().staff_email
    if not destination:
        return None
    words = letters.alert_words(alert, alert.member) if alert else {}
    words["feed_page"] = letters.page("/admin_dashboard/")
    letter = letters.write(kind, {**words, **context})
    return Notification(
        channel=Channel.EMAIL,
        kind=kind,
        destination=destination,
        title=letter.title,
        body=letter.body,
        alert=alert.pk if alert else None,
    )


def addresses(member: Member, now: datetime) -> list[str]:
    """Every e-mail address that is known to be the member's: the verified ones, and the one codes go to."""
    mine = Contact.objects.filter(member=member, kind=Contact.EMAIL, held=False)
    verified = list(mine.exclude(verified_at=None).order_by("added_at", "pk").values_list("value", flat=True))
    safe = Contact.objects.safe(member, Contact.EMAIL, now)
    return list(dict.fromkeys([*verified, *([safe.value] if safe else [])]))


def deliver_due(limit: int = 50, *, now: datetime | None = None) -> Delivered:
    """Carry what is due, oldest first. Never call it inside a transaction: it talks to mail servers."""
    now = now or timezone.now()
    due = Notification.objects.filter(sent_at=None, failed_at=None, due_at__lte=now)
    sent = failed = 0
    for notice in due.select_related("member").order_by("due_at")[:limit]:
        if not _claim(notice, now):
            continue
        if _carry(notice, now):
            sent += 1
        else:
            failed += 1
    return Delivered(sent, failed)


def _claim(notice: Notification, now: datetime) -> bool:
    """Count the attempt and set the next date, on condition that nobody else did."""
    wait = WAITS[min(notice.attempts, ATTEMPTS - 1)]
    mine = Notification.objects.filter(pk=notice.pk, attempts=notice.attempts, sent_at=None, failed_at=None)
    if not mine.update(attempts=F("attempts") + 1, due_at=now + wait):
        return False
    notice.attempts += 1
    return True


def _carry(notice: Notification, now: datetime) -> bool:
    if not conf.current().enforcing:
        return _give_up(notice, SHADOW, now)
    if notice.expires_at and notice.expires_at <= now:
        return _give_up(notice, "expired", now)
    if notice.attempts > ATTEMPTS:  # the process died in the last one
        return _give_up(notice, notice.last_error or "died", now)
    try:
        NOTIFIERS[notice.channel](notice, now)
    except TooLate:
        return _give_up(notice, "no longer true", now)
    except Exception as error:  # noqa: BLE001 - a mail server can fail in any way, and none of them may stop the others' mail
        name = type(error).__name__
        logger.warning("notice.not_carried", notice=str(notice.pk), kind=notice.kind, error=name)
        if notice.attempts >= ATTEMPTS:
            return _give_up(notice, name, now)
        Notification.objects.filter(pk=notice.pk, sent_at=None).update(last_error=name)
        return False
    Notification.objects.filter(pk=notice.pk, sent_at=None).update(sent_at=timezone.now(), last_error="")
    return True


def _give_up(notice: Notification, why: str, now: datetime) -> bool:
    Notification.objects.filter(pk=notice.pk, sent_at=None).update(failed_at=now, last_error=why)
    return False
