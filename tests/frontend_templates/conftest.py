"""The cast at the people's door, each with a browser of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client as Browser
from django.utils import timezone

from api import throttling
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind as Kind
from detection.kernel.vocabulary import LockScope, LockState, Role, Severity
from detection.models import Alert, AlertDetector, Contact, Member
from detection.response import accounts, locks

PASSWORD = "correct horse battery"
OLGA = Actor(Kind.STAFF, "olga")


@pytest.fixture(autouse=True)
def nobody_was_here() -> Iterator[None]:
    """Limits start afresh for every test."""
    throttling.forget_everything()
    yield
    throttling.forget_everything()


def staff_user(name: str, role: Role) -> Any:
    user, made = get_user_model().objects.get_or_create(username=name)
    if made:
        user.set_password(PASSWORD)
        user.save()
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def member_called(name: str, *, password: bool = False) -> Member:
    """A member with an address, and with a password of ours when asked."""
    member, made = Member.objects.get_or_create(member_id=name)
    if made:
        Contact.objects.create(member=member, kind=Contact.EMAIL, value=f"{name}@example.com")
    user = accounts.user_for(member)
    if password:
        user.username = name
        user.set_password(PASSWORD)
        user.save()
    return member


def signed_in(user: Any) -> Browser:
    browser = Browser(raise_request_exception=False)
    browser.force_login(user)
    session = browser.session
    session["signed_in_at"] = time.time()
    session.save()
    return browser


def raised(number: int = 0, *, member: str | None = "mia", **fields: Any) -> Alert:
    """An alert as folding would leave it."""
    now = timezone.now()
    severity = Severity(fields.pop("severity", "high"))
    detectors = fields.pop("detectors", ["large-transaction-new-device"])
    alert = Alert.objects.create(
        subject=f"member:{member}" if member else f"address:203.0.113.{number}",
        incident=f"account-{number}",
        member=member_called(member) if member else None,
        severity=severity,
        severity_rank=severity.rank,
        risk_score=severity.points,
        detectors=detectors,
        event_id=f"event-{number}",
        **{
            "title": f"Alert {number}",
            "summary": f"Something happened {number}.",
            "reasons": [{"code": detectors[0], "text": f"Reason {number}", "observed": "2400", "threshold": "300"}],
            "first_seen_at": now,
            "last_seen_at": now,
            "created_at": now,
            **fields,
        },
    )
    AlertDetector.objects.bulk_create([AlertDetector(alert=alert, detector=name) for name in detectors])
    return alert


def lock(member: str = "mia", *, by: Kind = Kind.SYSTEM, **fields: Any) -> locks.Placed:
    return locks.place(
        member_called(member),
        **{
            "state": LockState.LOCKED,
            "code": "large-transaction-new-device",
            "text": "A large payment from a new device.",
            "by": by,
            "actor": Actor(by, "system" if by == Kind.SYSTEM else "olga"),
            "scopes": (LockScope.PAYMENTS,),
            **fields,
        },
    )


@pytest.fixture
def stranger(db: None) -> Browser:
    return Browser(raise_request_exception=False)


@pytest.fixture
def olga(db: None) -> Browser:
    return signed_in(staff_user("olga", Role.ANALYST))


@pytest.fixture
def ada(db: None) -> Browser:
    return signed_in(staff_user("ada", Role.ADMIN))


@pytest.fixture
def auditor(db: None) -> Browser:
    return signed_in(staff_user("auditor", Role.AUDITOR))


@pytest.fixture
def mia(db: None) -> Browser:
    return signed_in(accounts.user_for(member_called("mia")))


@pytest.fixture
def sam(db: None) -> Browser:
    return signed_in(accounts.user_for(member_called("sam")))


def text_of(response: Any) -> str:
    """The page as text."""
    return str(response.content.decode())
