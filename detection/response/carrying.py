"""Carrying the outbox: each message at least once and at most once more, storms as a digest, and no way held up by
another that hangs.

A crash may repeat a message, never lose it: each attempt is counted and its next date set before the message goes out,
so two carriers at work are harmless, and a repeated mail has the same Message-ID.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused

import structlog
from django.db.models import F, QuerySet
from django.utils import timezone

from detection import conf
from detection.kernel.vocabulary import AlertStatus, Channel, Severity
from detection.models import Alert, Carrier, NoticeAttempt, Notification
from detection.response import carriers, digests
from detection.response.notifiers import NOTIFIERS, NoWay, TooLate
from detection.response.notifiers.services import NotTaken

#: After attempt 1, 2, … a message waits this long. The first wait is longer than a carrier may take.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 3600, 3600))
ATTEMPTS = len(WAITS)
TURN = 12.0
SHADOW = "shadow mode: not sent"
SEEN = "not needed: somebody has looked"

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Delivered:
    """``failed`` counts attempts that did not work, whether there will be another one or not."""

    sent: int = 0
    failed: int = 0


def deliver_due(limit: int = 50, *, now: datetime | None = None, seconds: float = TURN) -> Delivered:
    """Carry what is due, oldest first and codes before all else. Never call it inside a transaction: it talks to mail
    servers."""
    now = now or timezone.now()
    done = Delivered()
    until = time.monotonic() + seconds
    for name in _waiting(now).order_by().values_list("carrier", flat=True).distinct():
        left = limit - done.sent - done.failed
        if left <= 0 or time.monotonic() >= until:
            break
        with carriers.held(name, now) as carrier:
            if carrier is not None:
                _serve(carrier, done, now=now, limit=left, until=until)
    return done


def _waiting(now: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(sent_at=None, failed_at=None, digest=None, due_at__lte=now)


def _serve(carrier: Carrier, done: Delivered, *, now: datetime, limit: int, until: float) -> None:
    due = _waiting(now).filter(carrier=carrier.name).select_related("member").order_by("-challenge", "due_at", "id")
    for notice in due[:limit]:
        if time.monotonic() >= until:
            return
        if _put_off(notice, carrier, now) or not _claim(notice, now):
            continue
        went = _carry(notice, carrier, now)
        done.sent += went is True
        done.failed += went is not True
        if went is None:
            return  # the way itself is in trouble


def _put_off(notice: Notification, carrier: Carrier, now: datetime) -> bool:
    """Whether it has to wait: for the end of quiet hours, or to be told with others of its kind."""
    if not conf.current().enforcing:
        return False
    if notice.member_id is None and notice.severity and notice.severity != Severity.HIGH:
        quiet = carriers.quiet_until(carrier, now)
        if quiet is not None:
            Notification.objects.filter(pk=notice.pk, attempts=notice.attempts).update(due_at=quiet)
            return True
    return digests.gather(notice, now)


def _claim(notice: Notification, now: datetime) -> bool:
    """Count the attempt and set the next date, on condition that nobody else did."""
    wait = WAITS[min(notice.attempts, ATTEMPTS - 1)]
    mine = _waiting(now).filter(pk=notice.pk, attempts=notice.attempts)
    if not mine.update(attempts=F("attempts") + 1, due_at=now + wait):
        return False
    notice.attempts += 1
    return True


def _carry(notice: Notification, carrier: Carrier, now: datetime) -> bool | None:
    """Whether it went; None when it did not and the way is to blame."""
    over = _over(notice, now)
    if over:
        return _give_up(notice, over, now)
    begun = time.monotonic()
    try:
        answer = NOTIFIERS[notice.channel](notice, now)
    except TooLate:
        return _give_up(notice, "no longer true", now)
    except NoWay as why:
        return _give_up(notice, str(why), now)
    except Exception as error:  # noqa: BLE001 - a mail server can fail in any way, and none of them may stop the others' mail
        return _not_carried(notice, carrier, error, begun, now)
    _log(notice, begun, answer, carried=True)
    Notification.objects.filter(pk=notice.pk, sent_at=None).update(sent_at=timezone.now(), last_error="")
    carriers.worked(carrier)
    return True


def _over(notice: Notification, now: datetime) -> str:
    """Why it is not to be carried any more, "" when it is."""
    if not conf.current().enforcing:
        return SHADOW
    if notice.expires_at and notice.expires_at <= now:
        return "expired"
    if notice.attempts > ATTEMPTS:  # the process died in the last one
        return notice.last_error or "died"
    if notice.unless_read and notice.alert:
        looked_at = Alert.objects.filter(pk=notice.alert).exclude(status=AlertStatus.OPEN).exists()
        return SEEN if looked_at else ""
    return ""


def _not_carried(notice: Notification, carrier: Carrier, error: Exception, begun: float, now: datetime) -> bool | None:
    name = str(error) if isinstance(error, NotTaken) else type(error).__name__
    logger.warning("notice.not_carried", notice=str(notice.pk), kind=notice.kind, error=name)
    _log(notice, begun, name, carried=False)
    # A server that refuses one recipient or one message is well, and the others' mail goes on.
    if not isinstance(error, (SMTPRecipientsRefused, SMTPDataError)) and notice.channel != Channel.PAGE:
        carriers.failed(carrier, now)
        blame = None
    else:
        blame = False
    if notice.attempts >= ATTEMPTS:
        _give_up(notice, name, now)
    else:
        Notification.objects.filter(pk=notice.pk, sent_at=None).update(last_error=name)
    return blame


def _log(notice: Notification, begun: float, answer: str, *, carried: bool) -> None:
    NoticeAttempt.objects.create(
        notification=notice,
        carried=carried,
        answer=answer[:200],
        duration_ms=int((time.monotonic() - begun) * 1000),
    )


def _give_up(notice: Notification, why: str, now: datetime) -> bool:
    Notification.objects.filter(pk=notice.pk, sent_at=None).update(failed_at=now, last_error=why[:200])
    return False
