"""The way back in, without a line of JavaScript."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.vocabulary import ActorKind
from detection.models import Contact, Member, Notification, OtpChallenge
from detection.response import accounts, codes, locks
from tests.frontend_templates.conftest import PASSWORD, lock, member_called, signed_in, text_of

UNLOCK = "/member/unlock/"


@pytest.fixture
def locked(mia: Browser) -> Browser:
    lock("mia")
    return mia


def ask(browser: Browser) -> Any:
    return browser.post("/member/unlock/send/", follow=True)


def newest() -> OtpChallenge:
    return OtpChallenge.objects.latest("created_at")


def enter(browser: Browser, code: str, challenge: OtpChallenge | None = None) -> Any:
    chosen = challenge or newest()
    return browser.post(UNLOCK, {"challenge_id": chosen.pk, "code": code}, follow=True)


def wrong() -> str:
    return f"{(int(codes.code_for(newest())) + 1) % 10**8:08d}"


def test_a_code_by_mail_opens_the_account(locked: Browser) -> None:
    page = text_of(ask(locked))
    assert "m•••@example.com" in page
    assert Notification.objects.filter(kind="code.unlock").count() == 1
    code = codes.code_for(newest())
    assert code not in page
    answer = enter(locked, code)
    assert answer.redirect_chain[-1][0] == "/member/"
    assert "Welcome back" in text_of(answer)
    assert locks.of(member_called("mia")) is None


@pytest.mark.parametrize("spaced", ["{0} {1}", " {0}-{1} ", "{0}\u00a0{1}", "{0}\t{1}"])
def test_a_code_may_be_pasted_with_spaces(spaced: str, locked: Browser) -> None:
    ask(locked)
    code = codes.code_for(newest())
    enter(locked, spaced.format(code[:4], code[4:]))
    assert locks.of(member_called("mia")) is None


def test_the_field_is_one_that_phones_fill_in(locked: Browser) -> None:
    page = text_of(ask(locked))
    field = re.search(r'<input class="code"[^>]*>', page)
    assert field
    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"', 'type="text"'):
        assert attribute in field[0]
    assert 'role="timer"' in page


def test_tries_are_counted_down_and_end(locked: Browser) -> None:
    ask(locked)
    pages = [text_of(enter(locked, wrong())) for _ in range(6)]
    assert "4 tries left" in pages[0]
    assert "1 try left" in pages[3]
    assert "ask for a new one" in pages[4]
    assert "not valid any more" in pages[5]
    enter(locked, codes.code_for(newest()))
    assert locks.of(member_called("mia")) is not None


def test_an_expired_code_keeps_the_page_and_offers_a_new_one(locked: Browser) -> None:
    ask(locked)
    OtpChallenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    page = text_of(locked.get(UNLOCK))
    assert "That code is over." in page
    assert "Send a new code" in page


def test_asking_again_too_soon_says_how_long_to_wait(locked: Browser) -> None:
    ask(locked)
    page = text_of(ask(locked))
    assert re.search(r"ask for another in \d+ seconds|ask for another in 1 minute", page)
    assert OtpChallenge.objects.count() == 1
    assert re.search(r'data-resend-in="(5\d|60)"', page)


def test_a_lock_by_staff_is_for_staff_to_lift(mia: Browser) -> None:
    lock("mia", by=ActorKind.STAFF)
    page = text_of(mia.get(UNLOCK))
    assert "Please contact the shop" in page
    assert "Send me a code" not in page
    assert "only they can lift it" in text_of(ask(mia))


def test_without_an_address_we_trust_there_is_no_code(locked: Browser) -> None:
    Contact.objects.all().delete()
    assert "no address for you that we can trust" in text_of(ask(locked))


def test_an_account_that_is_not_locked_says_so(mia: Browser) -> None:
    assert "not locked" in text_of(mia.get(UNLOCK))
    assert "not locked any more" in text_of(ask(mia))


def test_another_members_code_opens_nothing(locked: Browser, sam: Browser) -> None:
    ask(locked)
    lock("sam")
    enter(sam, codes.code_for(newest()), newest())
    assert locks.of(member_called("sam")) is not None
    assert locks.of(member_called("mia")) is not None


def test_a_code_belongs_to_the_session_that_asked(locked: Browser) -> None:
    ask(locked)
    other = signed_in(accounts.user_for(member_called("mia")))
    enter(other, codes.code_for(newest()))
    assert locks.of(member_called("mia")) is not None


def test_after_too_many_wrong_codes_staff_have_to_help(locked: Browser) -> None:
    Member.objects.filter(member_id="mia").update(self_service_off_at=timezone.now())
    assert "staff have to let you back in" in text_of(locked.get(UNLOCK))


@pytest.fixture
def long_ago(db: None) -> Browser:
    """mia, who has a password with us and signed in 31 minutes ago."""
    browser = signed_in(accounts.user_for(member_called("mia", password=True)))
    session = browser.session
    session["signed_in_at"] = time.time() - 31 * 60
    session.save()
    lock("mia")
    return browser


def test_who_signed_in_long_ago_says_the_password_again(long_ago: Browser) -> None:
    assert "your password again" in text_of(long_ago.get(UNLOCK))
    ask(long_ago)
    assert not OtpChallenge.objects.exists()
    page = text_of(long_ago.post("/member/unlock/password/", {"password": "wrong"}, follow=True))
    assert "not the password of this account" in page
    page = text_of(long_ago.post("/member/unlock/password/", {"password": PASSWORD}, follow=True))
    assert "Send me a code" in page
    ask(long_ago)
    assert OtpChallenge.objects.count() == 1


def test_who_has_no_password_with_us_is_not_asked_for_one(locked: Browser) -> None:
    session = locked.session
    session["signed_in_at"] = time.time() - 31 * 60
    session.save()
    assert "Send me a code" in text_of(locked.get(UNLOCK))


def test_guessing_the_password_there_is_slowed_down(long_ago: Browser, settings: Any) -> None:
    settings.API_RATES = {"login": (0.01, 30)}  # however slow the machine is
    pages = [text_of(long_ago.post("/member/unlock/password/", {"password": f"g{n}"}, follow=True)) for n in range(9)]
    assert "Too many tries" in pages[-1]
