"""A member's bad day, and their false alarm, from the first alarm until all is well again; on a phone, too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from tests.browser.conftest import Person, code_in_outbox, live, picture, play
from tests.live import eventually

pytestmark = pytest.mark.browser

STORY = "A large payment from a new device"
LOOKS = [
    pytest.param({"size": "desktop", "theme": "light"}, id="desktop-light"),
    pytest.param({"size": "phone", "theme": "dark"}, id="phone-dark"),
]


def mail_in_outbox(page: Any, member: str, words: str, wanted: str) -> str:
    """What a pattern finds in the newest mail to a member that has these words."""

    def look() -> str | None:
        page.goto("/outbox/")
        mails = page.locator(".mail", has_text=f"To {member}@example.com").filter(has_text=words)
        found = re.search(wanted, mails.first.inner_text(), re.MULTILINE) if mails.count() else None
        return found[1] if found else None

    return str(eventually(look, within=20, every=0.3))


def lock_by_an_attack(member: Any) -> None:
    """An attack is played, and the open page says that the account is locked."""
    live(member)
    play(member, STORY)
    member.locator(".lock.locked").wait_for()


def unlock_with_a_mailed_code(member: Any, name: str, post: Any) -> None:
    member.goto("/member/unlock/")
    member.get_by_role("button", name="Send me a code").click()
    member.get_by_label("Code from the mail").fill(code_in_outbox(post, name))
    member.get_by_role("button", name="Unlock", exact=True).click()
    member.wait_for_url("**/member/")
    member.get_by_text("Welcome back").wait_for()


@pytest.mark.parametrize("look", LOOKS)
def test_attack_lock_notice_no_recovery_and_safe_again(
    look: dict[str, str], person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member(**look)
    other = member.context.new_page()  # another page of theirs hears of the lock as well
    other.goto("/member/notices/")
    lock_by_an_attack(member)
    other.locator("[data-guard]:not([hidden])").wait_for()
    assert "locked a moment ago" in other.locator("[data-guard]").inner_text()

    post = person(**look)
    link = mail_in_outbox(post, name, "Was this you?", r"(/answer/\S+)")
    stranger = person(**look)  # whoever reads the mail is signed in nowhere
    stranger.goto(link)
    picture(stranger, f"mail-answer-{look['size']}")
    assert "Was this you?" in stranger.locator("h1").inner_text()
    stranger.get_by_role("button", name="No, secure my account").click()
    stranger.get_by_role("heading", name="Your account is being secured").wait_for()
    reference = stranger.locator("[data-copy-text]").inner_text()
    assert reference.startswith("SR-")
    picture(stranger, f"case-{look['size']}")
    stranger.goto("/member/")
    assert "/login/" in stranger.url

    member.goto("/member/")
    assert "/login/" in member.url, "every session was ended, this one too: a thief may hold it"


@pytest.mark.parametrize("look", LOOKS)
def test_no_on_the_page_keeps_the_session_and_leads_back_to_safety(
    look: dict[str, str], person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member(**look)
    lock_by_an_attack(member)
    member.get_by_role("button", name="No, secure my account").first.click()
    member.get_by_role("heading", name="Thank you for telling us").wait_for()
    case = member.url
    assert member.locator(".steps > li.done").count() == 0
    unlock_with_a_mailed_code(member, name, person())
    member.goto(case)
    assert "Unlock your account" in member.locator(".steps > li.done").inner_text()
    staff = person("olga")
    staff.goto(f"/admin_dashboard/?member={name}")
    staff.locator(".feed a.title").first.click()
    staff.get_by_role("heading", name="What happened").wait_for()
    member.goto("/member/activity/")
    member.get_by_text("we are looking into it").first.wait_for()
    picture(member, f"activity-{look['size']}")


@pytest.mark.parametrize("look", LOOKS)
def test_a_false_alarm_ends_with_a_code_and_yes_it_was_me(
    look: dict[str, str], person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member(**look)
    lock_by_an_attack(member)
    unlock_with_a_mailed_code(member, name, person())
    live(member)
    member.get_by_role("button", name="Yes, it was me").first.click()
    member.get_by_text("We will not ask about this again").wait_for()
    member.goto("/member/devices/")
    member.get_by_text("Yours").first.wait_for()
    picture(member, f"devices-{look['size']}")


@pytest.mark.parametrize("look", LOOKS)
def test_an_authenticator_app_is_set_up_and_unlocks(
    look: dict[str, str], person: Person, new_member: Callable[..., tuple[Any, str]]
) -> None:
    member, name = new_member(**look)
    member.goto("/member/two-step/")
    member.get_by_role("button", name="Send me a code").click()
    member.get_by_label("Code from the mail").fill(
        mail_in_outbox(person(), name, "confirm that it is you", r"^(\d{8})$")
    )
    member.get_by_role("button", name="Go on").click()
    member.locator("img.qr").wait_for()
    picture(member, f"authenticator-{look['size']}")
    member.get_by_text("I cannot scan it").click()
    app = pyotp.TOTP(member.locator("code.key").inner_text().replace(" ", ""))
    member.get_by_label("Type the 6 digits the app shows").fill(app.now())
    member.get_by_role("button", name="Turn it on").click()
    member.get_by_role("heading", name="Your recovery codes").wait_for()
    spare = member.locator("pre.code").inner_text().split()
    assert len(spare) == 10
    member.goto("/member/")
    lock_by_an_attack(member)
    member.get_by_role("link", name="Unlock with a code").click()
    member.get_by_role("button", name="Use my authenticator app").click()
    member.get_by_label("Code from the app, or a recovery code").fill(spare[0])
    member.get_by_role("button", name="Unlock", exact=True).click()
    member.wait_for_url("**/member/")
    member.get_by_text("Welcome back").wait_for()
