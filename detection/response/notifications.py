"""The outbox: notices are rows of the transaction they tell of, one a way, and are carried afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from detection import conf
from detection.announcements import OutboxFilled, announce
from detection.kernel.records import Actor
from detection.kernel.vocabulary import Channel, Severity
from detection.models import Alert, Carrier, Member, Notification
from detection.response import letters, preferences
from detection.response.carriers import Way, ways
from detection.response.carrying import SHADOW, Delivered, deliver_due
from detection.work import UnitOfWork, unit_of_work

__all__ = [
    "SHADOW",
    "Delivered",
    "about_alerts",
    "addresses",
    "deliver_due",
    "page_once",
    "replay",
    "test",
    "to_member",
    "to_staff",
]

ONCE_IN = timedelta(minutes=10)


def to_member(
    work: UnitOfWork,
    member: Member,
    kind: str,
    *,
    alert: Alert | Any | None = None,
    context: Mapping[str, Any],
    only_page: bool = False,
) -> None:
    """A notice on the member's page and by every way they are known by and did not switch off. With ``only_page`` only
    there, but for news they asked for by other ways too.

    ``alert`` is the alert it is about, or its id; given whole, its words are at the letter's disposal. In shadow mode
    the page says nothing and the mail's row is kept unsent.
    """
    now = timezone.now()
    words = dict(letters.alert_words(alert, member)) if isinstance(alert, Alert) else {}
    letter = letters.write(kind, {**words, **context}, member=member)
    notice = {
        "member": member,
        "kind": kind,
        "title": letter.title,
        "body": letter.body,
        "language": letters.languages.of(member),
        "alert": alert.pk if isinstance(alert, Alert) else alert,
        "created_at": now,
        "due_at": now,
    }
    if conf.current().enforcing:
        work.notify(Notification(channel=Channel.PAGE, sent_at=now, **notice))
    if not only_page or preferences.topic_of(kind) == preferences.NEWS:
        work.together(_by_their_ways, notice)


def _by_their_ways(work: UnitOfWork, notices: list[dict[str, Any]]) -> None:
    """These notices by every way their members are known by and did not switch off. Two queries."""
    reached = preferences.Reach([notice["member"] for notice in notices], timezone.now())
    for notice in notices:
        for channel, address in reached.by(notice["member"], notice["kind"]):
            work.notify(Notification(channel=channel, destination=address, **notice))


def to_staff(work: UnitOfWork, kind: str, *, alert: Alert | None = None, context: Mapping[str, Any]) -> None:
    """A message by every way to the staff that hears of what is this grave; what is about no alert is grave."""
    for notice in _for_staff(kind, alert, context, ways()):
        work.notify(notice)


def about_alerts(work: UnitOfWork, alerts: Sequence[Alert]) -> set[UUID]:
    """Tell staff of alerts, each by the ways that want to hear of its severity; which were told to anybody."""
    told = set()
    open_ways = ways() if alerts else []
    for alert in alerts:
        for notice in _for_staff("alert.high", alert, {}, open_ways):
            work.notify(notice)
            told.add(alert.pk)
    return told


def page_once(kind: str, *, alert: Alert | None = None, context: Mapping[str, Any] | None = None) -> bool:
    """Tell staff of something that may happen a thousand times a minute, once in ten minutes; whether it was now."""
    with unit_of_work():
        recent = timezone.now() - ONCE_IN
        if Notification.objects.filter(member=None, kind=kind, created_at__gt=recent).exists():
            return False
        notices = _for_staff(kind, alert, context or {}, ways())
        # Written at once and not at the unit's end, so that the next call in this unit sees it.
        Notification.objects.bulk_create(notices)
        if notices:
            announce(OutboxFilled(len(notices)))
        return bool(notices)


def _for_staff(
    kind: str, alert: Alert | None, context: Mapping[str, Any], open_ways: Sequence[Way]
) -> list[Notification]:
    severity = Severity(alert.severity) if alert and kind.startswith("alert.") else Severity.HIGH
    heard_by = [way for way in open_ways if way.hears(severity)]
    if not heard_by:
        return []
    words = letters.alert_words(alert, alert.member, for_staff=True) if alert else {}
    words["feed_page"] = letters.page("/admin_dashboard/")
    letter = letters.write(kind, {**words, **context})
    now = timezone.now()
    return [
        Notification(
            channel=way.channel,
            carrier=way.carrier.name,
            kind=kind,
            destination=way.destination,
            severity=severity,
            title=letter.title,
            body=letter.body,
            alert=alert.pk if alert else None,
            created_at=now,
            due_at=now + way.carrier.after,
            unless_read=bool(way.carrier.after and alert),
        )
        for way in heard_by
    ]


def addresses(member: Member, now: datetime) -> list[str]:
    """Every e-mail address that is known to be the member's: the verified ones, and the one codes go to."""
    return preferences.contacts(member, Channel.EMAIL, now)


def test(carrier: str, *, actor: Actor) -> bool:
    """Put a test for staff on its way by this carrier, at once; whether there is such a way."""
    way = next((way for way in ways() if way.carrier.name == carrier), None)
    if way is None:
        return False
    letter = letters.write("carrier.test", {"by": actor.label})
    with unit_of_work(actor) as work:
        Carrier.objects.filter(name=carrier).update(open_until=None)
        work.notify(
            Notification(
                channel=way.channel,
                carrier=carrier,
                kind="carrier.test",
                destination=way.destination,
                severity=Severity.HIGH,
                title=letter.title,
                body=letter.body,
            )
        )
        work.audit("carrier.tested", target=f"carrier:{carrier}")
    return True


def replay(notices: Collection[UUID] | None = None, *, actor: Actor) -> int:
    """Carry again what was given up: these, or all of them; how many. A code is never sent again."""
    given_up = Notification.objects.exclude(failed_at=None).filter(challenge="", sent_at=None)
    if notices is not None:
        given_up = given_up.filter(pk__in=notices)
    with unit_of_work(actor) as work:
        moved = given_up.update(failed_at=None, attempts=0, due_at=timezone.now(), expires_at=None)
        if moved:
            work.audit("notices.replayed", target="outbox", count=moved)
            announce(OutboxFilled(moved))
    return moved
