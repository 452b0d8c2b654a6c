"""The page behind the link in a mail."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from detection.models import Alert, Dispute, Member, Notification
from detection.response import links, locks
from tests.frontend_templates.conftest import member_called, raised, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def link() -> str:
    alert = raised(1, device="unheard-of", context={"city": "London", "device": "unheard-of"})
    mail = Notification.objects.create(
        member=alert.member,
        channel="email",
        kind="alert.raised",
        destination="mia@example.com",
        title="Was this you?",
        alert=alert.pk,
    )
    return f"/answer/{links.token_of(mail.pk)}/"


def test_opening_it_shows_two_buttons_and_does_nothing(stranger: Browser, link: str) -> None:
    for _ in range(2):
        page = stranger.get(link)
        assert page.status_code == 200
        assert "Yes, it was me" in text_of(page)
        assert "No, secure my account" in text_of(page)
    assert not Dispute.objects.exists()


def test_no_secures_and_shows_the_way_back_without_signing_anybody_in(stranger: Browser, link: str) -> None:
    page = stranger.post(link, {"answer": "no"}, follow=True)
    text = text_of(page)
    reference = Dispute.objects.get().reference
    for seen in (reference, "Change your password", "Open your security page from the shop", "m•••@example.com"):
        assert seen in text, seen
    assert locks.of(member_called("mia")) is not None
    assert "sessionid" not in stranger.cookies
    assert stranger.get("/member/").status_code == 302


def test_yes_settles_it(stranger: Browser, link: str) -> None:
    assert "this is settled" in text_of(stranger.post(link, {"answer": "yes"}, follow=True))
    assert Alert.objects.get().status == "resolved"


def test_a_second_press_is_told_that_it_is_over(stranger: Browser, link: str) -> None:
    stranger.post(link, {"answer": "yes"})
    page = stranger.post(link, {"answer": "no"})
    assert page.status_code == 410
    assert "does not work any more" in text_of(page)


def test_a_press_of_neither_button_asks_again(stranger: Browser, link: str) -> None:
    page = stranger.post(link, {"answer": "maybe"})
    assert page.status_code == 400
    assert "press one of the two" in text_of(page)
    assert not Dispute.objects.exists()


def test_it_asks_in_the_language_of_the_mail(stranger: Browser, link: str) -> None:
    Member.objects.update(language="de")
    page = text_of(stranger.get(link))
    assert 'lang="de"' in page
    assert "Waren Sie das?" in page
    assert "Nein, mein Konto sichern" in page
    assert "secure my account" not in page
    assert "Danke, das ist erledigt" in text_of(stranger.post(link, {"answer": "yes"}, follow=True))
