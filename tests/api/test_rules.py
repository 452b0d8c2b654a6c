"""The rules at the programs' door."""

from __future__ import annotations

from typing import Any

import pytest

from detection.models import AuditPending, RuleChange
from tests.api.conftest import Caller
from tests.api.test_events import problem

BURST = "rules/failed-login-burst/"


def test_a_rule_is_read_changed_and_put_back(ada: Caller) -> None:
    rule = ada.get(BURST).json()
    assert (rule["version"], rule["state"], rule["parameters"]["window"]) == (0, "live", 600)
    assert rule in ada.get("rules/").json()["results"]
    body = {"state": "shadow", "parameters": {"limit": 8, "window": "15m"}, "severity": "low", "note": "too loud"}
    response = ada("PATCH", BURST, body | {"if_version": 0})
    assert response.status_code == 200, response.content
    changed = response.json()
    assert (changed["version"], changed["state"], changed["severity"]) == (1, "shadow", "low")
    assert (changed["parameters"]["limit"], changed["parameters"]["window"]) == (8, 900)
    assert changed["own_parameters"] == rule["parameters"]
    assert changed["changed_by"] == "ada"
    (version,) = ada.get(f"{BURST}history/").json()["results"]
    assert (version["note"], version["by"], version["parameters"]) == ("too loud", "ada", {"limit": 8, "window": 900})
    back = ada.post(f"{BURST}rollback/", {"version": 0}).json()
    assert back["parameters"] == rule["parameters"]
    assert (back["version"], back["severity"]) == (2, rule["severity"])
    assert AuditPending.objects.filter(entry__action="rule.changed").count() == 2


def test_no_severity_is_the_rules_own(ada: Caller) -> None:
    ada("PATCH", BURST, {"severity": "low"})
    changed = ada("PATCH", BURST, {"severity": None}).json()
    assert changed["severity"] == changed["own_severity"]


def test_a_version_that_is_old_is_409_and_names_who_was_quicker(ada: Caller) -> None:
    ada("PATCH", BURST, {"state": "shadow"})
    for response in (
        ada("PATCH", BURST, {"state": "off", "if_version": 0}),
        ada.post(f"{BURST}rollback/", {"version": 0, "if_version": 0}),
    ):
        said = problem(response, 409)
        assert (said["by"], said["version"]) == ("ada", 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"parameters": {"limit": 0}}, "/parameters/limit"),
        ({"parameters": {"limit": 1.5}}, "/parameters/limit"),
        ({"parameters": {"hat": 1}}, "/parameters/hat"),
        ({"state": "asleep"}, "/state"),
        ({"actor": "sam"}, "/actor"),
        ({"note": None}, "/note"),
        ([], ""),
    ],
)
def test_a_fault_is_400_with_a_pointer(ada: Caller, body: Any, pointer: str) -> None:
    assert [fault["pointer"] for fault in problem(ada("PATCH", BURST, body), 400)["errors"]] == [pointer]
    assert not RuleChange.objects.exists()


@pytest.mark.parametrize("body", [{}, {"version": 9}, {"version": "0"}, {"version": 0, "x": 1}, []])
def test_putting_back_wants_a_version_that_was(ada: Caller, body: Any) -> None:
    assert problem(ada.post(f"{BURST}rollback/", body), 400)["errors"]


def test_a_rule_nobody_knows_is_404(ada: Caller) -> None:
    for response in (
        ada.get("rules/none/"),
        ada.get("rules/none/history/"),
        ada("PATCH", "rules/none/", {"state": "off"}),
        ada.post("rules/none/rollback/", {"version": 0}),
    ):
        problem(response, 404)


def test_an_analyst_changes_nothing(olga: Caller) -> None:
    problem(olga("PATCH", BURST, {"state": "off"}), 403)
    problem(olga.post(f"{BURST}rollback/", {"version": 0}), 403)
    assert not RuleChange.objects.exists()
