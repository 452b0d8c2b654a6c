"""Back-tests and presets at the programs' door."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from detection.backtest import trying
from detection.kernel.vocabulary import Role
from detection.models import ListEntry, RuleSetting, RuleTrial
from tests.api.conftest import Caller, staff_user
from tests.api.test_events import problem
from tests.cast import judge_all, settled_life

BURST = "rules/failed-login-burst/"


@pytest.fixture
def auditor(db: None) -> Caller:
    return Caller(user=staff_user("auditor", Role.AUDITOR))


def test_a_change_is_tried_and_what_came_out_is_read(ada: Caller, auditor: Caller) -> None:
    settled_life("mia", days=3)
    judge_all()
    response = ada.post(f"{BURST}backtest/", {"parameters": {"limit": 8, "window": "15m"}})
    assert response.status_code == 202, response.content
    asked = response.json()
    assert (asked["status"], asked["state"], asked["parameters"]) == ("waiting", "live", {"limit": 8, "window": 900})
    assert response["Location"] == f"/api/v1/{BURST}backtest/{asked['id']}/"
    assert trying.run_next()
    done = auditor.get(response["Location"]).json()
    assert (done["status"], done["judged"], done["result"]["events"]) == ("done", 6, 6)
    assert done["result"]["after"]["hits"] == 0
    assert done["result"]["estimate"]["per_day"] == 0
    assert [one["id"] for one in auditor.get(f"{BURST}backtest/").json()["results"]] == [asked["id"]]
    ada("PATCH", BURST, {"parameters": {"limit": 8, "window": "15m"}})
    assert ada.get(BURST).json()["estimate"] == done["result"]["estimate"]
    assert ada.get(f"{BURST}history/").json()["results"][0]["estimate"] == done["result"]["estimate"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"parameters": {"limit": 0}}, "/parameters/limit"),
        ({"state": "asleep"}, "/state"),
        ({"from": "yesterday"}, "/from"),
        ({"from": 5}, "/from"),
        ({"from": "2020-01-01"}, "/from"),
        ({"from": "2020-01-01", "to": "2020-01-02", "note": "x"}, "/note"),
        ([], ""),
    ],
)
def test_a_back_test_of_nonsense_is_400_with_a_pointer(ada: Caller, body: Any, pointer: str) -> None:
    response = ada.post(f"{BURST}backtest/", body)
    assert [fault["pointer"] for fault in problem(response, 400)["errors"]] == [pointer]
    assert not RuleTrial.objects.exists()


def test_too_many_back_tests_at_once_are_429(ada: Caller) -> None:
    for limit in range(6, 11):
        assert ada.post(f"{BURST}backtest/", {"parameters": {"limit": limit}}).status_code == 202
    response = ada.post(f"{BURST}backtest/", {"parameters": {"limit": 11}})
    problem(response, 429)
    assert response["Retry-After"] == "30"


def test_a_preset_is_looked_at_taken_and_put_back(ada: Caller, auditor: Caller) -> None:
    listed = {one["preset"]: one for one in auditor.get("rules/preset/").json()["results"]}
    assert set(listed) == {"fintech", "marketplace", "retail"}
    preview = ada.post("rules/preset/", {"preset": "retail", "dry_run": True}).json()
    assert preview == {"preset": "retail", "batch": None, "changes": listed["retail"]["changes"]}
    assert not RuleSetting.objects.exists()
    taken = ada.post("rules/preset/", {"preset": "retail"}).json()
    assert taken["changes"] == preview["changes"]
    assert ada.get("rules/login-from-new-country/").json()["severity"] == "low"
    (version,) = ada.get("rules/login-from-new-country/history/").json()["results"]
    assert (version["cause"], version["batch"]) == ("preset", taken["batch"])
    undone = ada.post("rules/preset/undo/", {"batch": taken["batch"]}).json()
    assert set(undone["rules"]) == {one["rule"] for one in preview["changes"]}
    assert ada.get("rules/login-from-new-country/").json()["severity"] == "medium"
    again = problem(ada.post("rules/preset/undo/", {"batch": taken["batch"]}), 409)
    assert "login-from-new-country" in again["rules"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("rules/preset/", {"preset": "none"}, 400),
        ("rules/preset/", {"preset": 5}, 400),
        ("rules/preset/", {}, 400),
        ("rules/preset/", {"preset": "retail", "dry_run": "yes"}, 400),
        ("rules/preset/undo/", {}, 400),
        ("rules/preset/undo/", {"batch": str(uuid4())}, 404),
        ("rules/preset/undo/", {"batch": "x"}, 404),
    ],
)
def test_a_preset_that_is_none_changes_nothing(ada: Caller, path: str, body: Any, status: int) -> None:
    problem(ada.post(path, body), status)
    assert not RuleSetting.objects.exists()


def test_a_line_that_was_taken_off_is_put_back_as_it_was(ada: Caller) -> None:
    line = {"effect": "block", "kind": "address", "value": "203.0.113.0/24", "reason": "case 4711"}
    made = ada.post("lists/", line).json()
    assert ada("DELETE", f"lists/{made['id']}/").status_code == 204
    problem(ada.get(f"lists/{made['id']}/"), 404)
    back = ada.post(f"lists/{made['id']}/restore/")
    assert (back.status_code, back.json()) == (200, made)
    problem(ada.post(f"lists/{made['id']}/restore/"), 404)
    ada("DELETE", f"lists/{made['id']}/")
    other = ada.post("lists/", line).json()
    assert problem(ada.post(f"lists/{made['id']}/restore/"), 409)["id"] == other["id"]
    assert ListEntry.objects.count() == 1
