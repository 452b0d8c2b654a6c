"""A large payment is refused, its owner is locked, told, and lets themselves back in."""

from __future__ import annotations

import pytest

from tests.flows.stage import (
    Screen,
    Shop,
    anybody,
    at_home,
    happened,
    large_payment,
    mails_to,
    newest_code,
    submit,
)
from tests.live import LiveSystem, eventually

pytestmark = pytest.mark.slow


def test_a_denied_payment_locks_and_a_code_from_the_mail_lets_back_in(live_system: LiveSystem, shop: Shop) -> None:
    mia = anybody()
    address = shop.knows(mia)
    page = at_home(shop, mia)
    assert page.get("/api/v1/me/").json()["health"]["score"] == 100
    with Screen(live_system, "/ws/member/", page) as screen:
        decision = shop.decide(large_payment(mia))
        assert decision["verdict"] == "deny"
        assert decision["lock"]["state"] == "locked"
        assert decision["alert_id"]
        assert any(reason["code"] == "large-transaction-new-device" for reason in decision["reasons"])
        locked = screen.said("member.locked", member_id=mia)
        assert locked["lock"] == decision["lock"] == page.get("/api/v1/me/").json()["lock"]
        sunk = screen.said("health.changed")["health"]["score"]
        assert screen.said("notice.created")["notification"]["title"]
        assert "locked" in page.get("/member/").text.lower()
        eventually(lambda: any("locked" in mail for mail in mails_to(live_system, address)))

        asked = page.post("/api/v1/me/unlock/", json={"channel": "email"})
        assert asked.status_code == 201, asked.text
        assert asked.json()["sent_to"] == f"{mia[0]}•••@example.com"
        code = newest_code(live_system, address)
        wrong = page.post(
            "/api/v1/me/unlock/verify/",
            json={"challenge_id": asked.json()["challenge_id"], "code": f"{(int(code) + 1) % 10**8:08}"},
        )
        assert (wrong.status_code, wrong.json()["attempts_left"]) == (400, 4)
        right = page.post(
            "/api/v1/me/unlock/verify/", json={"challenge_id": asked.json()["challenge_id"], "code": code}
        )
        assert right.status_code == 200, right.text
        screen.said("member.unlocked", member_id=mia, lock=None)
        risen = screen.until(lambda frame: frame["kind"] == "health.changed" and frame["health"]["score"] > sunk)
        assert page.get("/api/v1/me/").json()["health"] == risen["health"]
    assert page.get("/api/v1/me/").json()["lock"] is None
    again = page.post("/api/v1/me/unlock/verify/", json={"challenge_id": asked.json()["challenge_id"], "code": code})
    assert again.status_code == 410
    home = happened(
        "transaction.attempted", mia, amount="20.00", currency="EUR", device_id="mia-phone", session_id="s-2"
    )
    assert shop.decide(home)["verdict"] == "allow"


def test_the_pages_alone_lead_back_in_without_a_script(live_system: LiveSystem, shop: Shop) -> None:
    sam = anybody("sam")
    address = shop.knows(sam)
    page = at_home(shop, sam)
    shop.decide(large_payment(sam))
    assert "/member/unlock/" in page.get("/member/").text
    sent = page.post("/member/unlock/send/", data={"csrfmiddlewaretoken": page.cookies["csrftoken"]})
    assert sent.status_code == 302
    code = newest_code(live_system, address)
    shown = page.get("/member/unlock/").text
    challenge = shown.split('name="challenge_id"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    spaced = f"{code[:4]} {code[4:]}"
    entered = submit(page, "/member/unlock/", challenge_id=challenge, code=spaced)
    assert (entered.status_code, entered.headers["location"]) == (302, "/member/")
    assert "unlocked" in page.get("/member/").text
    assert shop.member(sam)["lock"] is None


def test_a_locked_scope_refuses_payments_and_nothing_else(live_system: LiveSystem, shop: Shop) -> None:
    mia = anybody()
    shop.decide(large_payment(mia))
    here = {"device_id": "mia-phone", "session_id": "s-3"}
    small = {"amount": "5.00", "currency": "EUR"}
    refused = happened("transaction.attempted", mia, **small, **here)
    answer = shop.decide(refused)
    assert answer["verdict"] == "deny"
    assert any(reason["code"] == "member-locked" for reason in answer["reasons"])
    assert shop.decide(refused) == answer
    for kind in ("page.viewed", "session.started", "logout", "password.reset_requested", "login.succeeded"):
        assert shop.decide(happened(kind, mia, **here))["verdict"] == "allow", kind
    assert shop.get(f"events/{refused['event_id']}/")["verdict"] == "deny"
