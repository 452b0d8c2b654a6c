"""The link in a mail by which a member answers "was this you?" without signing in.

It serves one alert, once, for three days; reading it does nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, Contact, Dispute, Member, Notification, UsedLink
from detection.response import disputes
from detection.response.link_tokens import address, digest, offered, parts, token_of
from detection.work import unit_of_work

__all__ = ["Question", "address", "answer", "forget_old", "offered", "read", "token_of"]

LIVES = timedelta(hours=72)
SHOWN_FOR = timedelta(hours=1)  # whoever has just answered may still read what became of it


@dataclass(frozen=True, slots=True)
class Question:
    """What a link asks. ``safe`` is False when it went to an address that is too new to prove anything: then only "no"
    is taken. ``said`` is the answer this link has given already."""

    member: Member
    alert: Alert
    safe: bool
    said: str = ""
    dispute: Dispute | None = None


def read(token: str, *, now: datetime | None = None) -> Question | None:
    """What the link asks; None when it is none of ours, or over. Changes nothing."""
    now = now or timezone.now()
    notice = _notice(token, now)
    if notice is None or notice.member is None or not offered(notice):
        return None
    alert = Alert.objects.filter(pk=notice.alert, member=notice.member).first()
    if alert is None:
        return None
    used = UsedLink.objects.filter(notice=notice.pk).first()
    if used and used.at <= now - SHOWN_FOR:
        return None
    return Question(
        member=notice.member,
        alert=alert,
        safe=_proves(notice),
        said=used.answer if used else "",
        dispute=alert.disputes.filter(answer=used.answer).first() if used else None,
    )


def answer(token: str, *, was_me: bool, ip: str | None = None, now: datetime | None = None) -> Question | None:
    """Take the member's word, once; None when the link does not stand any more or may not say this."""
    now = now or timezone.now()
    asked = read(token, now=now)
    if asked is None or asked.said or (was_me and not asked.safe):
        return None
    member = asked.member
    actor = Actor(ActorKind.MEMBER, member.member_id, member.user_id, ip)
    said = Dispute.WAS_ME if was_me else Dispute.NOT_ME
    try:
        with unit_of_work(actor) as work, transaction.atomic():
            UsedLink.objects.create(notice=parts(token)[0], answer=said, at=now)
            work.audit("link.used", target=f"alert:{asked.alert.pk}", member=member.member_id, answer=said)
            if was_me:
                disputes.confirm(asked.alert.pk, member=member, actor=actor, proved=True)
            else:
                disputes.deny(asked.alert.pk, member=member, actor=actor)
    except IntegrityError:
        return None  # pressed twice at once: the first one counts
    return read(token, now=now)


def forget_old(*, now: datetime | None = None) -> int:
    """Drop the marks of links that are over anyway; how many."""
    return UsedLink.objects.filter(at__lt=(now or timezone.now()) - LIVES).delete()[0]


def _notice(token: str, now: datetime) -> Notification | None:
    notice_id, signed = parts(token)
    if not hmac.compare_digest(signed, digest(notice_id)):
        return None
    return Notification.objects.select_related("member").filter(pk=notice_id, created_at__gt=now - LIVES).first()


def _proves(notice: Notification) -> bool:
    """Whether who reads mail at this address was the member already when it was sent: a thief may have changed it."""
    mine = Contact.objects.filter(member=notice.member, kind=Contact.EMAIL).order_by("added_at", "pk")
    contact = next((each for each in mine if each.value == notice.destination), None)
    if contact is None or contact.held:
        return False
    return contact == mine[0] or contact.added_at <= notice.created_at - conf.SAFE_CONTACT_AFTER
