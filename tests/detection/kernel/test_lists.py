"""What a list names, in whatever spelling, and how quickly it is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.kernel.detector import Detector
from detection.kernel.lists import BLOCKED, EVERYTHING, Entry, ListDetector, Roll, Unfit, canonical
from detection.kernel.records import EventRecord
from detection.kernel.scoring import weigh
from detection.kernel.vocabulary import Action, EventType, ListEffect, ListKind, Outcome, Severity

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(kind: str = "transaction.attempted", **fields: Any) -> EventRecord:
    return EventRecord(id="1", event_id="1", type=kind, occurred_at=NOON, received_at=NOON, **fields)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("address", " 81.2.69.142 ", "81.2.69.142"),
        ("address", "81.2.69.142/32", "81.2.69.142"),
        ("address", "81.2.69.0/24", "81.2.69.0/24"),
        ("address", "::ffff:81.2.69.142", "81.2.69.142"),
        ("address", "::ffff:81.2.69.0/120", "81.2.69.0/24"),
        ("address", "2001:DB8:0:0::1", "2001:db8::1"),
        ("address", "2001:DB8::/32", "2001:db8::/32"),
        ("network", "as64500", "AS64500"),
        ("network", "0064500", "AS64500"),
        ("network", "  Example   Hosting ", "example hosting"),
        ("country", "gb", "GB"),
        ("email_domain", "@Mail.Example.COM.", "mail.example.com"),
        ("email_domain", "bücher.example", "xn--bcher-kva.example"),
        ("member", "Mia", "Mia"),
        ("device", "d-1", "d-1"),
        ("payment_method", "pm 1", "pm 1"),
    ],
)
def test_a_value_has_one_spelling(kind: str, given: str, kept: str) -> None:
    assert canonical(ListKind(kind), given) == kept
    assert canonical(ListKind(kind), kept) == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("address", "81.2.69.142/24"),
        ("address", "0.0.0.0/0"),
        ("address", "12.0.0.0/7"),
        ("address", "2000::/3"),
        ("address", "fe80::1%eth0"),
        ("address", "somewhere"),
        ("country", "GBR"),
        ("country", "ß1"),
        ("email_domain", "example"),
        ("email_domain", "a b.example"),
        ("email_domain", "." * 300),
        ("email_domain", "\ud800.example"),
        ("network", "AS4294967296"),
        ("member", " "),
        ("member", "x" * 129),
        ("device", "a\x00b"),
    ],
)
def test_what_cannot_be_is_told(kind: str, given: str) -> None:
    with pytest.raises(Unfit):
        canonical(ListKind(kind), given)


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("member", "mia", {"member_id": "mia"}),
        ("device", "d-1", {"device_id": "d-1"}),
        ("payment_method", "pm-1", {"payment_method_id": "pm-1"}),
        ("email_domain", "example.com", {"email": "mia@example.com"}),
        ("email_domain", "example.com", {"email": "mia@post.Example.com"}),
        ("country", "GB", {"country": "GB"}),
        ("network", "AS64500", {"asn": 64500}),
        ("network", "example hosting", {"network_owner": "Example Hosting"}),
        ("address", "81.2.69.142", {"ip": "81.2.69.142"}),
        ("address", "81.2.69.0/24", {"ip": "81.2.69.142"}),
        ("address", "81.2.69.0/24", {"ip": "::ffff:81.2.69.142"}),
        ("address", "2001:db8::/32", {"ip": "2001:db8:1::5"}),
    ],
)
def test_an_event_is_named_by_what_it_carries(kind: str, value: str, fields: dict[str, Any]) -> None:
    entry = Entry(ListKind(kind), value)
    assert Roll([entry]).find(event(**fields)) == entry


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("member", "mia", {"member_id": "Mia", "device_id": "mia"}),
        ("email_domain", "example.com", {"email": "mia@notexample.com"}),
        ("network", "AS64500", {"asn": 6450}),
        ("address", "81.2.69.0/24", {"ip": "81.2.70.1"}),
        ("address", "81.2.69.0/24", {"ip": "somewhere"}),
        ("address", "0.0.0.0/8", {"ip": "::1"}),
        ("address", "81.2.69.142", {}),
    ],
)
def test_another_is_not(kind: str, value: str, fields: dict[str, Any]) -> None:
    assert Roll([Entry(ListKind(kind), value)]).find(event(**fields)) is None


@given(
    nets=st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)).map(
            lambda pair: str(ip_network((pair[0], pair[1]), strict=False))
        ),
        max_size=30,
    ),
    near=st.integers(0, 29),
    offset=st.integers(0, 2**12),
)
def test_the_closest_network_is_found_as_by_comparing_with_each(nets: list[str], near: int, offset: int) -> None:
    base = int(ip_network(nets[near % len(nets)]).network_address) if nets else 0
    address = ip_address(min(base + offset, 2**32 - 1))
    holding = [net for net in nets if address in ip_network(net)]
    found = Roll(Entry(ListKind.ADDRESS, net) for net in nets).find(event(ip=str(address)))
    closest = max((ip_network(net).prefixlen for net in holding), default=None)
    assert (ip_network(found.value).prefixlen if found else None) == closest


def test_an_entry_that_expired_makes_way_for_a_wider_one() -> None:
    over = Entry(ListKind.ADDRESS, "81.2.69.142", expires_at=NOON)
    wide = Entry(ListKind.ADDRESS, "81.2.69.0/24", expires_at=NOON + timedelta(seconds=1))
    assert Roll([over, wide]).find(event(ip="81.2.69.142")) == wide
    assert Roll([over]).find(event(ip="81.2.69.142")) is None


def test_every_type_of_event_is_heard_an_app_s_own_too() -> None:
    assert all(kind in EVERYTHING for kind in EventType)
    assert "custom.wave" in EVERYTHING
    assert "wave" not in EVERYTHING


def detector(effect: ListEffect, kind: ListKind = ListKind.MEMBER, value: str = "mia") -> ListDetector:
    return ListDetector(effect, [Entry(kind, value, "a case")])


def judged(effect: ListEffect, what: EventRecord, kind: ListKind = ListKind.MEMBER, value: str = "mia") -> Any:
    signal = detector(effect, kind, value).inspect(what, {})
    assert signal is not None
    return weigh(what, [signal])


def test_a_blocked_member_is_refused_and_locked() -> None:
    verdict = judged(ListEffect.BLOCK, event(member_id="mia"))
    assert (verdict.risk_score, verdict.severity) == (BLOCKED, Severity.HIGH)
    assert (verdict.outcome, verdict.action) == (Outcome.DENY, Action.LOCK)


@pytest.mark.parametrize("kind", ["login.succeeded", "login.failed", "page.viewed", "profile.changed", "custom.wave"])
def test_a_blocked_device_is_refused_and_its_member_is_not_locked(kind: str) -> None:
    verdict = judged(ListEffect.BLOCK, event(kind, member_id="mia", device_id="d"), ListKind.DEVICE, "d")
    assert (verdict.outcome, verdict.action) == (Outcome.DENY, Action.CHALLENGE)


def test_a_watched_member_is_noted_and_not_told_why() -> None:
    verdict = judged(ListEffect.WATCH, event(member_id="mia"))
    assert (verdict.severity, verdict.outcome, verdict.action) == (Severity.LOW, Outcome.ALLOW, Action.NOTIFY)
    (signal,) = verdict.signals
    assert "list" not in signal.title + signal.reason.text
    assert "a case" in signal.reason.observed


def test_an_allowed_member_is_spoken_for_and_nothing_is_raised() -> None:
    signal = detector(ListEffect.ALLOW).inspect(event(member_id="mia"), {})
    assert signal is not None
    assert signal.points == signal.reason.points == -30
    assert weigh(event(member_id="mia"), [signal]).risk_score == 0


def test_who_is_on_both_lists_is_asked() -> None:
    what = event(member_id="mia", ip="81.2.69.142")
    signals = [
        detector(ListEffect.ALLOW).inspect(what, {}),
        detector(ListEffect.BLOCK, ListKind.ADDRESS, "81.2.69.0/24").inspect(what, {}),
    ]
    assert weigh(what, [signal for signal in signals if signal]).outcome is Outcome.CHALLENGE


def test_it_speaks_the_detectors_protocol() -> None:
    made = detector(ListEffect.BLOCK)
    assert isinstance(made, Detector)
    pairs = [(event(member_id="mia"), {}), (event(member_id="sam"), {})]
    assert made.inspect_many(pairs) == [made.inspect(what, seen) for what, seen in pairs]
