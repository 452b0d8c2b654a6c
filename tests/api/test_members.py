from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from detection.models import Contact, Member, PortalToken
from tests.api.conftest import Caller, key_of, member_called
from tests.api.test_events import problem


def test_an_imported_member_has_contacts_that_are_never_shown_whole(shop: Caller) -> None:
    response = shop.put("members/mia/", {"email": "mia@example.com", "locale": "en", "time_zone": "Europe/London"})
    assert response.status_code == 200
    assert response.json() == {"member_id": "mia", "status": "accepted"}
    shown = shop.get("members/mia/")
    assert shown.json()["member_id"] == "mia"
    assert shown.json()["lock"] is None
    assert set(shown.json()["health"]) == {"score", "band", "reasons", "suggestions"}
    assert "mia@example.com" not in shown.content.decode()
    assert Contact.objects.get().value == "mia@example.com"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_many_members_are_imported_and_each_is_told_of(shop: Caller, method: str) -> None:
    members = [{"member_id": f"m{number}", "email": f"m{number}@example.com"} for number in range(450)]
    response = shop(
        method, "members/", {"members": [*members, {"member_id": "bad", "email": "no"}, {"email": "a@b.co"}]}
    )
    assert response.status_code == 200, response.content
    told = response.json()
    assert (told["accepted"], told["rejected"]) == (450, 2)
    assert told["results"][450]["errors"][0]["pointer"] == "/email"
    assert Member.objects.count() == 450


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "nonsense"}, "/email"),
        ({"member_id": "sam"}, "/member_id"),
        ({"is_staff": True}, "/is_staff"),
        ({"created_at": "then"}, "/created_at"),
        ([], ""),
        ({"locale": 5}, "/locale"),
    ],
)
def test_a_fault_in_a_member_is_400_with_a_pointer(shop: Caller, body: Any, pointer: str) -> None:
    content = problem(shop.put("members/mia/", body), 400)
    assert content["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    "body", [{}, {"members": []}, {"members": {}}, {"members": [{}] * 501}, [], {"members": [1], "x": 1}]
)
def test_a_list_of_members_has_one_to_five_hundred(shop: Caller, body: Any) -> None:
    assert problem(shop.put("members/", body), 400)["errors"][0]["pointer"] == "/members"


def test_names_with_slashes_are_reachable(shop: Caller) -> None:
    name = "a/b lock/ü?"
    assert shop.put(f"members/{quote(name, safe='')}/", {"email": "mia@example.com"}).status_code == 200
    assert shop.get(f"members/{quote(name, safe='')}/").json()["member_id"] == name
    assert shop.post(f"members/{quote(name, safe='')}/lock/", {"reason": "asked"}).status_code == 200


def test_staff_lock_with_a_reason_and_only_staff_lift_it(olga: Caller, mia: Caller) -> None:
    locked = olga.post("members/mia/lock/", {"reason": "stolen card", "scope": "everything"})
    assert locked.status_code == 200
    lock = locked.json()["lock"]
    assert (lock["state"], lock["scopes"], lock["by"], lock["self_unlock"]) == (
        "locked",
        ["everything"],
        "staff",
        False,
    )
    assert lock["reason"]["text"] == "stolen card"
    end = datetime.fromisoformat(lock["expires_at"])
    assert timedelta(hours=23) < end - datetime.now(UTC) < timedelta(hours=25)
    assert problem(mia.post("me/unlock/", {"channel": "email"}), 409)["code"] == "staff-lock"
    unlocked = olga.post("members/mia/unlock/", {"reason": "it was found"})
    assert unlocked.status_code == 200
    assert unlocked.json()["lock"] is None
    assert unlocked.json()["health"]["score"] > locked.json()["health"]["score"]
    assert problem(olga.post("members/mia/unlock/", {"reason": "again"}), 409)["code"] == "not-locked"
    back = olga.post(f"actions/{unlocked.json()['action_id']}/undo/")
    assert back.status_code == 200, back.content
    was, now = locked.json()["lock"], back.json()["lock"]
    assert {**now, "version": was["version"]} == was
    assert problem(olga.post(f"actions/{unlocked.json()['action_id']}/undo/"), 409)["code"] == "late"


def test_staff_may_restrict_and_may_lock_without_an_end(olga: Caller, mia: Caller) -> None:
    restricted = olga.post("members/mia/lock/", {"reason": "odd", "state": "restricted", "expires_at": None}).json()
    assert restricted["lock"]["state"] == "restricted"
    assert restricted["lock"]["expires_at"] is None


def test_the_shop_locks_and_unlocks_with_its_scopes(shop: Caller) -> None:
    member_called("mia")
    lock = shop.post("members/mia/lock/", {"reason": "our own rule"}).json()["lock"]
    assert (lock["by"], lock["scopes"], lock["self_unlock"]) == ("shop", ["payments"], True)
    assert shop.post("members/mia/unlock/", {"reason": "sorted"}).json()["lock"] is None
    problem(shop.post("members/mia/lock/", {"reason": "x", "expires_at": None}), 400)
    locker = Caller(key=key_of("shop", "members:lock"))
    problem(locker.post("members/mia/unlock/", {"reason": "x"}), 403)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x", "scope": "all"}, "/scope"),
        ({"reason": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"reason": "x", "expires_at": 5}, "/expires_at"),
        ({"reason": "x", "self_unlock": True}, "/self_unlock"),
        ({"reason": "x", "state": "clear"}, "/state"),
    ],
)
def test_a_lock_needs_a_reason_and_takes_nothing_it_does_not_know(olga: Caller, body: Any, pointer: str) -> None:
    member_called("mia")
    assert problem(olga.post("members/mia/lock/", body), 400)["errors"][0]["pointer"] == pointer
    assert olga.get("members/mia/").json()["lock"] is None


def test_nobody_lifts_their_own_lock_as_staff(olga: Caller) -> None:
    member = member_called("olga-shops-too")
    member.user = olga.browser.session["_auth_user_id"] and _user(olga)
    member.save()
    for verb in ("lock", "unlock"):
        assert problem(olga.post(f"members/olga-shops-too/{verb}/", {"reason": "me"}), 403)["code"] == "own-account"


def _user(caller: Caller) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(pk=caller.browser.session["_auth_user_id"])


@pytest.mark.parametrize("path", ["members/nobody/", "members/x%00y/"])
def test_a_member_who_is_not_there_is_404(olga: Caller, path: str) -> None:
    problem(olga.get(path), 404)
    problem(olga.post(f"{path}lock/", {"reason": "x"}), 404)


def test_a_portal_link_is_on_the_host_that_was_asked_and_keeps_no_token(shop: Caller) -> None:
    member_called("mia")
    for body in ({}, None):
        response = shop("POST", "members/mia/portal-session/", body, Host="127.0.0.1:8123")
        assert response.status_code == 201, response.content
    content = response.json()
    assert content["url"].startswith("http://127.0.0.1:8123/portal/")
    assert content["url"].endswith("/")
    token = content["url"].rstrip("/").rpartition("/")[2]
    assert not PortalToken.objects.filter(digest=token).exists()
    assert PortalToken.objects.count() == 2
    problem(shop.post("members/nobody/portal-session/"), 404)
