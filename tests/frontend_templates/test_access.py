"""Who may open what: every address has a row here, and a new one fails until it gets one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import reverse

from detection.response import accounts, lists, trials
from frontend_templates.urls import urlpatterns
from tests.frontend_templates.conftest import OLGA, member_called, raised, signed_in, text_of

STAFF_PAGES = [
    "overview",
    "locked",
    "gallery",
    "search",
    "entity",
    "counts",
    "export",
    "desk",
    "feed",
    "alert",
    "member_file",
    "rules",
    "rule",
    "rule_backtest",
    "presets",
    "lists",
    "list_entry",
    "money",
    "export_money",
    "models",
    "audit",
    "health",
    "storms",
]
STAFF_ACTIONS = [
    "acknowledge", "resolve", "override", "escalate", "reopen", "comment", "undo", "lock_member", "unlock_member",
    "assign", "snooze", "looking", "keep_view", "let_view_go",
]  # fmt: skip
ADMIN_ACTIONS = [
    "bulk",
    "undo_bulk",
    "put_on_list",
    "take_off_list",
    "replay",
    "settle_storm",
    "approve_storm",
    "withdraw_storm",
    "rollback_rule",
    "backtest_rule",
    "apply_preset",
    "undo_preset",
    "add_entry",
    "import_entries",
    "remove_entry",
    "restore_entry",
]
MEMBER_PAGES = ["member", "question", "safety", "activity", "notices"]
MEMBER_FORMS = ["unlock", "two_step"]
MEMBER_ACTIONS = ["unlock_send", "unlock_password", "dispute", "confirm", "end_others"]
MEMBER_ACTIONS += ["end_session", "name_device", "forget_device", "dispute_event", "dismiss"]
PUBLIC = ["home", "login", "logout", "portal", "mail_answer", "again", "second_step", "face_style", "face_logo"]
#: Who may open these stands in the access matrix alone (tests/security).
IN_THE_MATRIX = ["face", "messages", "replay_messages", "change_carrier", "test_carrier", "preferences"]
IN_THE_MATRIX += ["webhooks", "webhook", "create_webhook", "change_webhook", "test_webhook", "rotate_webhook"]
IN_THE_MATRIX += ["replay_webhook", "remove_webhook", "promote_model", "rollback_model", "train_models"]
IN_THE_MATRIX += ["keys", "create_key", "rotate_key", "revoke_key", "restore_key", "settings", "new_password"]
IN_THE_MATRIX += ["staff", "invite", "change_staff", "new_link", "add_remark", "remove_remark"]
DEMO_ONLY = ["outbox", "register", "simulate"]
ALERT_ROUTES = {
    "alert",
    "acknowledge",
    "resolve",
    "override",
    "escalate",
    "reopen",
    "comment",
    "assign",
    "snooze",
    "looking",
}
MEMBER_ROUTES = {"member_file", "lock_member", "unlock_member"}

OTHER_ARGUMENTS: dict[str, list[Any]] = {
    "dismiss": ["set-up-app"],
    "dispute_event": [uuid4()],
    **{name: [1] for name in ("end_session", "name_device", "forget_device", "face_style", "face_logo")},
    "rule": ["failed-login-burst"],
    "apply_preset": ["retail"],
    "undo_preset": [uuid4()],
    "remove_entry": [1],
    "restore_entry": [1],
    "entity": ["device", "d-1"],
    "put_on_list": ["device", "d-1"],
    "take_off_list": [1, "device", "d-1"],
    "export": ["csv"],
    "let_view_go": [1],
}


@pytest.fixture
def address(db: None) -> Any:
    """Where a page is, about mia and her alert."""
    alert = raised(1, member="mia")

    def of(name: str) -> str:
        if name in ALERT_ROUTES or name in {"question", "dispute", "confirm"}:
            return reverse(f"pages:{name}", args=[alert.pk])
        if name == "rule_backtest":
            trial = trials.ask("failed-login-burst", actor=OLGA, state="off").trial
            return reverse("pages:rule_backtest", args=["failed-login-burst", trial.pk if trial else uuid4()])
        if name == "list_entry":
            line = lists.add({"effect": "watch", "kind": "device", "value": "d-1", "reason": "x"}, actor=OLGA)
            return reverse("pages:list_entry", args=[line.entry.pk if line.entry else 0])
        if name in OTHER_ARGUMENTS:
            return reverse(f"pages:{name}", args=OTHER_ARGUMENTS[name])
        if name in MEMBER_ROUTES:
            return reverse(f"pages:{name}", args=["mia"])
        if name in ADMIN_ACTIONS and name.endswith("_rule"):
            return reverse(f"pages:{name}", args=["failed-login-burst"])
        if name in {"undo", "approve_storm", "withdraw_storm"}:
            return reverse(f"pages:{name}", args=[uuid4()])
        return reverse(f"pages:{name}", args=["token"] if name in {"portal", "mail_answer"} else [])

    return of


def test_every_address_has_a_row() -> None:
    rows = [STAFF_PAGES, STAFF_ACTIONS, ADMIN_ACTIONS, MEMBER_PAGES, MEMBER_FORMS, MEMBER_ACTIONS, PUBLIC, DEMO_ONLY]
    rows.append(IN_THE_MATRIX)
    assert sorted(name for row in rows for name in row) == sorted(str(pattern.name) for pattern in urlpatterns)


@pytest.mark.parametrize("name", STAFF_PAGES + MEMBER_PAGES + MEMBER_FORMS)
def test_a_stranger_is_sent_to_sign_in_and_back(name: str, stranger: Browser, address: Any) -> None:
    response = stranger.get(address(name))
    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={address(name)}"


@pytest.mark.parametrize("name", STAFF_ACTIONS + ADMIN_ACTIONS + MEMBER_ACTIONS)
def test_a_stranger_changes_nothing(name: str, stranger: Browser, address: Any) -> None:
    response = stranger.post(address(name), {"reason": "x", "note": "x", "disposition": "benign"})
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")


@pytest.mark.parametrize("name", STAFF_PAGES)
def test_staff_read_every_page_of_theirs(
    name: str, olga: Browser, ada: Browser, auditor: Browser, address: Any
) -> None:
    for browser in (olga, ada, auditor):
        expected = 403 if name == "audit" and browser is olga else 200  # the trail is for who answers for it
        assert browser.get(address(name)).status_code == expected


@pytest.mark.parametrize("name", STAFF_PAGES)
def test_a_member_is_told_that_a_page_is_for_staff(name: str, mia: Browser, address: Any) -> None:
    response = mia.get(address(name))
    assert response.status_code == 403
    assert "security staff" in text_of(response)


@pytest.mark.parametrize("name", STAFF_ACTIONS + ADMIN_ACTIONS)
def test_a_member_does_nothing_that_staff_do(name: str, mia: Browser, address: Any) -> None:
    assert mia.post(address(name), {"reason": "x", "note": "x", "disposition": "benign"}).status_code == 403


@pytest.mark.parametrize("name", STAFF_ACTIONS + ADMIN_ACTIONS)
def test_an_auditor_reads_and_never_writes(name: str, auditor: Browser, address: Any) -> None:
    response = auditor.post(address(name), {"reason": "x", "note": "x", "disposition": "benign"})
    assert response.status_code == 403


def test_only_an_admin_plays_dead_letters_again(olga: Browser, ada: Browser, address: Any) -> None:
    assert olga.post(address("replay")).status_code == 403
    assert ada.post(address("replay")).status_code == 302


@pytest.mark.parametrize("name", STAFF_ACTIONS + ADMIN_ACTIONS)
def test_staff_act_by_post_alone(name: str, ada: Browser, address: Any) -> None:
    assert ada.get(address(name)).status_code == 405


@pytest.mark.parametrize("name", MEMBER_ACTIONS)
def test_a_member_acts_by_post_alone(name: str, mia: Browser, address: Any) -> None:
    assert mia.get(address(name)).status_code == 405


@pytest.mark.parametrize("name", MEMBER_PAGES + MEMBER_FORMS)
def test_a_member_reads_their_own_pages(name: str, mia: Browser, address: Any) -> None:
    assert mia.get(address(name)).status_code == 200


@pytest.mark.parametrize("name", MEMBER_PAGES + MEMBER_FORMS)
def test_staff_are_told_kindly_that_a_page_is_a_members(name: str, olga: Browser, address: Any) -> None:
    response = olga.get(address(name))
    assert response.status_code == 403
    assert "signed in as staff" in text_of(response)


@pytest.mark.parametrize("name", ["question", "dispute", "confirm"])
def test_anothers_alert_is_as_if_it_were_not_there(name: str, sam: Browser, address: Any) -> None:
    method = sam.get if name == "question" else sam.post
    assert method(address(name)).status_code == 404
    assert method(reverse(f"pages:{name}", args=[uuid4()])).status_code == 404


@pytest.mark.parametrize("name", DEMO_ONLY)
def test_outside_the_demo_its_pages_do_not_exist(name: str, mia: Browser, address: Any) -> None:
    assert mia.get(address(name)).status_code == 404
    assert mia.post(address(name)).status_code == 404


@pytest.mark.parametrize("name", DEMO_ONLY)
def test_the_demos_pages_are_for_this_machine_alone(name: str, mia: Browser, address: Any, settings: Any) -> None:
    settings.DEMO = True
    assert mia.get(address(name), REMOTE_ADDR="192.0.2.7").status_code == 404
    assert mia.get(address(name), headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404


def test_a_disabled_member_is_a_stranger(db: None, address: Any) -> None:
    user = accounts.user_for(member_called("sam"))
    browser = signed_in(user)
    user.is_active = False
    user.save()
    assert browser.get("/member/").status_code == 302


def test_a_write_without_its_csrf_token_is_refused_in_words(db: None, address: Any) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(accounts.user_for(member_called("mia")))
    response = browser.post(address("dispute"))
    assert response.status_code == 403
    assert "load the page again" in text_of(response)


def test_an_unknown_page_is_a_friendly_404(stranger: Browser) -> None:
    response = stranger.get("/nowhere/")
    assert response.status_code == 404
    assert "Nothing here" in text_of(response)


def test_a_member_id_may_hold_anything(olga: Browser, mia: Browser) -> None:
    odd = "a/b c?d#e%20é"
    member_called(odd)
    response = olga.get(reverse("pages:member_file", args=[odd]))
    assert response.status_code == 200
    done = olga.post(reverse("pages:lock_member", args=[odd]), {"reason": "x", "scope": "payments", "length": "24"})
    assert done.status_code == 302
    assert olga.get(done["Location"]).status_code == 200
