"""Systems started in other ways: with a mail server, over data from before, in shadow mode, on PostgreSQL; and commands
beside a running one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from config.runner import ports
from tests import services
from tests.flows.stage import (
    Screen,
    Shop,
    anybody,
    anywhere,
    at_home,
    browser,
    code_in,
    happened,
    large_payment,
    mails_to,
    newest_code,
    now,
    signed_in,
    submit,
    text_of,
)
from tests.live import LiveSystem, eventually

pytestmark = pytest.mark.slow


class Postbox:
    """Takes what a mail server is given."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=modern)
        self.mails.append((envelope.rcpt_tos, text_of(message)))
        return "250 OK"

    def code_for(self, address: str) -> str | None:
        codes = [code for to, text in list(self.mails) if address in to and (code := code_in(text))]
        return codes[-1] if codes else None


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, str]]:
    """A real mail server and its address."""
    box = Postbox()
    server = Controller(box, hostname="127.0.0.1", port=ports.free())
    server.start()
    yield box, f"smtp://{server.hostname}:{server.port}"
    server.stop()


def test_mails_really_leave_and_a_second_start_in_shadow_mode_finds_everything_and_enforces_nothing(
    data_dir: Path, postbox: tuple[Postbox, str]
) -> None:
    box, address = postbox
    first = LiveSystem.start(data_dir, EMAIL_URL=address)
    try:
        shop = Shop(first)
        mia = anybody()
        to = shop.knows(mia)
        page = at_home(shop, mia)
        alert = shop.decide(large_payment(mia))["alert_id"]
        eventually(lambda: any(to in rcpt and "locked" in text for rcpt, text in list(box.mails)))
        eventually(lambda: any("staff@example.com" in rcpt for rcpt, _ in list(box.mails)))
        asked = page.post("/api/v1/me/unlock/", json={"channel": "email"})
        assert asked.status_code == 201
        code = eventually(lambda: box.code_for(to))
        assert mails_to(first, to) == []
    finally:
        assert first.stop() == 0

    again = LiveSystem.start(data_dir, PORT=first.environ["PORT"], EMAIL_URL=address, MODE="shadow")
    try:
        shop = Shop(again, first.api_key)
        assert shop.member(mia)["lock"]["state"] == "locked"
        assert [found["id"] for found in shop.alerts(mia)] == [alert]
        told = {"challenge_id": asked.json()["challenge_id"], "code": code}
        opened = page.post("/api/v1/me/unlock/verify/", json=told)
        assert opened.status_code == 200, "her session and her code outlive a restart"
        assert shop.member(mia)["lock"] is None
        _nothing_is_enforced(shop, data_dir, box)
    finally:
        assert again.stop() == 0


def _nothing_is_enforced(shop: Shop, data_dir: Path, box: Postbox) -> None:
    """In shadow mode a theft is seen, and nobody is locked, refused or written to."""
    sam = anybody("sam")
    to = shop.knows(sam)
    with Screen(shop.system, "/ws/alerts/", signed_in(shop.system, "olga")) as screen:
        decision = shop.decide(large_payment(sam))
        assert (decision["verdict"], decision["lock"]) == ("allow", None)
        assert decision["risk_score"] >= 70
        frame = screen.until(lambda f: f["kind"] == "alert.raised" and f["alert"]["member_id"] == sam)
    shown = frame["alert"]
    assert (shown["severity"], shown["action_taken"]) == ("high", "none")
    assert shop.member(sam)["lock"] is None
    with closing_rows(data_dir) as rows:
        waiting = "SELECT COUNT(*) FROM detection_notification WHERE sent_at IS NULL AND failed_at IS NULL"
        assert rows.execute(waiting).fetchone() == (0,)
    assert not any(to in rcpt or shown["id"] in text for rcpt, text in box.mails)


@contextmanager
def closing_rows(data_dir: Path) -> Iterator[sqlite3.Connection]:
    rows = sqlite3.connect(f"file:{data_dir}/db.sqlite3?mode=ro", uri=True)
    try:
        yield rows
    finally:
        rows.close()


@pytest.mark.postgres
def test_the_main_story_on_postgresql(data_dir: Path) -> None:
    system = LiveSystem.start(data_dir, DATABASE_URL=services.postgresql(data_dir.parent / "postgresql"))
    try:
        assert system.status()[1]["parts"]["database"]["kind"] == "postgresql"
        shop = Shop.opened(system, "flows")
        mia = anybody()
        to = shop.knows(mia)
        page, olga = at_home(shop, mia), signed_in(system, "olga")
        with Screen(system, "/ws/alerts/", olga) as console, Screen(system, "/ws/member/", page) as screen:
            event = large_payment(mia)
            shop.report(event)
            raised = console.until(lambda f: f["kind"] == "alert.raised" and f["alert"]["member_id"] == mia)
            screen.said("member.locked", member_id=mia)
            assert shop.judged(event)[0]["alert_id"] == raised["alert"]["id"]
            asked = page.post("/api/v1/me/unlock/", json={"channel": "email"})
            assert asked.status_code == 201, asked.text
            told = {"challenge_id": asked.json()["challenge_id"], "code": newest_code(system, to)}
            assert page.post("/api/v1/me/unlock/verify/", json=told).status_code == 200
            screen.said("member.unlocked", lock=None)
        assert json.loads(system.manage("verify_audit", "--json", check=False).stdout)
    finally:
        assert system.stop() == 0


def test_history_comes_in_beside_the_running_system(live_system: LiveSystem, shop: Shop, tmp_path: Path) -> None:
    sam = anybody("sam")
    home = {"device_id": "sam-laptop", "ip": anywhere(), "session_id": "s-old"}
    past = []
    for day in range(20, 0, -1):
        moment = now() - timedelta(days=day)
        past.append(happened("login.succeeded", sam, occurred_at=moment, **home))
        past.append(
            happened(
                "transaction.succeeded",
                sam,
                occurred_at=moment + timedelta(minutes=5),
                amount="1400.00",
                currency="EUR",
                **home,
            )
        )
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in past))
    told = live_system.manage("import_events", str(file), "--client", "flows", "--json")
    assert json.loads(told.stdout.strip().splitlines()[-1])["accepted"] == len(past)
    assert {event["state"] for event in shop.judged(past[0], past[-1])} == {"processed"}
    assert shop.alerts(sam) == [], "history raises no alerts"
    usual = happened("transaction.attempted", sam, amount="1500.00", currency="EUR", **home)
    assert shop.decide(usual)["verdict"] == "allow", "a known device and habit, by the imported history"


def test_a_key_made_beside_the_running_system_works_within_its_scopes(live_system: LiveSystem) -> None:
    told = live_system.manage("create_api_key", "kiosk", "--scopes", "events:write")
    key = told.stdout.strip().splitlines()[-1]
    kiosk = Shop(live_system, key)
    kiosk.report(happened("page.viewed", None, ip=anywhere(), path="/"))
    assert kiosk.http.get("/api/v1/alerts/").status_code == 403
    wrong = live_system.manage("create_api_key", "kiosk", "--scopes", "everything", check=False)
    assert wrong.returncode != 0
    assert "sk_" not in wrong.stdout


def test_createsuperuser_makes_an_admin(live_system: LiveSystem) -> None:
    live_system.environ["DJANGO_SUPERUSER_PASSWORD"] = "a long enough secret"
    told = live_system.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com")
    del live_system.environ["DJANGO_SUPERUSER_PASSWORD"]
    assert told.returncode == 0
    page = browser(live_system)
    entered = submit(page, "/login/", username="root", password="a long enough secret")
    assert (entered.status_code, entered.headers["location"]) == (302, "/admin_dashboard/")
    assert page.get("/api/v1/rules/").status_code == 200
