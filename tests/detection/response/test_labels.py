"""What turned out to be true, joined to events, orders and alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, AuditPending, Client, Event, EventReference, Label, Member
from detection.response import labels, personal_data
from detection.response.labels import Noted
from tests.cast import happened, judge_all, large_payment, report, settled_life, shop

pytestmark = pytest.mark.django_db
SHOP = Actor(ActorKind.SHOP, "shop")


def say(*payloads: Any, client: Client | None = None, **more: Any) -> list[Noted]:
    return labels.add_many(list(payloads), client=client or shop(), actor=SHOP, **more)


def order(order_id: str = "o-1", kind: str = "transaction.attempted", **fields: Any) -> dict[str, Any]:
    given = {"amount": "20.00", "currency": "EUR", "order_id": order_id, "device_id": "d", **fields}
    return happened(kind, **given)


def stored(payload: dict[str, Any]) -> Event:
    return Event.objects.get(event_id=payload["event_id"])


@pytest.mark.parametrize(
    "named",
    [
        {"event_id": "e-1"},
        {"order_id": "o-1"},
        {"psp_payment_id": "pi_1"},
        {"payment": {"psp_payment_id": "pi_1"}},
    ],
)
def test_a_label_finds_its_event_by_any_of_its_names(named: dict[str, Any]) -> None:
    payload = order(event_id="e-1", payment={"psp_payment_id": "pi_1"})
    report(payload)
    judge_all()
    (line,) = say({**named, "label": "fraud", "decided_at": "2026-01-01T00:00:00Z", "source": "bank"})
    assert (line.status, line.matched) == ("accepted", True)
    kept = Label.objects.get()
    assert (kept.event, kept.event_at) == (stored(payload).pk, stored(payload).occurred_at)
    assert (kept.label, kept.source, kept.decided_at.year) == ("fraud", "bank", 2026)


def test_a_label_is_joined_to_the_alert_of_its_order() -> None:
    settled_life()
    payload = large_payment(order_id="o-1")
    report(payload, order(kind="payment.failed"))
    judge_all()
    say({"order_id": "o-1", "label": "chargeback"})
    assert Label.objects.get().alert == Alert.objects.get().pk
    assert Label.objects.get().event == stored(payload).pk


def test_of_an_order_s_events_the_newest_try_to_pay_is_meant() -> None:
    now = timezone.now()
    tries = [order(occurred_at=now - timedelta(minutes=minutes)) for minutes in (9, 5)]
    report(order(kind="checkout.started", occurred_at=now - timedelta(minutes=12)), *tries)
    report(order(kind="transaction.succeeded", occurred_at=now - timedelta(minutes=1)))
    judge_all()
    say({"order_id": "o-1", "label": "legitimate"})
    assert Label.objects.get().event == stored(tries[1]).pk


def test_an_event_without_money_is_found_by_its_receipt() -> None:
    payload = happened("login.succeeded", session_id="s")
    report(payload)
    judge_all()
    assert not EventReference.objects.exists()
    assert say({"event_id": payload["event_id"], "label": "fraud"})[0].matched


def test_the_same_again_is_a_duplicate_and_another_word_is_not() -> None:
    first = {"order_id": "o-1", "label": "fraud", "source": "bank"}
    statuses = [
        line.status for line in say(first, first, {**first, "source": "team"}, {**first, "label": "legitimate"})
    ]
    assert statuses == ["accepted", "duplicate", "accepted", "accepted"]
    assert [line.status for line in say({**first, "decided_at": "2026-01-01T00:00:00Z"})] == ["duplicate"]
    assert Label.objects.count() == 3


def test_one_app_s_names_are_not_another_s() -> None:
    report(order())
    judge_all()
    other = Client.objects.create(name="till")
    assert not say({"order_id": "o-1", "label": "fraud"}, client=other)[0].matched
    assert say({"order_id": "o-1", "label": "fraud"})[0].matched
    assert say({"order_id": "o-1", "label": "fraud"}, client=other)[0].status == "duplicate"


def test_a_label_that_comes_first_waits_and_is_looked_for_again() -> None:
    now = timezone.now()
    assert not say({"order_id": "o-1", "label": "early_warning"}, now=now)[0].matched
    assert labels.match_waiting(now=now) == 0
    report(order())
    assert labels.match_waiting(now=now + timedelta(minutes=2)) == 0  # not judged yet
    judge_all()
    assert labels.match_waiting(now=now + timedelta(minutes=3)) == 0  # not due yet
    assert labels.match_waiting(now=now + timedelta(minutes=5)) == 1
    assert Label.objects.get().event is not None


def test_it_is_looked_for_less_and_less_often() -> None:
    now = timezone.now()
    say({"order_id": "never", "label": "fraud"}, now=now)
    looked, at = 0, now
    while at < now + timedelta(days=30):
        at = max(at, Label.objects.get().due_at)
        labels.match_waiting(now=at)
        looked += 1
    assert looked < 20


def test_an_order_id_that_is_a_card_number_is_found_as_it_is_kept() -> None:
    report(order("4111 1111 1111 1111", payment={"psp_payment_id": "4111111111111111"}))
    judge_all()
    lines = say(
        {"order_id": "4111 1111 1111 1111", "label": "fraud"}, {"psp_payment_id": "4111111111111111", "label": "fraud"}
    )
    assert all(line.matched for line in lines)
    kept = " ".join(Label.objects.values_list("value", flat=True))
    assert "1111 1111" not in kept
    assert "11111111" not in kept


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({}, "/label"),
        ({"label": "fraud"}, ""),
        ({"label": "fraud", "event_id": "e", "order_id": "o"}, ""),
        ({"label": "fraud", "psp_payment_id": "e", "payment": {"psp_payment_id": "e"}}, ""),
        ({"label": "perhaps", "event_id": "e"}, "/label"),
        ({"label": "fraud", "event_id": 7}, "/event_id"),
        ({"label": "fraud", "event_id": "e" * 129}, "/event_id"),
        ({"label": "fraud", "payment": {"psp_payment_id": 7}}, "/payment/psp_payment_id"),
        ({"label": "fraud", "payment": {"bin": "411111"}}, "/payment"),
        ({"label": "fraud", "event_id": "e", "decided_at": "2026-01-01"}, "/decided_at"),
        ({"label": "fraud", "event_id": "e", "decided_at": "2999-01-01T00:00:00Z"}, "/decided_at"),
        ({"label": "fraud", "event_id": "e", "source": "x" * 65}, "/source"),
        ({"label": "fraud", "event_id": "e", "colour": "red"}, "/colour"),
        ("fraud", ""),
    ],
)
def test_a_label_that_cannot_be_is_rejected_with_a_pointer(payload: Any, pointer: str) -> None:
    (line,) = say(payload)
    assert line.status == "rejected"
    assert pointer in [error["pointer"] for error in line.errors]
    assert not Label.objects.exists()


def test_a_bad_one_never_sinks_the_rest() -> None:
    lines = say({"label": "fraud"}, {"order_id": "o-1", "label": "fraud"})
    assert [line.status for line in lines] == ["rejected", "accepted"]


def test_it_is_audited_once_a_request() -> None:
    say(*({"order_id": f"o-{number}", "label": "fraud"} for number in range(5)))
    entry = AuditPending.objects.get(entry__action="labels.received").entry
    assert entry["target"] == "client:shop"
    assert entry["detail"] == {"accepted": 5, "duplicates": 0}


def test_many_labels_take_as_many_queries_as_few() -> None:
    report(*(order(f"o-{number}") for number in range(60)))
    judge_all()

    def queries(start: int, stop: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            lines = say(*({"order_id": f"o-{number}", "label": "fraud"} for number in range(start, stop)))
        assert all(line.matched for line in lines)
        return len(asked)

    assert queries(10, 60) == queries(0, 10)


def test_names_are_written_with_the_events_in_one_statement_and_only_where_there_are_any() -> None:
    def statements(*payloads: dict[str, Any]) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            report(*payloads)
        return [query["sql"] for query in asked.captured_queries]

    report(order("warm"))
    few = statements(order("o-1"), order("o-2"))
    many = statements(*(order(f"o-{number}", payment={"psp_payment_id": f"p-{number}"}) for number in range(3, 40)))
    assert len(few) == len(many)
    assert sum("eventreference" in sql for sql in many) == 1
    assert not [sql for sql in statements(happened("page.viewed", path="/")) if "eventreference" in sql]


def test_what_is_erased_takes_its_labels_and_names_with_it() -> None:
    report(order("o-1"), order("o-2", member="sam"))
    judge_all()
    say({"order_id": "o-1", "label": "fraud"}, {"order_id": "o-2", "label": "fraud"})
    mia = Member.objects.get(member_id="mia")
    assert [said["order_id"] for said in personal_data.export(mia, actor=SHOP)["labels"]] == ["o-1"]
    personal_data.erase(mia, actor=SHOP)
    assert list(Label.objects.values_list("value", flat=True)) == ["o-2"]
    assert set(EventReference.objects.filter(kind="order").values_list("value", flat=True)) == {"o-2"}
