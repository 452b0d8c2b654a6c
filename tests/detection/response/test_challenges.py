from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import (
    AccountLock,
    AuditPending,
    CodeAttempt,
    Contact,
    FeedEntry,
    Member,
    Notification,
    OtpChallenge,
)
from detection.response import challenges, codes, locks, notifications
from detection.response.challenges import Issued, Refused, Result

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MIA = Actor(ActorKind.MEMBER, "mia")
SESSION = "mias-session"
WRONG = "0000000"  # seven digits: never a code


def issued(member, **changes) -> Issued:
    made = challenges.issue(member, **{"channel": "email", "session_key": SESSION, **changes})
    assert isinstance(made, Issued), made
    return made


def code_of(made: Issued) -> str:
    return codes.code_for(OtpChallenge.objects.get(pk=made.challenge_id))


def answered(member, made: Issued, code: str, **changes):
    arguments = {"challenge_id": made.challenge_id, "code": code, "session_key": SESSION, "actor": MIA}
    return challenges.answer(member, **{**arguments, **changes})


def test_the_right_code_unlocks_once(mia, lock):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    assert re.fullmatch(r"\d{8}", code)
    answer = answered(mia, made, code)
    assert (answer.result, answer.lock) == (Result.UNLOCKED, None)
    assert locks.of(mia) is None
    assert FeedEntry.objects.filter(kind="member.unlocked").count() == 1
    assert answered(mia, made, code).result == Result.GONE


def test_a_code_lives_for_five_minutes_and_may_be_asked_for_again_after_one(mia, lock):
    lock(mia)
    before = timezone.now()
    made = issued(mia, now=before)
    assert made.sent_to == "m•••@example.com"
    assert made.expires_at == before + timedelta(minutes=5)
    assert made.resend_after == before + timedelta(seconds=60)


@pytest.mark.parametrize("shape", ["{} {}", " {}{} ", "{}-{}", "{}\u00a0{}", "{}\n{}"])
def test_a_code_may_be_pasted_with_spaces(mia, lock, shape):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    assert answered(mia, made, shape.format(code[:4], code[4:])).result == Result.UNLOCKED


@pytest.mark.parametrize("junk", ["", "12345678901", "abcdefgh", "\ud800", "٠٠٠٠", "null\x00"])
def test_junk_is_a_wrong_code_and_no_more(mia, lock, junk):
    lock(mia)
    answer = answered(mia, issued(mia), junk)
    assert (answer.result, answer.attempts_left) == (Result.WRONG, 4)


def test_after_five_wrong_tries_the_right_code_is_gone_too(mia, lock):
    lock(mia)
    made = issued(mia)
    left = [answered(mia, made, WRONG).attempts_left for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert answered(mia, made, code_of(made)).result == Result.GONE
    assert locks.of(mia) is not None


def test_a_code_is_over_by_comparison(mia, lock):
    lock(mia)
    made = issued(mia)
    late = timezone.now() + timedelta(minutes=5, seconds=1)
    assert answered(mia, made, code_of(made), now=late).result == Result.GONE
    assert CodeAttempt.objects.count() == 0


def test_a_new_code_supersedes_the_old_one(mia, lock):
    lock(mia)
    old = issued(mia)
    new = issued(mia, now=timezone.now() + timedelta(seconds=61))
    assert answered(mia, old, code_of(old)).result == Result.GONE
    assert answered(mia, new, code_of(new)).result == Result.UNLOCKED


def test_a_code_for_an_old_lock_opens_no_new_one(mia, lock):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    lock(mia, code="impossible-travel")
    assert answered(mia, made, code).result == Result.GONE
    assert locks.of(mia) is not None


def test_a_code_is_gone_when_staff_locked_or_unlocked_in_between(mia, sam, lock, olga):
    for member in (mia, sam):
        lock(member)
    first, second = issued(mia), issued(sam)
    lock(mia, by=ActorKind.STAFF, actor=olga, code="staff")
    locks.release(sam, actor=olga, reason="known", by=ActorKind.STAFF)
    assert answered(mia, first, code_of(first)).result == Result.GONE
    assert answered(sam, second, code_of(second)).result == Result.GONE
    assert CodeAttempt.objects.count() == 0


def test_another_members_another_sessions_and_no_challenge_are_all_missing(mia, sam, lock):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    assert answered(sam, made, code).result == Result.MISSING
    assert answered(mia, made, code, session_key="elsewhere").result == Result.MISSING
    assert answered(mia, made, code, challenge_id="0" * 32).result == Result.MISSING
    assert CodeAttempt.objects.count() == 0
    assert answered(mia, made, code).result == Result.UNLOCKED


def test_codes_are_sent_once_a_minute_and_five_times_a_day(mia, lock):
    lock(mia)
    start = timezone.now()
    for number in range(5):
        issued(mia, now=start + timedelta(seconds=61 * number))
    soon = challenges.issue(mia, channel="email", session_key=SESSION, now=start + timedelta(seconds=61 * 4 + 30))
    capped = challenges.issue(mia, channel="email", session_key=SESSION, now=start + timedelta(minutes=10))
    assert isinstance(soon, Refused)
    assert isinstance(capped, Refused)
    assert capped.code == "daily-cap"
    assert 23 * 3600 < capped.retry_after <= 24 * 3600
    lock(mia, now=start + timedelta(hours=24))
    issued(mia, now=start + timedelta(hours=24, seconds=1))


def test_asking_again_too_soon_says_how_long_to_wait(mia, lock):
    lock(mia)
    now = timezone.now()
    issued(mia, now=now)
    refused = challenges.issue(mia, channel="email", session_key=SESSION, now=now + timedelta(seconds=20))
    assert refused.code == "too-soon"
    assert 39 <= refused.retry_after <= 41


def test_no_code_without_a_lock_for_a_staff_lock_or_without_a_safe_address(mia, sam, lock, olga):
    def ask(member, channel="email"):
        return challenges.issue(member, channel=channel, session_key=SESSION).code

    assert ask(mia) == "not-locked"
    lock(mia)
    assert ask(mia, "sms") == "no-safe-channel"
    Contact.objects.filter(member=mia).update(held=True)
    assert ask(mia) == "no-safe-channel"
    lock(mia, by=ActorKind.STAFF, actor=olga, code="staff")
    assert ask(mia) == "staff-lock"
    lock(sam)
    Member.objects.filter(pk=sam.pk).update(self_service_off_at=timezone.now())
    assert ask(sam) == "self-service-off"


def test_a_code_goes_to_the_address_from_before_a_recent_change(mia, lock):
    Contact.objects.create(member=mia, kind="email", value="new@example.net", verified_at=timezone.now())
    lock(mia)
    assert issued(mia).sent_to == "m•••@example.com"


def test_twenty_tries_a_day_over_all_codes_are_the_end_for_the_day(mia, lock):
    lock(mia)
    start = timezone.now()
    for number in range(4):
        now = start + timedelta(seconds=61 * number)
        made = issued(mia, now=now)
        for _ in range(5):
            assert answered(mia, made, WRONG, now=now).result == Result.WRONG
    last = start + timedelta(seconds=300)
    made = issued(mia, now=last)
    answer = answered(mia, made, code_of(made), now=last)
    assert answer.result == Result.TOO_MANY
    assert answer.retry_after > 23 * 3600
    assert locks.of(mia) is not None


def test_a_hundred_wrong_codes_in_a_row_turn_self_service_off(mia, lock):
    lock(mia)
    Member.objects.update(code_failures=99)
    made = issued(mia)
    assert answered(mia, made, WRONG).result == Result.WRONG
    mia.refresh_from_db()
    assert mia.self_service_off_at is not None
    assert answered(mia, made, code_of(made)).result == Result.TOO_MANY
    assert "member.self_service_off" in [row.entry["action"] for row in AuditPending.objects.all()]


def test_a_right_code_ends_the_row_of_wrong_ones(mia, lock):
    lock(mia)
    Member.objects.update(code_failures=98)
    made = issued(mia)
    answered(mia, made, WRONG)
    answered(mia, made, code_of(made))
    mia.refresh_from_db()
    assert (mia.code_failures, mia.self_service_off_at) == (0, None)


def test_the_code_is_stored_nowhere_and_only_its_mail_carries_it(mia, lock):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    rows = [Notification, OtpChallenge, CodeAttempt, AuditPending, FeedEntry]
    assert code not in repr([list(model.objects.values()) for model in rows])
    notifications.deliver_due()
    letter = next(message for message in mail.outbox if message.subject == "Your code to unlock your account")
    digits_only = [line for line in letter.body.splitlines() if re.fullmatch(r"[\d\s]+", line)]
    assert digits_only == [code]
    assert letter.to == ["mia@example.com"]
    assert code not in repr([list(model.objects.values()) for model in rows])


def test_a_code_is_not_sent_once_it_is_over_or_replaced(mia, sam, lock):
    for member in (mia, sam):
        lock(member)
    Notification.objects.all().delete()
    now = timezone.now()
    issued(mia, now=now)
    issued(mia, now=now + timedelta(seconds=61))
    notifications.deliver_due(now=now + timedelta(seconds=62))
    assert len(mail.outbox) == 1
    issued(sam, now=now)
    delivered = notifications.deliver_due(now=now + timedelta(minutes=6))
    assert (delivered.sent, delivered.failed) == (0, 1)
    assert sorted(Notification.objects.exclude(failed_at=None).values_list("last_error", flat=True)) == [
        "expired",
        "no longer true",
    ]


def test_a_code_of_another_key_is_gone(mia, lock):
    lock(mia)
    made = issued(mia)
    code = code_of(made)
    with override_settings(OTP_KEY="another-key-of-the-same-length-as-the-one-before"):
        assert answered(mia, made, code).result == Result.GONE
        assert codes.to_send(made.challenge_id, now=timezone.now()) is None


def test_codes_that_ran_out_are_closed_and_forgotten_after_a_day(mia, lock):
    lock(mia)
    issued(mia)
    assert challenges.expire_due(now=timezone.now() + timedelta(minutes=6)) == 1
    assert OtpChallenge.objects.exclude(superseded_at=None).count() == 1
    challenges.expire_due(now=timezone.now() + timedelta(hours=25))
    assert OtpChallenge.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_try_can_not_be_made_inside_a_transaction_that_could_take_it_back(mia, lock):
    lock(mia)
    made = issued(mia)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        answered(mia, made, code_of(made))


@pytest.mark.django_db(transaction=True)
def test_a_try_stays_charged_when_what_follows_breaks(mia, lock, monkeypatch):
    lock(mia)
    made = issued(mia)

    def broken(*_args, **_kwargs):
        raise ConnectionError("the disk is full")

    monkeypatch.setattr(locks, "release", broken)
    with pytest.raises(ConnectionError):
        answered(mia, made, code_of(made))
    assert OtpChallenge.objects.get().attempts == CodeAttempt.objects.count() == 1
    assert OtpChallenge.objects.get().consumed_at is None
    assert locks.of(mia) is not None


def all_at_once(member, made, codes):
    def try_it(code):
        try:
            return answered(member, made, code)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(try_it, codes))


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_right_answers_at_once_exactly_one_unlocks(mia, lock):
    lock(mia)
    made = issued(mia)
    answers = all_at_once(mia, made, [code_of(made)] * 100)
    results = [answer.result for answer in answers]
    assert results.count(Result.UNLOCKED) == 1
    assert set(results) <= {Result.UNLOCKED, Result.GONE}
    assert FeedEntry.objects.filter(kind="member.unlocked").count() == 1
    assert AccountLock.objects.get().version == 2


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_wrong_answers_at_once_five_are_looked_at(mia, lock):
    lock(mia)
    made = issued(mia)
    answers = all_at_once(mia, made, [WRONG] * 100)
    wrong = [answer for answer in answers if answer.result == Result.WRONG]
    assert sorted(answer.attempts_left for answer in wrong) == [0, 1, 2, 3, 4]
    assert {answer.result for answer in answers} <= {Result.WRONG, Result.GONE, Result.TOO_MANY}
    assert OtpChallenge.objects.get().attempts == CodeAttempt.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_many_asking_for_a_code_at_once_get_one(mia, lock):
    lock(mia)

    def ask(_):
        try:
            return challenges.issue(mia, channel="email", session_key=SESSION)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(ask, range(16)))
    assert sum(isinstance(one, Issued) for one in made) == 1
    assert {one.code for one in made if isinstance(one, Refused)} == {"too-soon"}
    assert Notification.objects.filter(kind="code.unlock").count() == 1
