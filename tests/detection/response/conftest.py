from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import Alert, AlertDetector, Contact, Member
from detection.response import locks


def a_member(name: str) -> Member:
    member = Member.objects.create(member_id=name, user=get_user_model().objects.create_user(name))
    long_ago = timezone.now() - timedelta(days=90)
    Contact.objects.create(
        member=member, kind="email", value=f"{name}@example.com", verified_at=long_ago, added_at=long_ago
    )
    return member


@pytest.fixture
def mia(db) -> Member:
    return a_member("mia")


@pytest.fixture
def sam(db) -> Member:
    return a_member("sam")


@pytest.fixture
def olga(db) -> Actor:
    user = get_user_model().objects.create_user("olga")
    return Actor(ActorKind.STAFF, "olga", user.pk)


@pytest.fixture
def lock() -> Callable[..., locks.Placed]:
    """Lock a member the way the playbook does."""

    def place(member: Member, **changes: Any) -> locks.Placed:
        arguments = {
            "state": LockState.LOCKED,
            "code": "large-transaction-new-device",
            "text": "A large payment from a device we do not know",
            "by": ActorKind.SYSTEM,
            "actor": SYSTEM,
        }
        return locks.place(member, **{**arguments, **changes})

    return place


@pytest.fixture
def alert() -> Callable[..., Alert]:
    """Raise an alert about a member."""

    def make(member: Member, **changes: Any) -> Alert:
        now = timezone.now()
        fields = {
            "subject": f"member:{member.member_id}",
            "incident": "account",
            "member": member,
            "severity": "medium",
            "severity_rank": 1,
            "risk_score": 45,
            "title": "Large payment from a new device",
            "summary": "1900.00 EUR from a device first seen a minute ago.",
            "detectors": ["large-transaction-new-device"],
            "reasons": [
                {"code": "large-transaction-new-device", "text": "A large payment", "observed": 1900, "threshold": 200}
            ],
            "event_id": "e-1",
            "first_seen_at": now,
            "last_seen_at": now,
            "device": "unheard-of",
            "country": "GB",
            "context": {"device": "unheard-of", "country": "GB", "city": "London"},
        }
        made = Alert.objects.create(**{**fields, **changes})
        AlertDetector.objects.create(alert=made, detector="large-transaction-new-device")
        return made

    return make
