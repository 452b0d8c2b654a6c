"""Learning how to reach a member from what the shop reports, without letting a thief redirect the codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from detection.conf import CONTACTS_FROZEN_FOR
from detection.intake.taken import Taken
from detection.kernel.vocabulary import ADDRESS_IS_ENOUGH, EventType
from detection.models import AccountLock, Contact, LockReason

#: Types a stranger can cause with somebody else's name on them: what they carry is never a member's contact.
UNPROVEN = ADDRESS_IS_ENOUGH | {EventType.PASSWORD_RESET_REQUESTED, EventType.MFA_FAILED}
#: Types by which a member changes or states a contact; others only ever give the first one.
STATING = frozenset({EventType.ACCOUNT_CREATED, EventType.PROFILE_CHANGED})


def learn_contacts(events: Sequence[Taken], now: datetime | None = None) -> None:
    """Keep contacts the events carry: the first of a kind is the member's at once, a later different one stands beside
    it. One changed while a lock stands, or in the day after, is held and never used. At most four queries."""
    now = now or timezone.now()
    carrying = [
        event
        for event in events
        if event.member_id and event.type not in UNPROVEN and (event.body.get("email") or event.body.get("phone"))
    ]
    if not carrying:
        return
    members = {event.member_id for event in carrying if event.member_id}
    known: dict[tuple[int, str], set[str]] = {}
    for member, kind, value in Contact.objects.filter(member__in=members).values_list("member", "kind", "value"):
        known.setdefault((member, kind), set()).add(value)
    fresh: list[Contact] = []
    for event in carrying:
        for kind in (Contact.EMAIL, Contact.PHONE):
            value = event.body.get(kind)
            have = known.setdefault((event.member_id or 0, kind), set())
            if value and value not in have and (not have or event.type in STATING):
                fresh.append(Contact(member_id=event.member_id, kind=kind, value=value, added_at=now))
                have.add(value)
    if not fresh:
        return
    frozen = frozen_members(members, now)
    for contact in fresh:
        contact.held = contact.member_id in frozen
    Contact.objects.bulk_create(fresh, ignore_conflicts=True)


def frozen_members(members: set[int], now: datetime) -> set[int]:
    """Members whose contacts may not change now: locked, or unlocked less than a day ago."""
    recently = Q(expires_at=None) | Q(expires_at__gt=now - CONTACTS_FROZEN_FOR)  # ended, though nobody tidied up yet
    locked = LockReason.objects.filter(recently, member__in=members, ended_at=None).values_list("member", flat=True)
    cooling = AccountLock.objects.filter(Q(member__in=members), contacts_frozen_until__gt=now)
    return set(locked) | set(cooling.values_list("member", flat=True))
