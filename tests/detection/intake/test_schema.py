from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from detection.intake.schema import validate

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def fault(payload):
    """The pointer and code of the only thing wrong."""
    errors = validate(payload, now=NOW).errors
    assert len(errors) == 1, errors
    return errors[0]["pointer"], errors[0]["code"]


def payment(**fields):
    return {"type": "transaction.attempted", "member_id": "mia", "amount": "10", "currency": "EUR", **fields}


def test_an_ordinary_event_is_taken():
    draft = validate(payment(amount="19.90", ip="::ffff:81.2.69.142", country="gb"), now=NOW)
    assert draft.errors == []
    assert draft.body["amount"] == "19.90"
    assert draft.body["ip"] == "81.2.69.142"
    assert draft.body["country"] == "GB"
    assert draft.occurred_at == NOW


@pytest.mark.parametrize(
    ("payload", "pointer", "code"),
    [
        ([], "", "not_an_object"),
        ({"member_id": "mia"}, "/type", "required"),
        ({"type": None, "member_id": "mia"}, "/type", "not_a_string"),
        ({"type": "login.exploded", "member_id": "mia"}, "/type", "unknown_type"),
        ({"type": "custom.", "member_id": "mia"}, "/type", "unknown_type"),
        (payment(member_id=7), "/member_id", "not_a_string"),
        (payment(member_id=""), "/member_id", "length"),
        (payment(member_id="x" * 129), "/member_id", "length"),
        (payment(amount="-1"), "/amount", "not_an_amount"),
        (payment(amount=-1), "/amount", "range"),
        (payment(amount="1e3"), "/amount", "not_an_amount"),
        (payment(amount="abc"), "/amount", "not_an_amount"),
        (payment(amount=True), "/amount", "not_an_amount"),
        (payment(amount=[]), "/amount", "not_an_amount"),
        (payment(amount="1.23456"), "/amount", "not_an_amount"),
        (payment(amount=Decimal("1e200")), "/amount", "range"),
        (payment(currency="EURO"), "/currency", "unknown_currency"),
        (payment(currency=978), "/currency", "not_a_string"),
        ({"type": "transaction.attempted", "member_id": "mia", "amount": "1"}, "/currency", "required"),
        (payment(ip="300.1.1.1"), "/ip", "not_an_address"),
        (payment(ip="fe80::1%eth0"), "/ip", "not_an_address"),
        (payment(country="GBR"), "/country", "not_a_country"),
        (payment(latitude=1), "/longitude", "required"),
        (payment(latitude=91, longitude=0), "/latitude", "range"),
        (payment(latitude="1", longitude=0), "/latitude", "not_a_number"),
        (payment(http_status=42), "/http_status", "range"),
        (payment(severity="high"), "/severity", "unknown_field"),
        (payment(received_at="2026-01-01T00:00:00Z"), "/received_at", "unknown_field"),
        (payment(payment={"pan": "4111111111111111"}), "/payment/pan", "unknown_field"),
        (payment(payment={"bin": 411111}), "/payment/bin", "not_a_string"),
        (payment(email="mia"), "/email", "not_an_email"),
        (payment(email="mia@example.com\nBcc: sam@example.com"), "/email", "not_an_email"),
        (payment(phone="call me"), "/phone", "not_a_phone"),
        (payment(changed="email"), "/changed", "not_a_list"),
        (payment(changed=["email", 3]), "/changed/1", "not_a_string"),
        (payment(metadata=[]), "/metadata", "not_an_object"),
        (payment(metadata={"x": ["y" * 1000] * 9}), "/metadata", "too_large"),
        (payment(account_exists="yes"), "/account_exists", "not_a_boolean"),
        (payment(occurred_at="yesterday"), "/occurred_at", "not_a_time"),
        (payment(occurred_at="2026-11-20T12:00:00"), "/occurred_at", "not_a_time"),
        (payment(occurred_at="2026-13-20T12:00:00Z"), "/occurred_at", "not_a_time"),
        (payment(occurred_at=1763640000), "/occurred_at", "not_a_string"),
        (payment(occurred_at="0001-01-01T00:00:00+14:00"), "/occurred_at", "not_a_time"),
        ({"type": "password.changed"}, "/member_id", "required"),
        ({"type": "transaction.attempted", "ip": "81.2.69.142"}, "/member_id", "required"),
    ],
)
def test_a_fault_is_named_by_its_field(payload, pointer, code):
    assert fault(payload) == (pointer, code)


def test_live_events_lie_between_a_day_ago_and_two_minutes_ahead():
    for shift, fine in (
        (timedelta(hours=-24), True),
        (timedelta(hours=-24, seconds=-1), False),
        (timedelta(minutes=2), True),
        (timedelta(minutes=2, seconds=1), False),
    ):
        draft = validate(payment(occurred_at=(NOW + shift).isoformat()), now=NOW)
        assert (draft.errors == []) is fine, shift


def test_history_may_be_as_old_as_it_is():
    draft = validate(payment(occurred_at="2020-01-01T00:00:00Z"), now=NOW, historic=True)
    assert draft.errors == []


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "page.viewed", "ip": "81.2.69.142"},
        {"type": "login.failed", "ip": "81.2.69.142", "account_exists": False},
        {"type": "transaction.attempted", "email": "guest@example.com", "amount": 5, "currency": "eur"},
        {"type": "payment.failed", "payment_method_id": "pm_1"},
        {"type": "checkout.started", "session_id": "s1"},
        {"type": "custom.loyalty.redeemed", "member_id": "mia"},
    ],
)
def test_guests_are_taken_where_guests_can_act(payload):
    assert validate(payload, now=NOW).errors == []


def test_a_number_is_rounded_to_four_places_and_keeps_no_float():
    draft = validate(payment(amount=Decimal("19.990000000000002")), now=NOW)
    assert draft.body["amount"] == "19.99"
