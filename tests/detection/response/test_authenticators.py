"""Authenticator apps and recovery codes: each code once, nothing that could be used is stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pyotp
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import AuditPending, Authenticator, Contact, Member, Notification, OtpChallenge, RecoveryCode
from detection.response import authenticators, challenges, codes, locks, ways
from detection.response.challenges import Issued, Refused, Result

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MIA = Actor(ActorKind.MEMBER, "mia")
SESSION = "mias-session"


def app_code(user, *, at=None) -> str:
    """What the phone shows."""
    app = Authenticator.objects.get(user=user)
    return pyotp.TOTP(codes.app_secret(app)).at(at or timezone.now())


def set_up(user, *, now=None) -> tuple[str, ...]:
    """An app that counts since a while, so that its newest code is unused."""
    now = now or timezone.now() - timedelta(minutes=5)
    authenticators.begin(user)
    made = authenticators.confirm(user, app_code(user, at=now), actor=MIA, now=now)
    assert len(made) == 10
    return made


def asked(member, **changes) -> Issued:
    made = challenges.issue(member, **{"channel": "totp", "session_key": SESSION, **changes})
    assert isinstance(made, Issued), made
    return made


def answered(member, made: Issued, code: str, **changes):
    arguments = {"challenge_id": made.challenge_id, "code": code, "session_key": SESSION, "actor": MIA}
    return challenges.answer(member, **{**arguments, **changes})


def test_an_app_counts_once_a_code_of_it_was_shown(mia):
    app = authenticators.begin(mia.user)
    assert authenticators.of(mia.user) is None
    assert authenticators.confirm(mia.user, "000000", actor=MIA) == ()
    assert len(authenticators.confirm(mia.user, app_code(mia.user), actor=MIA)) == 10
    assert authenticators.of(mia.user) == app
    assert authenticators.begin(mia.user) is None
    assert authenticators.confirm(mia.user, app_code(mia.user), actor=MIA) == ()


def test_neither_the_secret_nor_a_recovery_code_is_stored(mia):
    made = set_up(mia.user)
    stored = f"{Authenticator.objects.values().get()} {list(RecoveryCode.objects.values())}"
    stored += f"{list(AuditPending.objects.values())} {list(Notification.objects.values())}"
    assert codes.app_secret(Authenticator.objects.get()) not in stored
    for code in made:
        assert code[3:].replace("-", "") not in stored


def test_a_code_of_the_app_unlocks_once_and_is_not_taken_again_for_the_next_lock(mia, lock):
    set_up(mia.user)
    lock(mia)
    code = app_code(mia.user)
    assert answered(mia, asked(mia), code).result == Result.UNLOCKED
    lock(mia)
    answer = answered(mia, asked(mia), code)
    assert (answer.result, answer.attempts_left) == (Result.WRONG, 4)
    assert locks.of(mia) is not None


@pytest.mark.parametrize(("seconds", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_off(mia, seconds, fits):
    set_up(mia.user)
    now = timezone.now()
    found = authenticators.match(mia.user, app_code(mia.user, at=now + timedelta(seconds=seconds)), now=now)
    assert (found is not None) is fits


def test_nothing_is_sent_for_a_code_of_the_app_and_no_wait_is_asked(mia, lock):
    set_up(mia.user)
    lock(mia)
    sent = Notification.objects.exclude(channel="page").count()
    for _ in range(7):
        made = asked(mia)
    assert made.sent_to == "your authenticator app"
    assert Notification.objects.exclude(channel="page").count() == sent
    assert OtpChallenge.objects.filter(superseded_at=None).count() == 1


def test_a_recovery_code_unlocks_once_and_the_member_is_told(mia, lock):
    first, second, *_ = set_up(mia.user)
    lock(mia)
    assert answered(mia, asked(mia), first.lower()).result == Result.UNLOCKED
    assert Notification.objects.filter(kind="app.recovered", channel="email").count() == 1
    assert authenticators.left(mia.user) == 9
    lock(mia)
    made = asked(mia)
    assert answered(mia, made, first).result == Result.WRONG
    assert answered(mia, made, second).result == Result.UNLOCKED


def test_new_recovery_codes_make_the_old_ones_void(mia, lock):
    old = set_up(mia.user)
    new = authenticators.renew(mia.user, actor=MIA)
    assert authenticators.match(mia.user, old[0]) is None
    assert authenticators.match(mia.user, new[0]) is not None


def test_without_an_app_there_is_none_to_ask(mia, lock):
    lock(mia)
    assert challenges.issue(mia, channel="totp", session_key=SESSION) == Refused("no-safe-channel")
    authenticators.begin(mia.user)
    assert challenges.issue(mia, channel="totp", session_key=SESSION) == Refused("no-safe-channel")


def test_a_removed_app_opens_nothing(mia, lock):
    made = set_up(mia.user)
    lock(mia)
    question = asked(mia)
    code = app_code(mia.user)
    assert authenticators.remove(mia.user, actor=MIA)
    assert answered(mia, question, code).result == Result.WRONG
    assert answered(mia, question, made[0]).result == Result.WRONG
    assert not authenticators.remove(mia.user, actor=MIA)


def test_wrong_codes_of_the_app_count_like_all_others(mia, lock):
    set_up(mia.user)
    lock(mia)
    for _ in range(4):
        made = asked(mia)
        for _ in range(5):
            assert answered(mia, made, "1").result == Result.WRONG
    assert answered(mia, asked(mia), app_code(mia.user)).result == Result.TOO_MANY


def test_six_guesses_a_day_at_the_apps_codes_and_every_other_way_stays_open(mia, lock):
    recovery = set_up(mia.user)
    lock(mia)
    for _ in range(2):
        made = asked(mia)
        for _ in range(3):
            assert answered(mia, made, wrong_for(mia.user)).result == Result.WRONG
    refused = answered(mia, made, app_code(mia.user))
    assert (refused.result, refused.app_only) == (Result.TOO_MANY, True)
    assert 23 * 3600 < refused.retry_after <= 24 * 3600 + 1
    odds = conf.APP_TRIES_PER_DAY * conf.APP_CODES_THAT_FIT / 10**codes.APP_DIGITS
    assert odds <= 2e-5
    mail = asked(mia, channel="email")
    assert answered(mia, mail, "00000000").result == Result.WRONG
    assert answered(mia, asked(mia), recovery[0]).result == Result.UNLOCKED


def test_a_row_of_wrong_app_codes_ends_self_service_while_a_right_guess_is_still_unlikely(mia, lock):
    set_up(mia.user)
    now, guesses = timezone.now(), 0
    for day in range(8):
        then = now + timedelta(hours=25 * day)
        lock(mia, now=then)
        for _ in range(2):
            if off(mia):
                break
            made, wrong = asked(mia, now=then), wrong_for(mia.user, at=then)
            guesses += sum(answered(mia, made, wrong, now=then).result == Result.WRONG for _ in range(3))
    assert off(mia)
    assert guesses * conf.APP_CODES_THAT_FIT / 10**codes.APP_DIGITS <= 1e-4


def off(member) -> bool:
    return Member.objects.filter(pk=member.pk).exclude(self_service_off_at=None).exists()


def wrong_for(user, *, at=None) -> str:
    """Six digits that do not fit now."""
    app = Authenticator.objects.get(user=user)
    return next(
        guess
        for guess in ("000000", "111111", "222222", "333333")
        if not codes.app_step(app, guess, at or timezone.now())
    )


def test_a_hundred_wrong_codes_over_days_end_self_service(mia, lock):
    set_up(mia.user)
    now = timezone.now()
    lock(mia, now=now)
    for day in range(5):
        then = now + timedelta(hours=25 * day)
        lock(mia, now=then)
        for _ in range(4):
            made = asked(mia, now=then)
            for _ in range(5):
                answered(mia, made, "1", now=then)
    mia.refresh_from_db()
    assert mia.self_service_off_at is not None
    assert challenges.issue(mia, channel="email", session_key=SESSION, now=then) == Refused("self-service-off")


def test_a_changed_server_key_ends_the_app_and_leaves_the_recovery_codes(mia):
    made = set_up(mia.user)
    code = app_code(mia.user)
    with override_settings(OTP_KEY="another key of thirty-two letters and more"):
        assert authenticators.match(mia.user, code) is None
        assert authenticators.match(mia.user, made[0]) is not None


def test_to_show_who_one_is_needs_no_lock_and_lifts_none(mia, sam, lock):
    made = asked(mia, channel="email", purpose=challenges.STEP_UP)
    code = codes.code_for(OtpChallenge.objects.get(pk=made.challenge_id))
    assert answered(mia, made, code).result == Result.MISSING  # it was not made for unlocking
    assert answered(mia, made, code, purpose=challenges.STEP_UP).result == Result.PROVED
    lock(mia)
    made = asked(mia, channel="email", purpose=challenges.STEP_UP, now=timezone.now() + timedelta(seconds=61))
    code = codes.code_for(OtpChallenge.objects.get(pk=made.challenge_id))
    assert answered(mia, made, code, purpose=challenges.STEP_UP).result == Result.PROVED
    assert locks.of(mia) is not None


def phone(member, value="+491700000067", **changes) -> Contact:
    added = timezone.now() - timedelta(days=90)
    return Contact.objects.create(member=member, kind="phone", value=value, **{"added_at": added, **changes})


def test_a_text_goes_to_a_settled_number_only(mia, lock, settings):
    settings.DEMO = True
    phone(mia)
    phone(mia, "+491700000099", added_at=timezone.now() - timedelta(hours=71))
    lock(mia)
    assert ways.channels(mia) == {"email": "m•••@example.com", "sms": "•••67"}
    made = asked(mia, channel="sms")
    assert made.sent_to == "•••67"
    text = Notification.objects.get(challenge=made.challenge_id)
    assert (text.channel, text.destination, text.kind) == ("sms", "+491700000067", "code.unlock")


def test_without_a_carrier_there_are_no_texts(mia, lock):
    phone(mia)
    lock(mia)
    assert "sms" not in ways.channels(mia)
    assert challenges.issue(mia, channel="sms", session_key=SESSION) == Refused("no-safe-channel")


def test_one_number_gets_three_texts_a_day_whoever_asks(mia, sam, lock, settings):
    settings.DEMO = True
    now = timezone.now()
    for member in (mia, sam):
        phone(member)
        lock(member)
    for minute in range(3):
        asked(mia, channel="sms", now=now + timedelta(minutes=2 * minute))
    refused = challenges.issue(sam, channel="sms", session_key=SESSION, now=now + timedelta(minutes=7))
    assert refused.code == "daily-cap"
    assert 86_000 - 420 < refused.retry_after <= 86_401 - 420


def test_one_address_asks_for_ten_codes_an_hour(lock):
    source = {"channel": "email", "session_key": SESSION, "source": "203.0.113.7"}
    members = [Member.objects.create(member_id=f"m{number}") for number in range(11)]
    for member in members:
        Contact.objects.create(member=member, kind="email", value=f"{member.member_id}@example.com")
        lock(member)
    results = [challenges.issue(member, **source) for member in members]
    assert [isinstance(made, Issued) for made in results] == [True] * 10 + [False]
    later = timezone.now() + timedelta(minutes=61)
    assert isinstance(challenges.issue(members[-1], **source, now=later), Issued)


def test_staff_sign_in_with_a_code_once_and_not_by_guessing(db):
    ada = get_user_model().objects.create_user("ada")
    actor = Actor(ActorKind.STAFF, "ada", ada.pk)
    set_up(ada)
    code = app_code(ada)
    assert authenticators.sign_in(ada, "000000", actor=actor) is False
    assert authenticators.sign_in(ada, code, actor=actor) is True
    assert authenticators.sign_in(ada, code, actor=actor) is False
    for _ in range(5):
        authenticators.sign_in(ada, wrong_for(ada), actor=actor)
    assert authenticators.sign_in(ada, app_code(ada, at=timezone.now() + timedelta(seconds=30)), actor=actor) is None
    assert authenticators.sign_in(ada, "not one of the ten", actor=actor) is False, "recovery codes are still taken"
    tomorrow = timezone.now() + timedelta(hours=25)
    assert authenticators.sign_in(ada, app_code(ada, at=tomorrow), actor=actor, now=tomorrow) is True


@pytest.mark.django_db(transaction=True)
def test_the_same_code_at_once_opens_once(mia, lock):
    set_up(mia.user)
    lock(mia)
    made, code = asked(mia), app_code(mia.user)

    def enter(_):
        try:
            return answered(mia, made, code).result
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(enter, range(16)))
    assert results.count(Result.UNLOCKED) == 1


def test_who_lost_phone_and_codes_is_helped_by_a_command(mia):
    set_up(mia.user)
    assert "Would remove" in ran("mia", "--dry-run")
    assert authenticators.of(mia.user) is not None
    assert ran("mia", "--json") == '{"name": "mia", "had_one": true, "removed": true}\n'
    assert authenticators.of(mia.user) is None
    assert Notification.objects.filter(kind="app.removed", channel="email").exists()
    assert "has no authenticator app" in ran("mia")
    with pytest.raises(CommandError):
        ran("nobody")


def ran(*arguments: str) -> str:
    out = StringIO()
    call_command("remove_authenticator", *arguments, stdout=out)
    return out.getvalue()
