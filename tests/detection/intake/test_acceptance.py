from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from detection.intake import import_members
from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import Trust
from detection.models import Client, Contact, Event, InboxItem, LockReason, Member, Receipt
from tests.cast import happened, report, shop, stored

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_accepted_event_is_a_row_with_its_work_beside_it():
    (item,) = report(happened("login.succeeded", session_id="s1"))
    event = stored(item)
    assert item.status == "accepted"
    assert event.member is not None
    assert event.member.member_id == "mia"
    assert event.subject == "member:mia"
    assert InboxItem.objects.get(event=event.pk).subject == "member:mia"


def test_a_repeat_gets_the_same_receipt_and_makes_nothing():
    payload = happened("logout")
    (first,) = report(payload)
    (again,) = report(payload)
    assert again.status == "duplicate"
    assert (again.event, again.received_at) == (first.event, first.received_at)
    assert Event.objects.count() == InboxItem.objects.count() == 1


def test_the_same_id_with_another_body_is_a_conflict():
    payload = happened("logout")
    report(payload)
    (other,) = report({**payload, "ip": "81.2.69.142"})
    assert other.status == "conflict"
    assert other.errors[0]["pointer"] == "/event_id"
    assert Event.objects.count() == 1


def test_an_id_belongs_to_its_client():
    payload = happened("logout")
    report(payload)
    (theirs,) = report(payload, client=Client.objects.create(name="another shop"))
    assert theirs.status == "accepted"


def test_a_bad_event_never_sinks_the_others_of_its_batch():
    good, twin = happened("logout"), happened("logout", member="sam")
    statuses = [item.status for item in report(good, {"type": "?"}, good, {**good, "ip": "1.1.1.1"}, twin)]
    assert statuses == ["accepted", "rejected", "duplicate", "conflict", "accepted"]


def test_an_event_costs_as_few_queries_as_a_batch():
    """Receipts, members, events and work, one statement each; what events bring beside that is a statement a kind."""
    client = shop()
    report(*[happened("logout", f"m{number}") for number in range(100)])

    def queries_of(*batch):
        with CaptureQueriesContext(connection) as queries:
            report(*batch, client=client)
        return len([query for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    many = [happened("logout", f"m{number}") for number in range(100)]
    assert queries_of(happened("logout", "m1")) == queries_of(*many) == 4
    assert queries_of(*many) == 2, "a repeat looks up its receipts and writes nothing"
    with_email = [happened("login.succeeded", f"new{number}", email=f"{number}@example.com") for number in range(100)]
    assert queries_of(*with_email) <= 12
    assert Event.objects.count() == 301


@pytest.mark.django_db(transaction=True)
def test_the_same_event_sent_many_times_at_once_is_stored_once():
    payload, client = happened("logout"), shop()

    def send(_n):
        try:
            return report(payload, client=client)[0].status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(24)))
    assert statuses == ["accepted"] + ["duplicate"] * 23
    assert Event.objects.count() == InboxItem.objects.count() == Receipt.objects.count() == 1


def test_card_numbers_and_secrets_never_reach_a_table():
    (item,) = report(
        happened(
            "transaction.attempted",
            amount="5",
            currency="EUR",
            payment_method_id="4111 1111 1111 1111",
            metadata={
                "note": "card 4111-1111-1111-1111 please",
                "password": "hunter2hunter2",
                "deep": [{"cvv": "123", "wide": "４１１１１１１１１１１１１１１１"}],
                "key": "sk_0123456789_abcdefghijklmnopqrstuvwxyz",
            },
            query="q=5500005555555559",
        )
    )
    kept = str(stored(item).body)
    for secret in (
        "4111111111111111",
        "4111-1111",
        "4111 1111",
        "hunter2",
        "123'",
        "４１１１",
        "5500005555555559",
        "sk_0",
    ):
        assert secret not in kept
    assert "411111…1111" in kept


def test_the_first_contact_is_the_members_and_a_later_one_waits_beside_it():
    report(happened("account.created", email="mia@example.com"))
    report(happened("profile.changed", email="thief@example.net", changed=["email"]))
    member = Member.objects.get(member_id="mia")
    safe = Contact.objects.safe(member, Contact.EMAIL)
    assert safe is not None
    assert safe.value == "mia@example.com"
    assert Contact.objects.filter(member=member).count() == 2


def test_a_stranger_never_names_a_members_contact():
    report(happened("login.failed", email="thief@example.net"), happened("page.viewed", email="thief@example.net"))
    report(happened("account.created", email="thief@example.net"), trust=Trust.LOW)
    assert not Contact.objects.exists()


def test_a_contact_changed_while_locked_is_held():
    report(happened("account.created", email="mia@example.com"))
    member = Member.objects.get(member_id="mia")
    LockReason.objects.create(
        member=member,
        state="locked",
        code="x",
        text="x",
        by="system",
        actor="system",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    report(happened("profile.changed", email="thief@example.net"))
    assert Contact.objects.get(value="thief@example.net").held


def test_members_are_imported_with_their_contacts_and_bad_ones_named():
    results = import_members(
        [
            {"member_id": "mia", "email": "mia@example.com", "verified_at": "2026-01-01T00:00:00Z", "locale": "en"},
            {"member_id": "sam", "email": "nonsense"},
            {"email": "x@example.com"},
            {"member_id": "sam", "time_zone": "Mars/Olympus"},
        ],
        client=shop(),
        actor=SYSTEM,
    )
    assert [(r.status, [e["pointer"] for e in r.errors]) for r in results] == [
        ("accepted", []),
        ("rejected", ["/email"]),
        ("rejected", ["/member_id"]),
        ("rejected", ["/time_zone"]),
    ]
    assert Contact.objects.get(member__member_id="mia").verified_at is not None
