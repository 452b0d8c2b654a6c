"""Kill a part in the middle of 2,000 events: none is lost, none is doubled, all are judged within a minute."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import httpx
import pytest

from tests.chaos.books import Books
from tests.chaos.conftest import Victim
from tests.chaos.posting import App, a_day
from tests.flows.stage import Screen
from tests.live import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
SOON = 60.0


def _written_down(victim: Victim) -> set[int]:
    """The processes that ``up.json`` says the parts have."""
    told = json.loads((victim.system.data_dir / "run" / "up.json").read_text())
    return set(told["children"].values())


@pytest.mark.parametrize("parts", [("worker", "web"), ("valkey",), ("runner",)], ids=" and ".join)
def test_nothing_is_lost_or_doubled_when_a_part_is_killed(
    victim: Victim, olga: httpx.Client, parts: tuple[str, ...]
) -> None:
    run = f"{parts[0]}-{uuid4().hex[:6]}"
    events, thieves = a_day(run)
    books = Books(victim.system, run)
    app = App(victim.system, victim.system.api_key)
    with Screen(victim.system, "/ws/alerts/", olga) as screen:
        posting = app.post(events)
        app.wait_for_half()
        eventually(books.in_hand, every=0.001)
        for part in parts:
            victim.kill(part)
        if parts == ("runner",):
            victim.start_again()
        killed_at = time.monotonic()
        posting.join(120)
        assert app.refused == []
        assert len(app.acknowledged) == len(events) == 2000
        victim.wait_until_whole(within=SOON)
        whole_after = time.monotonic() - killed_at
        eventually(lambda: _written_down(victim) <= set(victim.system.processes()), within=SOON)
        eventually(lambda: books.waiting() == 0, within=SOON, every=0.2)
        judged_after = time.monotonic() - killed_at
        assert judged_after < SOON

        ids = {event["event_id"] for event in events}
        assert set(books.events()) == set(books.receipts()) == ids
        assert max(books.events().values()) == max(books.receipts().values()) == 1
        assert books.states() == {"processed": 2000}

        alerts = books.alerts()
        assert sorted(whose for whose, _, _ in alerts.values()) == sorted(thieves)
        assert {counts[1:] for counts in alerts.values()} == {(1, 1)}
        assert books.locked() == dict.fromkeys(thieves, 1)
        once = dict.fromkeys(alerts, 1)
        assert books.raised() == once
        eventually(lambda: books.unchained() == 0, within=20)
        assert {alert: count for alert, count in books.audited().items() if alert in alerts} == once
        assert {alert: count for alert, count in books.staff_mails().items() if alert in alerts} == once

        eventually(lambda: set(alerts) <= {alert.replace("-", "") for alert in screen.alerts()}, within=25)
        ours = [alert for alert in (shown.replace("-", "") for shown in screen.raised()) if alert in alerts]
        assert sorted(ours) == sorted(alerts), "an alert was shown twice, or never as new"
    intact = victim.system.manage("verify_audit", check=False)
    assert intact.returncode == 0, intact.stdout + intact.stderr
    took = f"whole after {whole_after:.1f} s, all judged after {judged_after:.1f} s"
    print(f"\n{' and '.join(parts)}: {app.repeated} tries repeated, {took}")
