"""The ways a one-time code can take to a member, and how often it may take them."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from django.utils import timezone

from detection import conf
from detection.kernel.vocabulary import Channel
from detection.models import Authenticator, Contact, Member, OtpChallenge
from detection.response import authenticators
from detection.response.notifiers import sms

TOTP = "totp"  # beside the carriers' channels: the member's app, to which nothing is sent
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
_KINDS = {Channel.EMAIL.value: Contact.EMAIL, Channel.SMS.value: Contact.PHONE}


def channels(member: Member, now: datetime | None = None) -> dict[str, str]:
    """Where this member's codes can come from, safest first, with how each is named to them."""
    found = {TOTP: "your authenticator app"} if app_of(member) else {}
    for channel in (Channel.EMAIL, Channel.SMS):
        contact = contact_of(member, channel, now or timezone.now())
        if contact:
            found[channel.value] = contact.masked
    return found


def contact_of(member: Member, channel: str, now: datetime) -> Contact | None:
    """Where a code of this channel may go: never to a contact that was changed within the last three days, nor by text
    to a country that texts do not go to."""
    kind = _KINDS.get(channel)
    contact = Contact.objects.safe(member, kind, now) if kind else None
    if contact is None or (kind == Contact.PHONE and not sms.reaches(contact.value)):
        return None
    return contact


def app_of(member: Member) -> Authenticator | None:
    """The member's authenticator app, if one counts."""
    return authenticators.of(member.user) if member.user_id else None


def wait(member: Member, contact: Contact, source: str, now: datetime) -> tuple[str, int] | None:
    """Why no code may be sent yet, and for how many seconds: so many an account, a telephone number, and an address the
    wish comes from; None when one may."""
    asked = OtpChallenge.objects.filter(created_at__gt=now - DAY).exclude(contact=None).order_by("-created_at")
    sent = list(asked.filter(member=member).values_list("created_at", flat=True)[: conf.CODES_PER_DAY])
    if len(sent) >= conf.CODES_PER_DAY:
        return "daily-cap", seconds(sent[-1] + DAY - now)
    if sent and sent[0] > now - conf.CODE_RESEND_AFTER:
        return "too-soon", seconds(sent[0] + conf.CODE_RESEND_AFTER - now)
    if contact.kind == Contact.PHONE:
        texts = asked.filter(channel=Channel.SMS, contact__value=contact.value)
        last = list(texts.values_list("created_at", flat=True)[: conf.TEXTS_PER_NUMBER])
        if len(last) >= conf.TEXTS_PER_NUMBER:
            return "daily-cap", seconds(last[-1] + DAY - now)
        if full := sms.wait(contact.value, now):
            return "daily-cap", seconds(full)
    if source and not _this_machine(source):
        from_there = asked.filter(source=source, created_at__gt=now - HOUR)
        last = list(from_there.values_list("created_at", flat=True)[: conf.CODES_PER_SOURCE])
        if len(last) >= conf.CODES_PER_SOURCE:
            return "too-soon", seconds(last[-1] + HOUR - now)
    return None


def _this_machine(source: str) -> bool:
    try:
        return ipaddress.ip_address(source).is_loopback
    except ValueError:
        return False


def seconds(span: timedelta) -> int:
    """A wait in whole seconds, never too short."""
    return max(1, int(span.total_seconds()) + 1)
