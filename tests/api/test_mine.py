from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection.kernel.vocabulary import LockState, Severity
from detection.models import Contact, Device, Dispute, Notification, OtpChallenge
from detection.response import codes
from tests.api.conftest import Caller, member_called
from tests.api.test_alerts import raised
from tests.api.test_events import problem
from tests.cast import happened, judge_all, report

INTERNALS = {"detectors", "risk_score", "suggested_actions", "assignee", "subject", "disposition"}


@pytest.fixture
def locked_mia(mia: Caller, shop: Caller) -> Caller:
    Contact.objects.create(member=member_called("mia"), kind=Contact.EMAIL, value="mia@example.com")
    assert shop.post("members/mia/lock/", {"reason": "our own rule"}).status_code == 200
    return mia


def test_a_member_chooses_by_which_ways_they_are_told(mia: Caller) -> None:
    Contact.objects.create(member=member_called("mia"), kind=Contact.EMAIL, value="mia@example.com")
    security, questions, news = mia.get("me/preferences/").json()["topics"]
    assert security == {"topic": "security", "channels": ["email"], "offered": ["email"], "needs_one": True}
    assert (questions["channels"], news["channels"]) == (["email"], [])
    changed = mia.put("me/preferences/", {"questions": [], "news": ["email"]}).json()["topics"]
    assert [topic["channels"] for topic in changed] == [["email"], [], ["email"]]
    assert mia.get("me/preferences/").json()["topics"] == changed
    content = problem(mia.put("me/preferences/", {"security": []}), 400)
    assert content["errors"][0]["pointer"] == "/security"
    problem(mia.put("me/preferences/", {"security": ["pigeon"]}), 400)


def asked(caller: Caller) -> dict[str, Any]:
    response = caller.post("me/unlock/", {"channel": "email"})
    assert response.status_code == 201, response.content
    content: dict[str, Any] = response.json()
    return content


def code_of(challenge_id: str) -> str:
    return codes.code_for(OtpChallenge.objects.get(pk=challenge_id))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_a_member_sees_their_own_state(mia: Caller) -> None:
    content = mia.get("me/").json()
    assert content["member_id"] == "mia"
    assert content["lock"] is None
    assert content["health"]["band"] in ("good", "fair")


def test_a_member_sees_own_alerts_without_what_staff_see(mia: Caller, sam: Caller) -> None:
    raised(0)
    raised(1, member="sam")
    content = mia.get("me/alerts/").json()
    assert [alert["title"] for alert in content["results"]] == ["Alert 0"]
    assert not INTERNALS & set(content["results"][0])


def test_a_member_sees_own_events_devices_and_notices_only(mia: Caller, sam: Caller) -> None:
    report(
        happened("login.succeeded", "mia", session_id="s-1", device_id="d-1", ip="81.2.69.142"),
        happened("login.succeeded", "sam", session_id="s-2", device_id="d-2", ip="81.2.69.142"),
    )
    judge_all()
    for name in ("mia", "sam"):
        member = member_called(name)
        Device.objects.get_or_create(
            member=member, device_id=f"{name}-pad", first_seen_at=timezone.now(), last_seen_at=timezone.now()
        )
        Notification.objects.create(member=member, channel="page", kind="lock.placed", title=f"for {name}")
    events = mia.get("me/events/").json()["results"]
    assert [event["device_id"] for event in events] == ["d-1"]
    assert not {"signals", "risk_score", "seen", "metadata", "payment"} & set(events[0])
    assert "mia-pad" in [device["device_id"] for device in mia.get("me/devices/").json()["results"]]
    assert "sam-pad" not in mia.get("me/devices/").content.decode()
    assert [notice["title"] for notice in mia.get("me/notifications/").json()["results"]] == ["for mia"]


def test_a_member_s_feed_has_own_frames_only(mia: Caller, olga: Caller, sam: Caller) -> None:
    ours, theirs = raised(0), raised(1, member="sam")
    for alert in (ours, theirs):
        olga.post(f"alerts/{alert.pk}/acknowledge/")
    content = mia.get("me/feed/").json()
    assert content["results"]
    assert "sam" not in str(content)
    assert "Alert 1" not in str(content)


def test_this_was_not_me_raises_the_alert_and_locks(mia: Caller) -> None:
    alert = raised(0, severity=Severity.MEDIUM)
    response = mia.post(f"me/alerts/{alert.pk}/dispute/")
    assert response.status_code == 200, response.content
    content = response.json()
    assert content["reference"].startswith("SR-")
    assert content["lock"]["state"] == LockState.LOCKED
    alert.refresh_from_db()
    assert alert.disputed
    assert alert.severity == "high"
    assert mia.post(f"me/alerts/{alert.pk}/dispute/").json()["reference"] == content["reference"]
    assert problem(mia.post(f"me/alerts/{alert.pk}/confirm/"), 409)["code"] == "disputed"


def test_it_was_me_closes_the_alert(mia: Caller) -> None:
    alert = raised(0)
    assert mia.post(f"me/alerts/{alert.pk}/confirm/").status_code == 200
    alert.refresh_from_db()
    assert (alert.status, alert.disposition) == ("resolved", "false_positive")


@pytest.mark.parametrize("verb", ["dispute", "confirm"])
def test_another_s_alert_is_as_if_it_were_not(mia: Caller, sam: Caller, verb: str) -> None:
    alert = raised(0, member="sam")
    other = mia.post(f"me/alerts/{alert.pk}/{verb}/")
    none = mia.post(f"me/alerts/00000000-0000-0000-0000-000000000000/{verb}/")
    assert problem(other, 404) == problem(none, 404)
    assert Dispute.objects.count() == 0


def test_a_code_unlocks_once(locked_mia: Caller) -> None:
    challenge = asked(locked_mia)
    assert set(challenge) == {"challenge_id", "sent_to", "expires_at", "resend_after"}
    assert challenge["sent_to"] == "m•••@example.com"
    code = code_of(challenge["challenge_id"])
    answer = {"challenge_id": challenge["challenge_id"], "code": code}
    response = locked_mia.post("me/unlock/verify/", answer)
    assert response.status_code == 200
    assert response.json()["lock"] is None
    assert locked_mia.get("me/").json()["lock"] is None
    problem(locked_mia.post("me/unlock/verify/", answer), 410)


def test_five_wrong_codes_are_told_and_the_sixth_is_too_late(locked_mia: Caller) -> None:
    challenge = asked(locked_mia)["challenge_id"]
    bad = {"challenge_id": challenge, "code": wrong(code_of(challenge))}
    for left in (4, 3, 2, 1, 0):
        content = problem(locked_mia.post("me/unlock/verify/", bad), 400)
        assert content["attempts_left"] == left
        assert bad["code"] not in str(content)
    problem(locked_mia.post("me/unlock/verify/", {**bad, "code": code_of(challenge)}), 410)


def test_another_s_code_and_an_unknown_one_are_404(locked_mia: Caller, sam: Caller) -> None:
    challenge = asked(locked_mia)["challenge_id"]
    for which in (challenge, "0" * 32):
        problem(sam.post("me/unlock/verify/", {"challenge_id": which, "code": "00000000"}), 404)
    assert OtpChallenge.objects.get().attempts == 0


def test_another_code_too_soon_is_429_and_says_when(locked_mia: Caller) -> None:
    asked(locked_mia)
    response = locked_mia.post("me/unlock/", {"channel": "email"})
    assert problem(response, 429)["code"] == "too-soon"
    assert 1 <= int(response["Retry-After"]) <= 90


def test_a_code_without_a_lock_or_without_a_safe_address_is_409(mia: Caller, shop: Caller) -> None:
    assert problem(mia.post("me/unlock/", {"channel": "email"}), 409)["code"] == "not-locked"
    shop.post("members/mia/lock/", {"reason": "our own rule"})
    assert problem(mia.post("me/unlock/", {"channel": "email"}), 409)["code"] == "no-safe-channel"
    problem(mia.post("me/unlock/", {"channel": "pigeon"}), 400)


def test_a_member_with_a_password_signs_in_again_before_asking(locked_mia: Caller) -> None:
    user = member_called("mia").user
    assert user is not None
    user.set_password("a long enough secret")
    user.save()
    locked_mia.browser.force_login(user)
    session = locked_mia.browser.session
    session["signed_in_at"] = time.time() - timedelta(minutes=31).total_seconds()
    session.save()
    assert problem(locked_mia.post("me/unlock/", {"channel": "email"}), 403)["code"] == "sign-in-again"
    locked_mia.browser.force_login(user)
    asked(locked_mia)


@pytest.mark.parametrize(
    "body", [{}, {"challenge_id": "x"}, {"challenge_id": "x", "code": 12345678}, {"challenge_id": "\x00", "code": "1"}]
)
def test_a_fault_in_an_answer_is_400(locked_mia: Caller, body: Any) -> None:
    problem(locked_mia.post("me/unlock/verify/", body), 400)


def test_codes_entered_in_a_hurry_are_slowed(locked_mia: Caller, settings: Any) -> None:
    settings.API_RATES = {"code": (1, 3)}
    statuses = [locked_mia.post("me/unlock/verify/", {"challenge_id": "x", "code": "1"}).status_code for _ in range(5)]
    assert statuses == [404, 404, 404, 429, 429]
