"""Signing in and out, becoming a member, and the shop's link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import get_hasher
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.vocabulary import Role
from detection.models import AuditPending, Client, Member, PortalToken
from detection.response import portal
from tests.frontend_templates.conftest import PASSWORD, member_called, staff_user, text_of


def sign_in(browser: Browser, username: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/login/", {"username": username, "password": password, **more})


@pytest.fixture
def people(db: None, settings: Any) -> None:
    settings.DEMO = True  # staff of the demo need no second step
    staff_user("olga", Role.ANALYST)
    member_called("mia", password=True)


def test_staff_land_on_the_feed_and_members_on_their_page(people: None, stranger: Browser) -> None:
    assert sign_in(stranger, "olga")["Location"] == "/admin_dashboard/"
    assert sign_in(Browser(), "mia")["Location"] == "/member/"


def test_signing_in_leads_where_one_wanted_to_go(people: None, stranger: Browser) -> None:
    assert sign_in(stranger, "olga", next="/admin_dashboard/rules/")["Location"] == "/admin_dashboard/rules/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"])
def test_signing_in_never_leads_to_another_site(people: None, elsewhere: str) -> None:
    assert sign_in(Browser(), "olga", next=elsewhere)["Location"] == "/admin_dashboard/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(people: None) -> None:
    known = sign_in(Browser(), "mia", "wrong")
    unknown = sign_in(Browser(), "nobody", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert text_of(known).replace("mia", "nobody").split("<main")[1].count("do not belong together") == 1
    plain = [text_of(answer).split('<p class="fault"')[1].split("</p>")[0] for answer in (known, unknown)]
    assert plain[0] == plain[1]


def test_an_unknown_name_costs_the_same_work(people: None, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    hasher = type(get_hasher())
    real = hasher.encode
    monkeypatch.setattr(
        hasher, "encode", lambda self, password, salt: hashed.append(password) or real(self, password, salt)
    )
    sign_in(Browser(), "mia", "wrong-1")
    known = len(hashed)
    sign_in(Browser(), "nobody", "wrong-2")
    assert known >= 1
    assert len(hashed) == 2 * known


def test_guessing_one_name_is_slowed_down_soon(people: None, settings: Any) -> None:
    settings.API_RATES = {"login": (0.01, 30)}  # however long a try takes here
    answers = [sign_in(Browser(), "mia", f"guess-{n}") for n in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "twelve guesses in a row were all looked at"
    assert int(refused[0]["Retry-After"]) >= 1
    assert sign_in(Browser(), "mia").status_code == 429


def test_a_browser_somebody_signed_in_with_has_tries_of_its_own(people: None, settings: Any) -> None:
    settings.API_RATES = {"login": (0.01, 60)}  # however long a try takes here
    mine, hers = Browser(), Browser()
    assert sign_in(mine, "mia").status_code == sign_in(hers, "olga").status_code == 302
    forged = Browser(cookies=hers.cookies)
    forged.cookies["known"] = hers.cookies["known"].value[:-1] + "A"
    for browser in (mine, hers):
        browser.post("/logout/")
    while sign_in(Browser(), "mia", "a stranger's guess").status_code != 429:
        pass
    assert sign_in(hers, "mia").status_code == 429, "known by another name"
    assert sign_in(forged, "olga").status_code == 302, "a forged one is nobody's, and olga's tries are not used up"
    assert sign_in(mine, "mia").status_code == 302
    answers = [sign_in(mine, "mia", f"guess-{n}").status_code for n in range(13)]
    assert 429 in answers, "and it may not guess for ever either"


def test_a_browser_is_known_at_the_door_alone(people: None, stranger: Browser) -> None:
    sign_in(stranger, "mia")
    cookie = stranger.cookies["known"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login/", True, "Lax")
    assert PASSWORD not in cookie.value


def test_a_new_session_begins_at_sign_in(people: None) -> None:
    browser = Browser()
    session = browser.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    sign_in(browser, "mia")
    assert browser.session.session_key != before
    assert browser.session["signed_in_at"] <= timezone.now().timestamp()


def test_signing_in_again_as_oneself_begins_a_new_session_too(people: None) -> None:
    browser, thief = Browser(), Browser()
    sign_in(browser, "mia")
    thief.cookies["sessionid"] = browser.cookies["sessionid"].value
    assert thief.get("/member/").status_code == 200
    sign_in(browser, "mia")
    assert browser.get("/member/").status_code == 200
    assert thief.get("/member/").status_code == 302


def test_signing_in_and_out_is_written_down(people: None) -> None:
    browser = Browser()
    sign_in(browser, "olga")
    browser.post("/logout/")
    written = [row.entry["action"] for row in AuditPending.objects.order_by("id")]
    assert written == ["session.started", "session.ended"]
    assert browser.get("/admin_dashboard/").status_code == 302


def test_signing_out_takes_a_post(people: None, mia: Browser) -> None:
    assert mia.get("/logout/").status_code == 405
    assert mia.get("/member/").status_code == 200


def test_registering_makes_a_new_member_and_never_takes_one(stranger: Browser, settings: Any) -> None:
    settings.DEMO = True
    member_called("mia")
    response = stranger.post("/register/", {"member_id": "mia", "username": "mia"})
    assert response["Location"] == "/member/"
    assert stranger.get("/member/").status_code == 200
    made = Member.objects.exclude(member_id="mia").get()
    assert made.member_id.startswith("web_")


@pytest.fixture
def link(db: None) -> str:
    shop = Client.objects.create(name="shop")
    return f"/portal/{portal.create(member_called('mia'), client=shop)[0]}/"


def test_opening_the_shops_link_spends_nothing(link: str, stranger: Browser) -> None:
    for _ in range(3):
        response = stranger.get(link)
        assert response.status_code == 200
        assert text_of(response).split("<main")[1].split("</main>")[0].count("<button") == 1
    assert PortalToken.objects.get().spent_at is None
    assert "_auth_user_id" not in stranger.session


def test_pressing_the_links_button_signs_in_once(link: str, stranger: Browser) -> None:
    response = stranger.post(link)
    assert (response.status_code, response["Location"]) == (302, "/member/")
    assert stranger.get("/member/").status_code == 200
    again = Browser().post(link)
    assert again.status_code == 410
    assert "does not work any more" in text_of(again)


def test_the_links_button_starts_a_new_session_even_for_somebody_signed_in(link: str, sam: Browser) -> None:
    before = sam.session.session_key
    sam.post(link)
    assert sam.session.session_key != before
    assert "Hello, <bdi>mia</bdi>" in text_of(sam.get("/member/"))


def test_an_old_or_made_up_link_says_so(link: str, stranger: Browser) -> None:
    PortalToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert stranger.get(link).status_code == 410
    assert stranger.post(link).status_code == 410
    assert stranger.get("/portal/made-up/").status_code == 410
