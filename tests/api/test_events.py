from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from detection.kernel.vocabulary import Trust
from detection.models import Event, InboxItem
from tests.api.conftest import Caller, key_of
from tests.cast import judge_all

PROBLEM = "application/problem+json"
BROWSED = {"event_id": "e-1", "type": "page.viewed", "ip": "81.2.69.142"}


def fine(**fields: Any) -> dict[str, Any]:
    return {**BROWSED, **fields}


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    assert response["X-Request-Id"]
    content: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "errors"} <= set(content)
    return content


def test_one_event_gets_a_receipt_and_its_row_and_its_work_are_there(shop: Caller) -> None:
    response = shop.post("events/", fine())
    assert response.status_code == 202
    receipt = response.json()
    assert set(receipt) == {"event_id", "duplicate", "received_at"}
    assert receipt["event_id"] == "e-1"
    assert receipt["duplicate"] is False
    assert InboxItem.objects.filter(event=Event.objects.get(event_id="e-1").pk).exists()


def test_a_repeat_gets_the_same_receipt_and_makes_no_second_event(shop: Caller) -> None:
    first = shop.post("events/", fine()).json()
    again = shop.post("events/", fine()).json()
    assert again == {**first, "duplicate": True}
    assert Event.objects.count() == 1


def test_the_same_id_with_another_body_is_409(shop: Caller) -> None:
    shop.post("events/", fine())
    assert problem(shop.post("events/", fine(path="/other")), 409)["errors"][0]["pointer"] == "/event_id"


def test_another_app_may_use_the_same_id(shop: Caller) -> None:
    shop.post("events/", fine())
    other = Caller(key=key_of("app"))
    assert other.post("events/", fine(path="/other")).status_code == 202
    assert Event.objects.count() == 2


def test_a_batch_tells_of_each_and_one_bad_event_sinks_no_other(shop: Caller) -> None:
    shop.post("events/", fine(event_id="known"))
    events = [
        fine(event_id="a"),
        {"event_id": "b", "type": "no.such"},
        fine(event_id="known"),
        fine(event_id="known", path="/x"),
        "no object",
    ]
    response = shop.post("events/", {"events": events})
    assert response.status_code == 202
    told = response.json()
    statuses = [result["status"] for result in told["results"]]
    assert statuses == ["accepted", "rejected", "duplicate", "conflict", "rejected"]
    assert (told["accepted"], told["duplicates"], told["rejected"]) == (1, 1, 3)
    assert [result["index"] for result in told["results"]] == [0, 1, 2, 3, 4]
    assert told["results"][1]["errors"][0]["pointer"] == "/type"


def test_a_batch_of_nothing_but_faults_is_still_202(shop: Caller) -> None:
    told = shop.post("events/", {"events": [1, None]})
    assert told.status_code == 202
    assert told.json()["rejected"] == 2


def test_lines_are_taken_and_a_broken_line_sinks_no_other(shop: Caller) -> None:
    body = b"\n".join([json.dumps(fine(event_id="a")).encode(), b'{"type": ', json.dumps(fine(event_id="c")).encode()])
    response = shop.post("events/", body, kind="application/x-ndjson")
    assert response.status_code == 202
    assert [result["status"] for result in response.json()["results"]] == ["accepted", "rejected", "accepted"]


@pytest.mark.parametrize("events", [[], [BROWSED] * 501, "text", {}])
def test_a_batch_has_one_to_five_hundred_events(shop: Caller, events: Any) -> None:
    assert problem(shop.post("events/", {"events": events}), 400)["errors"][0]["pointer"] == "/events"


def test_nothing_may_stand_beside_the_events_of_a_batch(shop: Caller) -> None:
    content = problem(shop.post("events/", {"events": [BROWSED], "more": 1}), 400)
    assert content["errors"] == [{"pointer": "/more", "detail": "This field is not known here.", "code": "unknown"}]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"amount": "ten", "currency": "EUR"}, "/amount"),
        ({"amount": -1, "currency": "EUR"}, "/amount"),
        ({"member_id": 7}, "/member_id"),
        ({"severity": "high"}, "/severity"),
        ({"is_staff": True}, "/is_staff"),
        ({"received_at": "2026-01-01T00:00:00Z"}, "/received_at"),
        ({"ip": "999.1.1.1"}, "/ip"),
        ({"occurred_at": "yesterday"}, "/occurred_at"),
        ({"occurred_at": "2026-11-22T10:00:00"}, "/occurred_at"),
        ({"type": "transaction.attempted", "amount": 1}, "/currency"),
        ({"metadata": {"note": "a\x00b"}}, "/metadata/note"),
        ({"metadata": {"much": "x" * 9000}}, "/metadata/much"),
        ({"event_id": ""}, "/event_id"),
        ({"type": None}, "/type"),
    ],
)
def test_a_fault_is_400_with_a_pointer_to_it(shop: Caller, fields: dict[str, Any], pointer: str) -> None:
    content = problem(shop.post("events/", fine(**fields)), 400)
    assert pointer in [error["pointer"] for error in content["errors"]]
    assert Event.objects.count() == 0


@pytest.mark.parametrize("hours", [-25, 1])
def test_time_is_taken_from_a_day_back_to_two_minutes_ahead(shop: Caller, hours: int) -> None:
    moment = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    assert problem(shop.post("events/", fine(occurred_at=moment)), 400)["errors"][0]["pointer"] == "/occurred_at"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"type": "logout", "type": "logout"}',
        b'{"type": "page.viewed", "ip": "1.1.1.1", "metadata": {"n": NaN}}',
        b'{"type": "page.viewed", "ip": "1.1.1.1", "metadata": {"n": 123456789012345678901234567890}}',
        b'{"type": "page.viewed", "ip": "1.1.1.1", "metadata": {"s": "\\ud800"}}',
        b'{"type": "page.viewed", "ip": "1.1.1.1", "metadata": ' + b'{"a":' * 30 + b"1" + b"}" * 31,
        b"[" * 20_000,
        b'{"\\ud800": 1, "events": []}',
    ],
)
def test_what_is_no_json_of_ours_is_400_and_never_500(shop: Caller, body: bytes) -> None:
    problem(shop.post("events/", body), 400)


def test_a_bad_value_is_never_said_back(shop: Caller) -> None:
    secret = "canary-4711-canary"
    bodies: list[Any] = [fine(**{name: secret}) for name in ("type", "ip", "country", "amount", "currency", "changed")]
    bodies += [fine(http_status=secret), fine(metadata=secret), fine(occurred_at=secret), {"events": secret}]
    for body in bodies:
        assert secret not in shop.post("events/", body).content.decode()
    assert secret not in shop.post("events/", f'{{"type": {secret}}}'.encode()).content.decode()


def test_size_is_limited_before_anything_is_read(shop: Caller) -> None:
    single = fine(metadata={f"k{n}": "x" * 8000 for n in range(40)})
    problem(shop.post("events/", single), 413)
    problem(shop.post("events/", b" " * (1024 * 1024 + 1)), 413)
    batch = {"events": [fine(event_id=f"e{n}", query="x" * 900) for n in range(400)]}
    assert shop.post("events/", batch).json()["accepted"] == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "text/json"])
def test_another_type_is_415(shop: Caller, kind: str) -> None:
    problem(shop.post("events/", fine(), kind=kind), 415)


def test_another_encoding_is_415(shop: Caller) -> None:
    problem(shop.post("events/", fine(), Content_Encoding="gzip"), 415)
    problem(shop.post("events/", fine(), kind="application/json; charset=utf-7"), 415)
    assert shop.post("events/", fine(), kind="application/json; charset=UTF-8").status_code == 202


def test_without_a_key_nothing_is_read_and_nothing_kept(stranger: Caller) -> None:
    response = stranger.post("events/", b"{" * 10)
    problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert Event.objects.count() == 0


def test_a_key_without_the_scope_is_403(db: None) -> None:
    problem(Caller(key=key_of("shop", "alerts:read")).post("events/", fine()), 403)


def test_an_event_is_pending_and_then_processed_with_what_was_found(shop: Caller) -> None:
    shop.post("events/", fine(type="login.succeeded", member_id="mia", session_id="s-1"))
    before = shop.get("events/e-1/").json()
    assert (before["state"], before["risk_score"], before["alert_id"], before["signals"]) == ("pending", None, None, [])
    judge_all()
    after = shop.get("events/e-1/").json()
    assert after["state"] == "processed"
    assert after["risk_score"] == 0
    assert after["verdict"] == "allow"
    assert after["member_id"] == "mia"
    assert after["type"] == "login.succeeded"


def test_an_app_reads_its_own_events_and_another_s_are_as_if_they_were_not(shop: Caller, olga: Caller) -> None:
    shop.post("events/", fine())
    other = Caller(key=key_of("app"))
    theirs, none = other.get("events/e-1/"), other.get("events/none/")
    assert problem(theirs, 404) == problem(none, 404)
    assert olga.get("events/e-1/").status_code == 200


def test_ids_with_slashes_and_odd_characters_are_reachable(shop: Caller) -> None:
    shop.post("events/", fine(event_id="orders/17?é%"))
    assert shop.get("events/orders%2F17%3F%C3%A9%25/").status_code == 200
    problem(shop.get("events/a%00b/"), 404)


def test_a_decision_answers_and_says_the_same_again(shop: Caller) -> None:
    asked = fine(type="transaction.attempted", member_id="mia", amount="12.00", currency="EUR")
    first = shop.post("decisions/", asked)
    assert first.status_code == 200
    answer = first.json()
    assert set(answer) == {
        "event_id",
        "verdict",
        "risk_score",
        "severity",
        "reasons",
        "lock",
        "alert_id",
        "degraded",
        "decided_at",
    }
    assert answer["verdict"] == "allow"
    assert answer["lock"] is None
    assert shop.post("decisions/", {**asked, "deadline_ms": 500}).json() == answer
    problem(shop.post("decisions/", {**asked, "amount": "13.00"}), 409)


def test_an_event_sent_before_is_judged_when_it_is_asked_about(shop: Caller) -> None:
    sent = fine(type="transaction.attempted", member_id="mia", amount="12.00", currency="EUR")
    shop.post("events/", sent)
    assert shop.post("decisions/", sent).json()["verdict"] == "allow"
    assert shop.get("events/e-1/").json()["state"] == "processed"


def test_a_locked_member_s_payment_is_denied_and_recorded(shop: Caller) -> None:
    shop.put("members/mia/", {"email": "mia@example.com"})
    shop.post("members/mia/lock/", {"reason": "card reported stolen"})
    asked = fine(type="transaction.attempted", member_id="mia", amount="12.00", currency="EUR")
    answer = shop.post("decisions/", asked).json()
    assert answer["verdict"] == "deny"
    assert answer["lock"]["state"] == "locked"
    assert shop.get("events/e-1/").json()["state"] == "processed"


@pytest.mark.parametrize("deadline", ["soon", 0, True, 1.5, 10**6])
def test_a_deadline_is_a_number_of_milliseconds(shop: Caller, deadline: Any) -> None:
    content = problem(shop.post("decisions/", fine(deadline_ms=deadline)), 400)
    assert content["errors"][0]["pointer"] == "/deadline_ms"


def test_an_unsigned_request_of_a_high_key_is_worth_a_normal_one(db: None) -> None:
    caller = Caller(key=key_of("shop", trust=Trust.HIGH))
    caller.post("events/", fine())
    assert Event.objects.get(event_id="e-1").trust == Trust.NORMAL
