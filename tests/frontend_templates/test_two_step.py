"""Setting up an authenticator app on the pages."""

from __future__ import annotations

import re

import pyotp
import pytest
from django.test import Client as Browser

from detection.models import Authenticator, Notification, OtpChallenge
from detection.response import authenticators, codes
from tests.frontend_templates.conftest import lock, member_called, text_of

pytestmark = pytest.mark.django_db

PAGE = "/member/two-step/"


def prove(browser: Browser) -> None:
    browser.post(PAGE, {"do": "send", "channel": "email"})
    challenge = OtpChallenge.objects.latest("created_at")
    browser.post(PAGE, {"do": "prove", "challenge_id": challenge.pk, "code": codes.code_for(challenge)})


def set_up(browser: Browser) -> str:
    prove(browser)
    secret = codes.app_secret(Authenticator.objects.get())
    return text_of(browser.post(PAGE, {"do": "confirm", "code": pyotp.TOTP(secret).now()}))


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"\b[2-9A-Z]{2}-[2-9A-Z]{5}-[2-9A-Z]{5}\b", page)


def test_a_code_to_a_known_address_comes_first(mia: Browser) -> None:
    page = text_of(mia.get(PAGE))
    assert "m•••@example.com" in page
    assert "data:image/svg" not in page
    mia.post(PAGE, {"do": "start"})
    mia.post(PAGE, {"do": "confirm", "code": "123456"})
    assert not Authenticator.objects.exists()


def test_the_picture_and_the_letters_say_the_same(mia: Browser) -> None:
    prove(mia)
    page = text_of(mia.get(PAGE))
    assert 'src="data:image/svg+xml' in page
    assert codes.app_secret(Authenticator.objects.get())[:4] in page
    assert "Type the 6 digits" in page


def test_a_wrong_code_keeps_the_picture(mia: Browser) -> None:
    prove(mia)
    page = text_of(mia.post(PAGE, {"do": "confirm", "code": "000000"}))
    assert "not the code the app shows" in page
    assert 'src="data:image/svg+xml' in page


def test_the_right_code_turns_it_on_and_shows_the_recovery_codes_this_once(mia: Browser) -> None:
    made = recovery_codes(set_up(mia))
    assert len(made) == 10
    page = text_of(mia.get(PAGE))
    assert recovery_codes(page) == []
    assert "data:image/svg" not in page
    assert "10 of 10 left" in page
    assert Notification.objects.filter(kind="app.enabled", channel="email").exists()


def test_it_is_turned_off_with_a_code_and_not_without(mia: Browser) -> None:
    made = recovery_codes(set_up(mia))
    assert "not the code" in text_of(mia.post(PAGE, {"do": "off", "code": "000000"}))
    assert Authenticator.objects.exists()
    mia.post(PAGE, {"do": "off", "code": made[0]})
    assert not Authenticator.objects.exists()


def test_new_recovery_codes_want_a_code_too(mia: Browser) -> None:
    made = recovery_codes(set_up(mia))
    page = text_of(mia.post(PAGE, {"do": "renew", "code": made[0]}))
    fresh = recovery_codes(page)
    assert len(fresh) == 10
    assert not set(fresh) & set(made)


def test_nothing_of_it_changes_while_the_account_is_locked(mia: Browser) -> None:
    made = recovery_codes(set_up(mia))
    lock("mia")
    mia.post(PAGE, {"do": "off", "code": made[0]})
    assert Authenticator.objects.exists()


def test_a_locked_member_sets_none_up(mia: Browser) -> None:
    prove(mia)
    Authenticator.objects.all().delete()
    lock("mia")
    assert "Unlock it first" in text_of(mia.get(PAGE))
    mia.post(PAGE, {"do": "start"})
    assert not Authenticator.objects.exists()


def test_the_unlock_page_offers_the_app_and_takes_its_code(mia: Browser) -> None:
    made = recovery_codes(set_up(mia))
    lock("mia")
    assert "Use my authenticator app" in text_of(mia.get("/member/unlock/"))
    page = text_of(mia.post("/member/unlock/send/", {"channel": "totp"}, follow=True))
    assert "Code from the app, or a recovery code" in page
    challenge = OtpChallenge.objects.get(purpose="unlock")
    page = text_of(mia.post("/member/unlock/", {"challenge_id": challenge.pk, "code": made[3]}, follow=True))
    assert "Welcome back" in page
    assert authenticators.left(member_called("mia").user) == 9


def test_an_unknown_step_is_asked_again(mia: Browser) -> None:
    assert "press one of the buttons" in text_of(mia.post(PAGE, {"do": "dance"}))
