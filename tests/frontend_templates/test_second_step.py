"""Staff sign in with a password and a code of their app, everywhere but in the demo."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.models import Authenticator
from detection.response import authenticators, codes
from tests.frontend_templates.conftest import PASSWORD, member_called, staff_user, text_of

pytestmark = pytest.mark.django_db

CODE = "/login/code/"


def sign_in(browser: Browser, name: str = "olga", **more: str) -> Any:
    return browser.post("/login/", {"username": name, "password": PASSWORD, **more})


def shown(user: Any, ahead: int = 0) -> str:
    secret = codes.app_secret(Authenticator.objects.get(user=user))
    return pyotp.TOTP(secret).at(timezone.now() + timedelta(seconds=ahead))


@pytest.fixture
def olga() -> Any:
    return staff_user("olga", Role.ANALYST)


@pytest.fixture
def with_app(olga: Any) -> tuple[str, ...]:
    then = timezone.now() - timedelta(minutes=5)
    authenticators.begin(olga)
    secret = codes.app_secret(Authenticator.objects.get())
    return authenticators.confirm(olga, pyotp.TOTP(secret).at(then), actor=Actor(ActorKind.STAFF, "olga"), now=then)


def test_the_first_sign_in_sets_the_app_up(olga: Any, stranger: Browser) -> None:
    assert sign_in(stranger)["Location"] == CODE
    assert stranger.get("/admin_dashboard/").status_code == 302
    assert 'src="data:image/svg+xml' in text_of(stranger.get(CODE))
    assert "not the code" in text_of(stranger.post(CODE, {"code": "000000"}))
    page = text_of(stranger.post(CODE, {"code": shown(olga)}))
    assert len(set(re.findall(r"\b[2-9A-Z]{2}-[2-9A-Z]{5}-[2-9A-Z]{5}\b", page))) == 10
    assert stranger.get("/admin_dashboard/").status_code == 200


def test_the_next_one_asks_for_a_code(olga: Any, with_app: Any, stranger: Browser) -> None:
    sign_in(stranger, next="/admin_dashboard/rules/")
    assert "data:image/svg" not in text_of(stranger.get(CODE))
    for path in ("/admin_dashboard/", "/api/v1/alerts/"):
        assert stranger.get(path).status_code in {302, 401}
    assert "not the code" in text_of(stranger.post(CODE, {"code": "000000"}))
    code = shown(olga)
    assert stranger.post(CODE, {"code": code})["Location"] == "/admin_dashboard/rules/"
    assert stranger.get("/admin_dashboard/").status_code == 200
    other = Browser()
    sign_in(other)
    assert "not the code" in text_of(other.post(CODE, {"code": code}))


def test_a_recovery_code_signs_in_once(with_app: tuple[str, ...], stranger: Browser) -> None:
    sign_in(stranger)
    assert stranger.post(CODE, {"code": with_app[0]}).status_code == 302
    other = Browser()
    sign_in(other)
    assert "not the code" in text_of(other.post(CODE, {"code": with_app[0]}))


def test_the_page_is_nothing_without_a_password_first(with_app: Any, stranger: Browser) -> None:
    assert stranger.get(CODE)["Location"] == "/login/"
    assert stranger.post(CODE, {"code": with_app[0]})["Location"] == "/login/"


def test_the_password_counts_for_ten_minutes(with_app: Any, stranger: Browser) -> None:
    sign_in(stranger)
    session = stranger.session
    session["second_step"] = {**session["second_step"], "at": time.time() - 601}
    session.save()
    assert stranger.post(CODE, {"code": with_app[0]})["Location"] == "/login/"


def test_members_and_the_demo_do_without(olga: Any, stranger: Browser, settings: Any) -> None:
    member_called("mia", password=True)
    assert sign_in(Browser(), "mia")["Location"] == "/member/"
    settings.DEMO = True
    assert sign_in(stranger)["Location"] == "/admin_dashboard/"


def test_guessing_ends_for_the_day(olga: Any, with_app: Any, settings: Any) -> None:
    settings.API_RATES = {"login": (1000, 1000)}
    browser = Browser()
    sign_in(browser)
    answers = [browser.post(CODE, {"code": "000000"}).status_code for _ in range(7)]
    assert answers == [200] * 6 + [429]
    assert "Too many wrong codes" in text_of(browser.post(CODE, {"code": shown(olga, 30)}))
