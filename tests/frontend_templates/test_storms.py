"""The page where a storm is settled, and the password that is asked for again."""

from __future__ import annotations

import time

import pytest
from django.test import Client as Browser

from detection.kernel.vocabulary import LockState, Role
from detection.models import Client, LockBatch
from detection.response import locks
from tests.frontend_templates.conftest import PASSWORD, lock, member_called, signed_in, staff_user, text_of

pytestmark = pytest.mark.django_db

PAGE, SETTLE = "/admin_dashboard/storms/", "/admin_dashboard/storms/settle/"


def storm(count: int) -> Client:
    shop = Client.objects.get_or_create(name="shop")[0]
    for number in range(count):
        lock(f"m{number}", state=LockState.RESTRICTED, capped=True, client=shop)
    return shop


def decide(browser: Browser, shop: Client, verb: str = "release") -> str:
    said = {"client": shop.pk, "code": "large-transaction-new-device", "verb": verb, "reason": "A leaked key."}
    return text_of(browser.post(SETTLE, said, follow=True))


def test_the_page_says_who_why_and_since_when(ada: Browser) -> None:
    storm(3)
    page = text_of(ada.get(PAGE))
    for seen in ("3 members restricted", "m2", "shop", "large-transaction-new-device", "Release all 3", "Lock all 3"):
        assert seen in page, seen


def test_one_click_releases_them_all(ada: Browser) -> None:
    shop = storm(3)
    assert "3 members are released" in decide(ada, shop)
    assert locks.of(member_called("m0")) is None
    assert "No storm" in text_of(ada.get(PAGE))


def test_an_analyst_sees_it_and_decides_nothing(olga: Browser) -> None:
    shop = storm(1)
    page = text_of(olga.get(PAGE))
    assert "Release all" not in page
    assert olga.post(SETTLE, {"client": shop.pk}).status_code == 403


def test_above_twenty_another_administrator_agrees(ada: Browser) -> None:
    shop = storm(21)
    assert "second administrator" in decide(ada, shop)
    assert "Agree" not in text_of(ada.get(PAGE))
    other = signed_in(staff_user("eva", Role.ADMIN))
    assert "Agree" in text_of(other.get(PAGE))
    batch = LockBatch.objects.get()
    refused = text_of(ada.post(f"{PAGE}{batch.pk}/approve/", follow=True))
    assert "another administrator has to agree" in refused
    said = text_of(other.post(f"{PAGE}{batch.pk}/approve/", follow=True))
    assert "21 members are released" in said or "are released; the rest follows" in said


def old(browser: Browser) -> Browser:
    session = browser.session
    session["signed_in_at"] = time.time() - 301
    session.save()
    return browser


def test_after_five_minutes_the_password_is_asked_for_again(ada: Browser) -> None:
    shop = storm(1)
    page = decide(old(ada), shop)
    assert "Your password again" in page
    assert locks.of(member_called("m0")) is not None
    assert "not the password" in text_of(ada.post("/login/again/", {"password": "wrong", "next": PAGE}))
    back = ada.post("/login/again/", {"password": PASSWORD, "next": PAGE})
    assert back["Location"] == PAGE
    assert "released" in decide(ada, shop)


def test_our_own_script_is_told_where_to_go(ada: Browser) -> None:
    shop = storm(1)
    answer = old(ada).post(SETTLE, {"client": shop.pk}, headers={"X-Page": "live", "Referer": "http://testserver/x/"})
    assert (answer.status_code, answer.json()["go"]) == (403, "/login/again/?next=%2Fx%2F")


def test_the_demo_does_not_ask(ada: Browser, settings: pytest.FixtureRequest) -> None:
    settings.DEMO = True
    shop = storm(1)
    assert "released" in decide(old(ada), shop)


@pytest.mark.parametrize("where", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)"])
def test_it_leads_nowhere_else(ada: Browser, where: str) -> None:
    back = ada.post("/login/again/", {"password": PASSWORD, "next": where})
    assert back["Location"] == "/admin_dashboard/"


def test_staff_lift_no_lock_of_their_own(ada: Browser) -> None:
    member = member_called("own")
    member.user = staff_user("ada", Role.ADMIN)
    member.save()
    lock("own")
    assert ada.post("/admin_dashboard/unlock/own/", {"reason": "me"}).status_code == 403
    assert locks.of(member) is not None
