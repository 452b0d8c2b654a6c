"""The yardstick measures what it says, on worlds small enough to count by hand, and ours stays above the textbook."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

import pytest
from django.core.management import call_command

from detection.backtest import duty_of
from detection.backtest.evaluation import Run, campaign_facts, case_facts, judge_world, table
from detection.simulation import Campaign, Case, World, build
from detection.simulation.people import populate
from detection.simulation.textbook import naive, textbook

SINCE, UNTIL = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)


def told(second: int, kind: str, member: str = "mia", **fields: object) -> dict[str, object]:
    at = f"2026-05-01T12:{second // 60:02}:{second % 60:02}Z"
    return {"event_id": f"{member}-{second}", "type": kind, "occurred_at": at, "member_id": member, **fields}


def judged(world: World) -> Run:
    return [run for run, _ in judge_world(world, duty_of())][-1]


def world_of(events: list[dict[str, object]], campaigns: list[Campaign], cases: list[Case]) -> World:
    people = populate(Random(1), 1)
    return World(sorted(events, key=lambda e: str(e["occurred_at"])), campaigns, cases, people, SINCE, UNTIL)


def robbery(amount: str) -> Campaign:
    card = {"amount": amount, "currency": "EUR", "order_id": "o1", "device_id": "x", "ip": "2.160.0.1"}
    campaign = Campaign("stolen-password", "easy")
    tried, paid = told(60, "transaction.attempted", **card), told(63, "transaction.succeeded", **card)
    campaign.did(tried, paid, victim="mia", loss=[paid])
    return campaign


def test_a_refused_attempt_is_a_robbery_found_in_time_and_its_money_stopped() -> None:
    campaign = robbery("1900.00")
    run = judged(world_of(campaign.events, [campaign], []))
    rows = table(run)
    assert campaign_facts(run, campaign)["in_time"] is True
    for name in ("robbed accounts found", "… before the first loss", "fraud amount stopped", "campaigns found"):
        assert rows[name] == 100
    assert rows["events until seen, p90"] == 1


def test_what_nobody_spoke_of_is_lost() -> None:
    campaign = robbery("12.00")
    rows = table(judged(world_of(campaign.events, [campaign], [])))
    for name in ("robbed accounts found", "… before the first loss", "fraud amount stopped", "campaigns found"):
        assert rows[name] == 0


def test_an_honest_member_who_is_locked_counts_against_us() -> None:
    events = robbery("1900.00").events
    rows = table(judged(world_of(events, [], [Case("new-phone", events)])))
    assert rows["good orders blocked"] == 100
    assert case_facts(judged(world_of(events, [], [Case("new-phone", events)])))["new-phone"]["challenged"] == 100


@pytest.mark.parametrize("rules", [textbook(), naive()], ids=["textbook", "naive"])
def test_the_yardsticks_judge_the_same_world_the_same(rules: list) -> None:
    world = build(3, members=40, days=6, attacks=11, calm_days=1)
    first, second = ([run for run, _ in judge_world(world, duty_of(rules))][-1] for _ in range(2))
    assert repr(table(first)) == repr(table(second))  # as text, for what could not be measured equals nothing
    assert len(first.judged) == len(world.events)


def test_a_marketplace_s_own_attacks_are_found_by_the_rules_made_for_them() -> None:
    world = build(7, members=60, days=9, attacks=18, calm_days=4, shape="marketplace")
    run = judged(world)
    found = [campaign_facts(run, campaign) for campaign in world.campaigns]
    speakers = {detector for facts in found for detector in facts["detectors"]}
    assert speakers > {
        "account-enumeration",
        "data-export-on-new-device",
        "mfa-fatigue",
        "one-card-many-members",
        "payout-after-beneficiary-change",
        "refund-abuse",
    }
    assert sum(facts["found"] for facts in found) >= 14


def test_the_table_is_printed_for_every_roster(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("quality", "--members", "40", "--days", "6", "--seeds", "1", "--json")
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"ours", "textbook", "naive", "marketplace", "microseconds"}
    assert told["ours"]["rows"]["campaigns found"] is not None
    assert set(told["marketplace"]) == {"ours", "textbook"}
    assert all(spent >= 0 for spent in told["microseconds"].values())
    small = ("--members", "40", "--days", "6", "--seeds", "1", "--only", "ours", "--no-life-like")
    call_command("quality", *small)
    printed = capsys.readouterr().out
    assert "campaigns found" in printed
    assert "marketplace's own attacks" in printed
    assert "Processor time" in printed
