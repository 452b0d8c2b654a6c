"""The page of the staff, and the link somebody invited sets a password with."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, Role
from detection.models import AuditPending, Authenticator
from detection.response import accounts, staff
from tests.frontend_templates.conftest import PASSWORD, member_called, signed_in, staff_user, text_of

pytestmark = pytest.mark.django_db

PAGE = "/admin_dashboard/staff/"
NEW_PASSWORD = "a few plain words"


def user(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def link_on(page: Any) -> str:
    found = re.search(r"http://testserver(/login/password/[^<\s]+)", text_of(page))
    assert found is not None, text_of(page)
    return html.unescape(found[1])


def change(browser: Browser, who: str, do: str, **fields: str) -> Any:
    return browser.post(f"{PAGE}{user(who).pk}/", {"do": do, **fields}, headers={"X-Page": "live"})


def audited() -> list[str]:
    return [row.entry["action"] for row in AuditPending.objects.order_by("id")]


def test_somebody_invited_sets_a_password_once_and_signs_in_with_it(ada: Browser, stranger: Browser) -> None:
    link = link_on(ada.post(PAGE + "invite/", {"name": "olga", "role": "analyst"}))
    assert accounts.role_of(user("olga")) is Role.ANALYST
    assert "Invited" in text_of(ada.get(PAGE))
    assert link not in text_of(ada.get(PAGE))
    assert "olga" in text_of(stranger.get(link))
    assert stranger.post(link, {"password": NEW_PASSWORD, "again": "another"}).status_code == 400
    assert "too short" in text_of(stranger.post(link, {"password": "short", "again": "short"}))
    assert stranger.post(link, {"password": NEW_PASSWORD, "again": NEW_PASSWORD})["Location"] == "/login/"
    assert user("olga").check_password(NEW_PASSWORD)
    assert stranger.get(link).status_code == 410
    assert stranger.post(link, {"password": PASSWORD, "again": PASSWORD}).status_code == 410
    assert user("olga").check_password(NEW_PASSWORD)
    assert [action for action in audited() if action.startswith("staff.")] == ["staff.invited", "staff.password_set"]


def test_a_name_that_is_taken_or_odd_is_refused_in_words(ada: Browser) -> None:
    member_called("mia")
    for name, words in (("ada", "already"), ("mia", "already"), ("ADA", "already"), ("a b", "letters"), ("", "name")):
        page = ada.post(PAGE + "invite/", {"name": name, "role": "admin"})
        assert page.status_code == 400
        assert words in text_of(page)


def test_a_link_of_nobody_of_a_member_or_of_who_is_shut_out_says_only_that_it_does_not_work(
    ada: Browser, olga: Browser, stranger: Browser
) -> None:
    link = link_on(ada.post(f"{PAGE}{user('olga').pk}/link/"))
    change(ada, "olga", "disable")
    for address in (link, "/login/password/MTI/no-token/", "/login/password/!/x/"):
        page = stranger.get(address)
        assert page.status_code == 410
        assert "olga" not in text_of(page)


def test_a_new_link_leaves_the_old_password_until_it_is_used(ada: Browser, olga: Browser, stranger: Browser) -> None:
    link = link_on(ada.post(f"{PAGE}{user('olga').pk}/link/"))
    assert user("olga").check_password(PASSWORD)
    assert olga.get("/admin_dashboard/").status_code == 200
    stranger.post(link, {"password": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert user("olga").check_password(NEW_PASSWORD)
    assert olga.get("/admin_dashboard/").status_code == 302


def test_who_is_shut_out_is_signed_out_at_once_and_may_be_let_in_again(ada: Browser, olga: Browser) -> None:
    assert change(ada, "olga", "disable").status_code == 200
    assert olga.get("/admin_dashboard/").status_code == 302
    assert "Shut out" in text_of(ada.get(PAGE))
    change(ada, "olga", "enable")
    assert user("olga").is_active
    assert audited()[-2:] == ["staff.disabled", "staff.enabled"]


def test_another_role_ends_the_sessions_and_takes_every_power_of_the_old_one(ada: Browser) -> None:
    second = get_user_model().objects.create_superuser("second", password=PASSWORD)
    theirs = signed_in(second)
    assert change(ada, "second", "role", role="auditor").status_code == 200
    assert theirs.get("/admin_dashboard/").status_code == 302
    assert accounts.role_of(user("second")) is Role.AUDITOR
    assert not user("second").is_staff


def test_who_is_signed_in_and_sets_a_new_password_is_told_so(ada: Browser, olga: Browser) -> None:
    session = olga.session
    session["touched_at"] = 0  # the next request writes the session back
    session.save()
    link = link_on(ada.post(f"{PAGE}{user('olga').pk}/link/"))
    assert olga.post(link, {"password": NEW_PASSWORD, "again": NEW_PASSWORD})["Location"] == "/login/"
    assert olga.get("/admin_dashboard/").status_code == 302


def test_nobody_changes_their_own_standing(ada: Browser) -> None:
    staff_user("second", Role.ADMIN)
    for do, fields in (("disable", {}), ("end", {}), ("factor", {}), ("role", {"role": "analyst"})):
        said = change(ada, "ada", do, **fields)
        assert said.status_code == 409
        assert "your own" in said.json()["message"]
    assert accounts.role_of(user("ada")) is Role.ADMIN


@pytest.mark.django_db(transaction=True)
def test_the_last_administrator_who_can_sign_in_stays_one() -> None:
    """Whoever asks: a command line, or an administrator who was shut out a moment ago."""
    one = staff_user("one", Role.ADMIN)
    invited = staff.invite("two", Role.ADMIN, actor=Actor(ActorKind.STAFF, "one", one.pk)).user
    asker = Actor(ActorKind.STAFF, "two", invited.pk)
    for done in (staff.disable(one.pk, actor=asker), staff.set_role(one.pk, Role.AUDITOR, actor=asker)):
        assert "last administrator" in done.refused
    one.refresh_from_db()
    assert one.is_active
    assert accounts.role_of(one) is Role.ADMIN


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_at_once_leave_one() -> None:
    pair = [staff_user(name, Role.ADMIN) for name in ("one", "two")]
    both = Barrier(2)

    def demote(me: Any, other: Any) -> str:
        try:
            both.wait(10)
            actor = Actor(ActorKind.STAFF, me.get_username(), me.pk)
            return staff.set_role(other.pk, Role.AUDITOR, actor=actor).refused
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        refused = list(pool.map(demote, pair, pair[::-1]))
    assert sorted(map(bool, refused)) == [False, True]
    assert sorted(str(accounts.role_of(user(one.username))) for one in pair) == ["admin", "auditor"]


def test_an_app_that_is_forgotten_is_set_up_again_at_the_next_sign_in(ada: Browser, olga: Browser) -> None:
    Authenticator.objects.create(user=user("olga"), seed="0" * 64, key_id="k", confirmed_at=timezone.now())
    assert "second step since" in text_of(ada.get(PAGE))
    change(ada, "olga", "factor")
    assert not Authenticator.objects.exists()
    assert olga.get("/admin_dashboard/").status_code == 302


def test_members_are_not_staff_and_cannot_be_touched_here(ada: Browser) -> None:
    member = accounts.user_for(member_called("mia"))
    assert "mia" not in text_of(ada.get(PAGE)).split("<main")[1]
    assert change(ada, member.username, "disable").status_code == 404
    assert get_user_model().objects.get(pk=member.pk).is_active


def test_the_page_asks_the_same_number_of_questions_however_many_work_here(
    ada: Browser, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        staff_user(f"person-{number}", Role.ANALYST)
    with django_assert_max_num_queries(16):
        ada.get(PAGE)


def test_who_only_reads_sees_no_forms(auditor: Browser, olga: Browser) -> None:
    shown = text_of(auditor.get(PAGE)).split("<main")[1].split("</main>")[0]
    assert "<form" not in shown
    assert olga.get(PAGE).status_code == 403
