"""The world repeats by its seed, is what an app could send, and tells nothing in an event but what was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest

from detection.enrich import geoip, network
from detection.intake import schema
from detection.intake.strict_json import loads
from detection.simulation import World, build, places
from detection.simulation.campaign import LEVELS
from detection.simulation.world import ATTACKS, SHAPES

MEMBERS, DAYS = 120, 10


@pytest.fixture(scope="module")
def world() -> World:
    return build(7, members=MEMBERS, days=DAYS, attacks=len(ATTACKS) * len(LEVELS))


def test_the_same_seed_makes_the_same_world_and_another_seed_another(world: World) -> None:
    again = build(7, members=MEMBERS, days=DAYS, attacks=len(ATTACKS) * len(LEVELS))
    assert again.events == world.events
    assert [(c.kind, c.level, c.events) for c in again.campaigns] == [
        (c.kind, c.level, c.events) for c in world.campaigns
    ]
    assert build(8, members=MEMBERS, days=DAYS).events[:50] != world.events[:50]


def test_every_event_is_one_the_intake_takes(world: World) -> None:
    for event in world.events:
        draft = schema.validate(loads(json.dumps(event).encode()), now=world.until + timedelta(days=1), historic=True)
        assert not draft.errors, (event, draft.errors)


def test_events_run_in_time_with_ids_of_their_own(world: World) -> None:
    assert [event["occurred_at"] for event in world.events] == sorted(event["occurred_at"] for event in world.events)
    assert len({event["event_id"] for event in world.events}) == len(world.events)


def test_every_attack_comes_in_every_level(world: World) -> None:
    played = {(campaign.kind, campaign.level) for campaign in world.campaigns}
    assert played == {(kind, level) for kind in ATTACKS for level in LEVELS}
    assert len(ATTACKS) == 11


def test_a_marketplace_has_attacks_and_hard_days_of_its_own() -> None:
    attacks, hard_days = SHAPES["marketplace"]
    market = build(7, members=MEMBERS, days=DAYS, attacks=len(attacks) * len(LEVELS), shape="marketplace")
    assert {(c.kind, c.level) for c in market.campaigns} == {(kind, level) for kind in attacks for level in LEVELS}
    assert {case.kind for case in market.cases} > {"seller-paid", "thick-fingers", "did-not-fit"}
    assert len(hard_days) > len(SHAPES["shop"][1])
    for event in market.events:
        draft = schema.validate(loads(json.dumps(event).encode()), now=market.until + timedelta(days=1), historic=True)
        assert not draft.errors, (event, draft.errors)


def test_labels_lie_beside_the_events_and_never_in_them(world: World) -> None:
    labelled = {id(event) for campaign in world.campaigns for event in campaign.events}
    bad = [event for event in world.events if id(event) in labelled]
    good = [event for event in world.events if id(event) not in labelled]
    assert {name for event in bad for name in event} <= {name for event in good for name in event}
    assert not any("metadata" in event for event in world.events)
    text = json.dumps(bad)
    assert not any(kind in text for kind in ATTACKS)


def test_two_in_five_ordinary_orders_are_guests(world: World) -> None:
    bad = {id(event) for campaign in world.campaigns for event in campaign.events}
    paid = [e for e in world.events if e["type"] == "transaction.succeeded" and id(e) not in bad]
    guests = sum("member_id" not in event for event in paid)
    assert 0.3 < guests / len(paid) < 0.45


def test_more_sign_ins_fail_than_work(world: World) -> None:
    kinds = Counter(event["type"] for event in world.events)
    assert kinds["login.failed"] > kinds["login.succeeded"]


def test_every_robbed_account_loses_money_after_the_thief_came_in(world: World) -> None:
    robbed = [victim for campaign in world.campaigns for victim in campaign.victims.values() if victim.losses]
    assert len(robbed) > 20
    for victim in robbed:
        assert victim.losses[0] in victim.events
        assert victim.events[0] is not victim.losses[0]


@pytest.mark.parametrize("country", places.COUNTRIES.values(), ids=lambda country: country.code)
def test_households_live_where_they_are_said_to_live(country: places.Country) -> None:
    for net in country.networks:
        for rest in ("0.7", "100.3", "200.12", "255.250"):
            place = geoip.locate(f"{net}.{rest}")
            assert place is not None, net
            assert place.country == country.code, net
            assert network.classify(f"{net}.{rest}").kind in (None, "mobile"), net


def test_data_centres_relays_and_crawlers_are_known_as_such() -> None:
    assert {network.classify(f"{net}.9").kind for net in places.DATA_CENTRES} == {"hosting"}
    assert {network.classify(f"{net}.9").kind for net in places.RELAYS} == {"vpn"}
    assert {network.classify(f"{net}.9").kind for net in places.CRAWLERS} == {"bot"}


def test_the_world_needs_no_framework() -> None:
    code = "import sys, detection.simulation; assert not any(name.split('.')[0] == 'django' for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_process_makes_the_same_world() -> None:
    code = (
        "import json, hashlib; from detection.simulation import build; "
        "print(hashlib.sha256(json.dumps(build(7, members=30, days=4, calm_days=1).events).encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
