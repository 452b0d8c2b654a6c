"""What enrichment adds, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.enrich import additions, enrich
from detection.kernel.records import EventRecord

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LONDON, GOOGLE, TOR = "81.2.69.142", "8.8.8.8", "185.220.101.1"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)


def event(**fields: Any) -> EventRecord:
    return EventRecord(
        id="1", event_id="1", type="login.succeeded", occurred_at=NOW, received_at=NOW, member_id="mia", **fields
    )


def test_an_address_gives_country_and_the_point_it_is_known_by() -> None:
    found = enrich([event(ip=LONDON)])[0]
    assert (found.country, found.located_by) == ("GB", "country")
    assert found.latitude == pytest.approx(53.75)
    assert found.network is None


def test_networks_of_machines_are_named() -> None:
    google, tor = enrich([event(ip=GOOGLE), event(ip=TOR)])
    assert (google.network, google.network_owner, google.country) == ("hosting", "Google", "US")
    assert (tor.network, tor.country) == ("tor", "DE")


@pytest.mark.parametrize(
    "ip", ["203.0.113.9", "192.168.1.4", "127.0.0.1", "2001:db8::1", "fe80::1%eth0", "::ffff:10.0.0.1", "224.0.0.1"]
)
def test_reserved_addresses_have_no_country(ip: str) -> None:
    assert additions(event(ip=ip)) == {"network": "reserved"}


def test_an_ipv4_address_inside_an_ipv6_one_is_the_same_address() -> None:
    assert additions(event(ip="::ffff:8.8.8.8")) == additions(event(ip=GOOGLE))


@settings(deadline=None)  # the first one loads the tables
@given(st.text(max_size=60), st.text(max_size=200))
def test_nothing_is_raised_whatever_is_sent(ip: str, user_agent: str) -> None:
    found = enrich([event(ip=ip, user_agent=user_agent, country=ip)])[0]
    assert (found.ip, found.user_agent, found.country) == (ip, user_agent, ip)


def test_a_place_the_sender_gave_is_believed() -> None:
    given_point = enrich([event(ip=LONDON, country="FR", city="Lyon", latitude=45.76, longitude=4.84)])[0]
    assert (given_point.country, given_point.city, given_point.latitude) == ("FR", "Lyon", 45.76)
    assert given_point.located_by == "sender"


def test_a_country_the_sender_gave_moves_the_point_there() -> None:
    found = enrich([event(ip=LONDON, country="JP")])[0]
    assert found.country == "JP"
    assert found.located_by == "country"
    assert found.longitude == pytest.approx(137.93)


def test_half_a_point_is_no_place() -> None:
    found = enrich([event(ip=LONDON, latitude=10.0)])[0]
    assert (found.latitude, found.longitude, found.located_by, found.country) == (10.0, None, None, "GB")


def test_an_event_without_address_and_agent_comes_back_as_it_was() -> None:
    bare = event()
    assert enrich([bare])[0] is bare


def test_order_is_kept_and_enriching_twice_adds_nothing() -> None:
    events = [event(ip=ip, user_agent=IPHONE) for ip in (LONDON, TOR, GOOGLE)]
    once = enrich(events)
    assert [found.ip for found in once] == [LONDON, TOR, GOOGLE]
    assert enrich(once) == once
    assert once[0].agent == "Mobile Safari on iPhone"
    assert once[0].agent_kind == "browser"
