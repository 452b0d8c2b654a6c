"""Labels, precision and money at the programs' door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from detection.kernel.vocabulary import KeyScope
from detection.models import Label
from tests.api.conftest import Caller, key_of
from tests.api.test_events import problem
from tests.cast import judge_all

PAYMENT = {
    "event_id": "e-1",
    "type": "transaction.attempted",
    "member_id": "mia",
    "amount": "20.00",
    "currency": "EUR",
    "order_id": "o-1",
    "payment": {"psp_payment_id": "pi_1"},
}


def test_one_label_gets_a_receipt(shop: Caller) -> None:
    shop.post("events/", PAYMENT)
    judge_all()
    said = {"order_id": "o-1", "label": "chargeback", "decided_at": "2026-10-01T09:00:00Z", "source": "stripe"}
    first = shop.post("labels/", said)
    assert first.status_code == 202, first.content
    receipt = first.json()
    assert receipt["received_at"].endswith("Z")
    expected = {"order_id": "o-1", "label": "chargeback", "duplicate": False, "matched": True}
    assert receipt == {**expected, "received_at": receipt["received_at"]}
    assert shop.post("labels/", said).json() == {**receipt, "duplicate": True}
    by_payment = shop.post("labels/", {"payment": {"psp_payment_id": "pi_1"}, "label": "fraud"}).json()
    assert (by_payment["psp_payment_id"], by_payment["matched"]) == ("pi_1", True)


def test_many_labels_get_a_result_each(shop: Caller) -> None:
    lines = [{"order_id": "o-1", "label": "fraud"}, {"order_id": "o-1", "label": "fraud"}, {"label": "fraud"}, 7]
    said = shop.post("labels/", {"labels": lines})
    assert said.status_code == 202
    content = said.json()
    assert (content["accepted"], content["duplicates"], content["rejected"]) == (1, 1, 2)
    assert [line["status"] for line in content["results"]] == ["accepted", "duplicate", "rejected", "rejected"]
    assert [line["index"] for line in content["results"]] == [0, 1, 2, 3]
    assert content["results"][2]["errors"][0]["code"] == "required"


@pytest.mark.parametrize(
    "body",
    [
        {"label": "fraud"},
        {"order_id": "o-1", "label": "guilty"},
        {"labels": []},
        {"labels": {}},
        {"labels": [{"order_id": "o-1", "label": "fraud"}], "more": 1},
        {"labels": [{"order_id": str(number), "label": "fraud"} for number in range(501)]},
        [],
    ],
)
def test_a_fault_is_400_with_a_pointer(shop: Caller, body: Any) -> None:
    assert problem(shop.post("labels/", body), 400)["errors"]
    assert not Label.objects.exists()


def test_labels_need_their_scope(db: None, olga: Caller) -> None:
    others = [scope.value for scope in KeyScope if scope is not KeyScope.LABELS_WRITE]
    problem(Caller(key=key_of("shop", *others)).post("labels/", {"order_id": "o", "label": "fraud"}), 403)
    problem(olga.post("labels/", {"order_id": "o", "label": "fraud"}), 403)
    assert not Label.objects.exists()


def test_five_hundred_labels_are_taken_at_once(shop: Caller) -> None:
    body = {"labels": [{"order_id": f"o-{number}", "label": "legitimate"} for number in range(500)]}
    assert shop.post("labels/", body).json()["accepted"] == 500


def test_precision_and_money_are_told_for_a_period(shop: Caller, olga: Caller) -> None:
    shop.post("events/", PAYMENT)
    shop.post("events/", {**PAYMENT, "event_id": "e-2", "type": "transaction.succeeded"})
    judge_all()
    shop.post("labels/", {"order_id": "o-1", "label": "fraud"})
    said = olga.get("money/").json()
    assert said["total"]["amounts"] == [{"currency": "EUR", "stopped": "0", "lost": "20"}]
    assert len(said["days"]) == 1
    assert olga.get("money/?from=2026-01-01&to=2026-01-31").json()["days"] == []
    rules = olga.get("rules/precision/?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00%2B01:00").json()
    assert rules["from"] == "2026-01-01T00:00:00.000000Z"
    assert rules["to"] == "2026-01-31T23:00:00.000000Z"
    assert {"rule", "title", "precision", "interval", "by", "shadow"} <= set(rules["results"][0])
    assert "failed-login-burst" in json.dumps(rules)


def test_a_day_is_meant_whole(olga: Caller) -> None:
    said = olga.get("money/?from=2026-01-31&to=2026-01-31").json()
    assert (said["from"], said["to"]) == ("2026-01-31T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "to=2026-13-01",
        "from=2026-02-01&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
        "from=2026-01-01&from=2026-01-02",
        "from=9999-12-31&to=9999-12-31",
        "since=2026-01-01",
    ],
)
@pytest.mark.parametrize("path", ["money/", "rules/precision/"])
def test_a_period_that_cannot_be_is_400(olga: Caller, path: str, query: str) -> None:
    problem(olga.get(f"{path}?{query}"), 400)
