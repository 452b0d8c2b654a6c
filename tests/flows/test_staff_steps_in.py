"""Staff look, lock, unlock, override and escalate; the member sees it happen."""

from __future__ import annotations

import httpx
import pytest

from tests.flows.stage import Screen, Shop, anybody, at_home, happened, large_payment
from tests.live import LiveSystem

pytestmark = pytest.mark.slow


def test_a_lock_by_staff_shows_at_once_and_only_staff_lift_it(
    live_system: LiveSystem, shop: Shop, olga: httpx.Client
) -> None:
    sam = anybody("sam")
    shop.knows(sam)
    page = at_home(shop, sam)
    with Screen(live_system, "/ws/member/", page) as screen, Screen(live_system, "/ws/alerts/", olga) as console:
        unasked = olga.post(f"/api/v1/members/{sam}/lock/", json={})
        assert unasked.status_code == 400
        assert unasked.json()["errors"][0]["pointer"] == "/reason"
        placed = olga.post(f"/api/v1/members/{sam}/lock/", json={"reason": "He called: his phone was stolen."})
        assert placed.status_code == 200, placed.text
        lock = placed.json()["lock"]
        assert (lock["state"], lock["scopes"], lock["by"], lock["self_unlock"]) == (
            "locked",
            ["payments"],
            "staff",
            False,
        )
        assert screen.said("member.locked")["lock"] == console.said("member.locked", member_id=sam)["lock"] == lock
        refused = page.post("/api/v1/me/unlock/", json={"channel": "email"})
        assert (refused.status_code, refused.json()["code"]) == (409, "staff-lock")
        payment = happened("transaction.attempted", sam, amount="9.00", currency="EUR", session_id="s-1")
        assert shop.decide(payment)["verdict"] == "deny"

        assert olga.post(f"/api/v1/members/{sam}/unlock/", json={}).status_code == 400
        lifted = olga.post(f"/api/v1/members/{sam}/unlock/", json={"reason": "The phone is back."})
        assert (lifted.status_code, lifted.json()["lock"]) == (200, None)
        screen.said("member.unlocked", lock=None)
        twice = olga.post(f"/api/v1/members/{sam}/unlock/", json={"reason": "Once more."})
        assert twice.status_code == 409


def test_an_override_resolves_and_unlocks_in_one_step(
    live_system: LiveSystem, shop: Shop, olga: httpx.Client, ada: httpx.Client
) -> None:
    mia = anybody()
    shop.knows(mia)
    page = at_home(shop, mia)
    alert = shop.decide(large_payment(mia))["alert_id"]
    with Screen(live_system, "/ws/member/", page) as screen, Screen(live_system, "/ws/alerts/", ada) as console:
        asked = {"disposition": "false_positive", "unlock": True, "note": "A present for her mother."}
        answer = olga.post(f"/api/v1/alerts/{alert}/resolve/", json=asked)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["status"], answer.json()["disposition"]) == ("resolved", "false_positive")
        screen.said("member.unlocked", lock=None)
        console.until(
            lambda frame: (
                frame["kind"] == "alert.changed"
                and (frame["alert"]["id"], frame["alert"]["status"]) == (alert, "resolved")
            )
        )
    late = ada.post(f"/api/v1/alerts/{alert}/resolve/", json={"disposition": "confirmed"})
    assert late.status_code == 409
    assert (late.json()["by"], late.json()["status"]) == ("olga", "resolved")
    assert olga.post(f"/api/v1/alerts/{alert}/resolve/", json=asked).status_code == 200
    trail = ada.get(f"/api/v1/alerts/{alert}/").json()["actions"]
    assert [(action["verb"], action["by"], action["note"]) for action in trail] == [
        ("resolve", "olga", "A present for her mother.")
    ]


def test_acknowledge_escalate_and_the_click_on_the_page(
    live_system: LiveSystem, shop: Shop, olga: httpx.Client, ada: httpx.Client
) -> None:
    sam = anybody("sam")
    alert = shop.decide(large_payment(sam))["alert_id"]
    assert olga.post(f"/api/v1/alerts/{alert}/acknowledge/", json={}).json()["status"] == "acknowledged"
    home = f"/admin_dashboard/alerts/{alert}/"
    click = {"csrfmiddlewaretoken": olga.cookies["csrftoken"], "note": "Over my head."}
    assert olga.post(f"{home}escalate/", data=click).status_code == 302
    shown = ada.get(home)
    assert shown.status_code == 200
    assert "Over my head." in shown.text
    assert ada.get(f"/api/v1/alerts/{alert}/").json()["status"] == "escalated"
    form = {"csrfmiddlewaretoken": ada.cookies["csrftoken"]}
    assert ada.post(f"{home}override/", data=form).status_code in (302, 400)
    assert shop.member(sam)["lock"] is not None, "an override without a reason was taken"
    assert ada.post(f"{home}override/", data={**form, "note": "Called him."}).status_code == 302
    assert shop.member(sam)["lock"] is None
    path = f"/admin_dashboard/lock/{sam}/"
    assert ada.post(path, data={**form, "reason": "Again.", "scope": "everything", "length": "24"}).status_code == 302
    assert shop.member(sam)["lock"]["scopes"] == ["everything"]
    assert ada.post(f"/admin_dashboard/unlock/{sam}/", data={**form, "reason": "Done."}).status_code == 302
    assert shop.member(sam)["lock"] is None
