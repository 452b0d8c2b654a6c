"""Our own defences are no weapon: not against a member whose name an attacker knows, nor in the hands of a thief of a
key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from detection import deciding
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, LockState, Trust
from detection.models import (
    Alert,
    CodeAttempt,
    Contact,
    Decision,
    LockReason,
    Member,
    Notification,
    OtpChallenge,
)
from detection.response import challenges, codes, locks, storms
from detection.response.challenges import Issued, Refused, Result
from tests.cast import LONDON, happened, judge_all, report, settled_life, shop

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def hammer(member: str = "mia", addresses: int = 200) -> None:
    """Wrong passwords for one name, each from an address of its own, within ten minutes."""
    now = datetime.now(UTC)
    tries = [
        happened(
            "login.failed",
            member,
            account_exists=True,
            ip=f"45.83.{number // 200}.{number % 200 + 1}",
            device_id=f"bot-{number}",
            occurred_at=now - timedelta(seconds=600 - 3 * number),
        )
        for number in range(addresses)
    ]
    for start in range(0, addresses, 100):
        assert {item.status for item in report(*tries[start : start + 100])} == {"accepted"}
    judge_all()


def ask(member: Member, **changes) -> Issued | Refused:
    return challenges.issue(member, **{"channel": "email", "session_key": "mias", **changes})


def test_hammering_a_log_in_from_200_addresses_locks_nobody_and_uses_up_nothing() -> None:
    settled_life()
    hammer()
    mia = Member.objects.get(member_id="mia")
    assert not LockReason.objects.exists()
    assert Alert.objects.filter(member=mia).exists(), "it is seen all the same"
    assert not CodeAttempt.objects.exists()
    assert not OtpChallenge.objects.exists()
    assert mia.code_failures == 0


def test_the_member_on_a_known_device_goes_on_under_fire() -> None:
    settled_life()
    hammer()
    payment = happened(
        "transaction.attempted", amount="42.00", currency="EUR", device_id="mia-phone", ip=LONDON, session_id="mia-now"
    )
    item = report(payment)[0]
    assert deciding.decide(item.event)["verdict"] == "allow"
    assert Decision.objects.get().answer["lock"] is None


def test_under_fire_a_locked_member_gets_at_most_five_codes_and_keeps_every_try() -> None:
    settled_life()
    mia = Member.objects.get(member_id="mia")
    mia.user = get_user_model().objects.create_user("mia")
    mia.save()
    Contact.objects.create(
        member=mia, kind="email", value="mia@example.com", added_at=timezone.now() - timedelta(days=9)
    )
    locks.place(
        mia,
        state=LockState.LOCKED,
        code="impossible-travel",
        text="A sign-in from far away",
        by=ActorKind.SYSTEM,
        actor=Actor(ActorKind.SYSTEM),
    )
    hammer()
    now = timezone.now()
    asked = [ask(mia, now=now + timedelta(minutes=2 * number)) for number in range(8)]
    assert [isinstance(made, Issued) for made in asked] == [True] * 5 + [False] * 3
    last = asked[4]
    stranger = challenges.answer(
        mia, challenge_id=last.challenge_id, code="1", session_key="a thief's", actor=Actor(ActorKind.MEMBER, "mia")
    )
    assert stranger.result == Result.MISSING
    assert not CodeAttempt.objects.exists()
    code = codes.code_for(OtpChallenge.objects.get(pk=last.challenge_id))
    opened = challenges.answer(
        mia, challenge_id=last.challenge_id, code=code, session_key="mias", actor=Actor(ActorKind.MEMBER, "mia")
    )
    assert opened.result == Result.UNLOCKED


def forged(number: int) -> dict:
    """A takeover as a thief of a key would make it up: a name, a session, a large payment."""
    return happened(
        "transaction.attempted",
        f"victim-{number}",
        amount="2900.00",
        currency="EUR",
        device_id=f"device-{number}",
        session_id=f"session-{number}",
        ip=f"185.{number // 200 + 10}.7.{number % 200 + 1}",
    )


@override_settings(STAFF_EMAIL="staff@example.com")
def test_a_leaked_key_that_forges_takeovers_locks_its_cap_and_pages_staff_once() -> None:
    forged_ones = 1000
    for start in range(0, forged_ones, 100):
        items = report(*(forged(number) for number in range(start, start + 100)), trust=Trust.NORMAL)
        assert {item.status for item in items} == {"accepted"}
        assert judge_all() == 100
    reasons = LockReason.objects.in_force()
    locked, restricted = (reasons.filter(state=state).count() for state in (LockState.LOCKED, LockState.RESTRICTED))
    assert 0 < locked <= 20
    assert restricted >= forged_ones - 20
    assert reasons.filter(capped=True).count() == restricted
    assert Notification.objects.filter(member=None, kind="lock.storm").count() == 1
    assert max(storm.count for storm in storms.standing() if storm.client == shop()) >= forged_ones - 20


def queries_of(locked: int, start: int) -> int:
    """How many statements it takes to judge a batch that locks so many."""
    report(*(forged(number) for number in range(start, start + locked)), trust=Trust.NORMAL)
    with CaptureQueriesContext(connection) as asked:
        assert judge_all() == locked
    return len(asked)


def test_what_a_batch_of_locks_tells_is_asked_for_once_and_not_for_each_of_them() -> None:
    queries_of(20, 0)  # the cap: what follows restricts, and the first of a kind asks for more
    few, many = queries_of(5, 100), queries_of(25, 200)
    each = (many - few) / 20
    assert each <= 14, f"{each} statements a lock"
