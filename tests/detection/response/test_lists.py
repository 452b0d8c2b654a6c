"""Lists as people keep them, and what they do to what is judged next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import catalog, deciding
from detection.audit import ledger
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, AuditEntry, Event, ListEntry
from detection.response import lists, sheets
from tests.cast import LONDON, happened, judge_all, large_payment, report, settled_life

pytestmark = pytest.mark.django_db
ADA = Actor(ActorKind.STAFF, "ada")


def line(effect: str = "block", kind: str = "device", value: str = "d-1", **more: Any) -> dict[str, Any]:
    return {"effect": effect, "kind": kind, "value": value, "reason": "case 4711", **more}


def put(**given: Any) -> ListEntry:
    listed = lists.add(line(**given), actor=ADA)
    assert listed.entry is not None, listed.errors
    catalog.refresh()
    return listed.entry


def payment(**fields: Any) -> dict[str, Any]:
    given = {"amount": "20.00", "currency": "EUR", "device_id": "d-1", "ip": LONDON, **fields}
    return happened("transaction.attempted", **given)


def decided(payload: dict[str, Any]) -> dict[str, Any]:
    (item,) = report(payload, ring=False)
    assert item.event is not None
    return deciding.decide(item.event)


def test_what_is_blocked_is_refused_from_the_next_event_on() -> None:
    assert decided(payment())["verdict"] == "allow"
    put(value="d-1")
    answer = decided(payment())
    assert (answer["verdict"], answer["lock"]) == ("deny", None)
    assert answer["reasons"][0]["code"] == "block-list"
    assert Alert.objects.get().detectors == ["block-list"]


def test_a_blocked_member_is_locked() -> None:
    put(kind="member", value="mia")
    assert decided(payment())["lock"]["reason"]["code"] == "block-list"


def test_taken_off_it_is_over() -> None:
    entry = put(value="d-1")
    assert lists.remove(entry.pk, actor=ADA)
    catalog.refresh()
    assert decided(payment())["verdict"] == "allow"
    assert not lists.remove(entry.pk, actor=ADA)


def test_an_entry_that_expires_is_over_though_nobody_read_the_lists_again() -> None:
    entry = put(value="d-1", expires_at=(timezone.now() + timedelta(days=1)).isoformat())
    assert decided(payment())["verdict"] == "deny"
    assert entry.expires_at is not None
    (item,) = report(payment(), ring=False, now=timezone.now())
    Event.objects.filter(pk=item.event).update(received_at=entry.expires_at)
    assert item.event is not None
    assert deciding.decide(item.event)["verdict"] == "allow"


def test_in_another_process_it_holds_within_two_seconds() -> None:
    catalog.on_duty()
    ListEntry.objects.create(effect="block", kind="device", value="d-1", reason="x", owner="ada")
    assert catalog.REFRESH_AFTER <= 2
    catalog._read_at -= catalog.REFRESH_AFTER  # two seconds later
    assert decided(payment())["verdict"] == "deny"


@pytest.mark.django_db(transaction=True)
def test_in_this_process_it_holds_at_once() -> None:
    catalog.on_duty()
    lists.add(line(), actor=ADA)
    assert decided(payment())["verdict"] == "deny"
    lists.remove(ListEntry.objects.get().pk, actor=ADA)
    assert decided(payment(member="sam", device_id="d-1"))["verdict"] == "allow"


def test_lists_that_did_not_change_are_not_read_again() -> None:
    put(value="d-1")
    catalog.on_duty()
    catalog.refresh()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        catalog.on_duty()
    assert len([q for q in asked.captured_queries if "listentry" in q["sql"]]) == 1


def test_an_allowed_member_s_odd_payment_is_less_of_a_risk_and_the_decision_says_why() -> None:
    settled_life()
    odd = large_payment()
    put(effect="allow", kind="member", value="mia")
    answer = decided(odd)
    lowered = [reason for reason in answer["reasons"] if reason.get("points", 0) < 0]
    assert {reason["code"] for reason in lowered} >= {"allow-list"}
    alert = Alert.objects.get()
    assert "allow-list" not in alert.detectors
    assert "allow-list" in [reason["code"] for reason in alert.reasons]
    stored = Event.objects.get(event_id=odd["event_id"]).signals
    assert -30 in [signal["points"] for signal in stored]


def test_the_answer_to_a_decision_asked_late_tells_trust_too() -> None:
    settled_life()
    put(effect="allow", kind="member", value="mia")
    odd = large_payment()
    (item,) = report(odd)
    judge_all()
    assert item.event is not None
    said = {reason["code"]: reason for reason in deciding.decide(item.event)["reasons"]}
    assert said["allow-list"]["points"] == -30
    assert "points" not in next(reason for code, reason in said.items() if code == "large-transaction-new-device")


def test_the_same_again_is_a_duplicate_and_changes_nothing() -> None:
    first = put(value="d-1")
    again = lists.add(line(value="d-1", reason="other words"), actor=Actor(ActorKind.STAFF, "olga"))
    assert (again.status, again.entry) == ("duplicate", first)
    assert ListEntry.objects.get().reason == "case 4711"


def test_what_has_expired_can_be_put_on_again() -> None:
    entry = put(value="d-1")
    ListEntry.objects.update(expires_at=timezone.now())
    again = lists.add(line(value="d-1", reason="again"), actor=ADA)
    assert again.status == "created"
    assert again.entry is not None
    assert (ListEntry.objects.get(), ListEntry.objects.get().reason) == (again.entry, "again")
    assert again.entry.pk != entry.pk


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"effect": "forbid"}, "/effect"),
        ({"kind": "shoe_size"}, "/kind"),
        ({"value": 7}, "/value"),
        ({"value": ""}, "/value"),
        ({"kind": "address", "value": "nowhere"}, "/value"),
        ({"reason": "  "}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_line_that_cannot_be_is_rejected_with_a_pointer(change: dict[str, Any], pointer: str) -> None:
    listed = lists.add(line(**change), actor=ADA)
    assert listed.status == "rejected"
    assert pointer in [error["pointer"] for error in listed.errors]
    assert not ListEntry.objects.exists()


def test_many_are_taken_each_on_its_own() -> None:
    put(value="d-0")
    given = [line(value=f"d-{n}") for n in range(1000)] + [line(value="d-5"), line(kind="country", value="GBR"), 7]
    results = lists.add_many(given, actor=ADA)
    statuses = [result.status for result in results]
    assert statuses.count("created") == 999
    assert statuses[0] == statuses[1000] == "duplicate"
    assert statuses[-2:] == ["rejected", "rejected"]
    assert ListEntry.objects.count() == 1000
    assert all(result.entry and result.entry.pk for result in results[:1001])


def test_every_change_is_in_the_audit_trail() -> None:
    entry = put(value="d-1")
    lists.add_many([line(value="d-2"), line(value="d-3")], actor=ADA)
    lists.remove(entry.pk, actor=ADA)
    ledger.sequence_all()
    said = list(AuditEntry.objects.order_by("seq").values_list("action", "actor", "target"))
    assert said == [
        ("lists.added", "ada", f"list:{entry.pk}"),
        ("lists.added", "ada", "lists:2"),
        ("lists.removed", "ada", f"list:{entry.pk}"),
    ]


def test_an_export_can_be_imported_again() -> None:
    lists.add_many(
        [line(kind="member", value="=HYPERLINK(1)"), line(kind="device", value='a "quoted", one'), line(reason="+1")],
        actor=ADA,
    )
    sheet = lists.as_sheet(ListEntry.objects.order_by("pk"))
    kept = list(ListEntry.objects.order_by("pk").values_list("effect", "kind", "value", "reason"))
    ListEntry.objects.all().delete()
    results = lists.add_many(lists.from_sheet(sheet), actor=ADA)
    assert [result.status for result in results] == ["created"] * 3
    assert list(ListEntry.objects.order_by("pk").values_list("effect", "kind", "value", "reason")) == kept


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_no_cell_is_reckoned_and_every_one_is_quoted(start: str) -> None:
    sheet = sheets.written(["a", "b"], [[f"{start}1", "plain"]])
    assert sheet == f'"a","b"\r\n"\'{start}1","plain"\r\n'
    assert sheets.read(sheet, ["a", "b"], most=5) == [{"a": f"{start}1", "b": "plain"}]


@pytest.mark.parametrize("text", ["", "shoe,size\n1,2", "a,a\n1,2", 'a,b\n"1,2', "a,b\n1,2,3", "a,b\n" + "1,2\n" * 6])
def test_what_is_no_sheet_says_why(text: str) -> None:
    with pytest.raises(sheets.BadSheet):
        sheets.read(text, ["a", "b"], most=5)
