"""Digests: a storm of one kind to one person by one way is told in at most three messages: two as they come, then one
for all the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from detection.models import Notification
from detection.response import letters

WINDOW = timedelta(minutes=2)  # longer than GATHER: the digest still knows what went before it
AS_THEY_COME = 2
MOST = 3  # in a window, the digest among them
GATHER = timedelta(seconds=60)
TITLES = 10
#: Each of these is about something the one who reads it has to act on or to know by itself.
NEVER = ("code.", "lock.", "dispute.", "carrier.", "member.disputed")
DIGEST = "digest"  # marks a message that speaks for others, in its context


def gather(notice: Notification, now: datetime) -> bool:
    """Whether this message waits, or is told by a digest instead."""
    if notice.challenge or notice.kind.startswith(NEVER) or DIGEST in notice.context:
        return False
    alike = Notification.objects.filter(
        carrier=notice.carrier, destination=notice.destination, kind=notice.kind, member=notice.member_id
    )
    told = list(alike.filter(sent_at__gt=now - WINDOW).order_by("sent_at").values_list("sent_at", flat=True)[:MOST])
    if len(told) < AS_THEY_COME:
        return False
    waiting = alike.filter(sent_at=None, failed_at=None, digest=None).exclude(context__has_key=DIGEST)
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is None:
        return False
    if len(told) >= MOST:
        waiting.filter(due_at__lte=now).update(due_at=told[0] + WINDOW)
    elif now < oldest + GATHER:
        waiting.filter(due_at__lte=now).update(due_at=oldest + GATHER)
    elif waiting.count() == 1:
        return False
    else:
        _digest(notice, waiting.filter(due_at__lte=now), now)
    return True


def _digest(notice: Notification, waiting: QuerySet[Notification], now: datetime) -> None:
    """One message for all that wait. They point at it; what becomes of it becomes of them."""
    rows = list(waiting.order_by("created_at", "id").values_list("pk", "title"))
    letter = letters.write(
        "notice.digest",
        {
            "count": len(rows),
            "first": rows[0][1],
            "titles": [title for _, title in rows[:TITLES]],
            "page": letters.page("/member/" if notice.member_id else "/admin_dashboard/"),
        },
        member=notice.member,
    )
    with transaction.atomic():
        made = Notification.objects.create(
            member_id=notice.member_id,
            channel=notice.channel,
            carrier=notice.carrier,
            destination=notice.destination,
            severity=notice.severity,
            kind=notice.kind,
            title=letter.title,
            body=letter.body,
            language=letters.languages.of(notice.member),
            context={DIGEST: len(rows)},
            created_at=now,
            due_at=now,
        )
        for start in range(0, len(rows), 500):
            keys = [pk for pk, _ in rows[start : start + 500]]
            Notification.objects.filter(pk__in=keys, sent_at=None, failed_at=None, digest=None).update(digest=made.pk)
