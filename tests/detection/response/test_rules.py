"""Rules at work: changes, versions, putting back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from detection import catalog
from detection.kernel.detector import Rule, registered
from detection.kernel.records import Actor
from detection.kernel.tuning import fit, plain, short
from detection.kernel.vocabulary import ActorKind, Severity
from detection.models import AuditPending, RuleChange, RuleSetting
from detection.response import rules

ADA = Actor(ActorKind.STAFF, "ada")
BURST = "failed-login-burst"


def on_duty(rule_id: str) -> Rule | None:
    catalog.refresh()
    return next((one for one in catalog.on_duty().detectors if one.id == rule_id), None)  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def others_see_the_rules_as_they_come(db: None) -> Any:
    yield
    catalog.refresh()


def test_a_change_holds_has_a_version_and_is_audited() -> None:
    made = rules.change(BURST, actor=ADA, state="shadow", parameters={"limit": 8, "window": "15m"}, note=" Mondays ")
    assert (made.changed, made.version, made.errors) == (True, 1, [])
    rule = on_duty(BURST)
    assert rule is not None
    assert rule.parameters()["limit"] == 8
    assert rule.parameters()["window"] == timedelta(minutes=15)
    assert BURST in catalog.on_duty().shadow
    (version,) = rules.history(BURST)
    assert (version.by, version.note, version.parameters) == ("ada", "Mondays", {"limit": 8, "window": 900})
    entry = AuditPending.objects.get().entry
    assert entry["action"] == "rule.changed"
    assert entry["target"] == f"rule:{BURST}"
    assert entry["detail"]["before"] == {"state": "live", "parameters": {}, "severity": None}
    assert entry["detail"]["after"]["parameters"] == {"limit": "8", "window": "900"}


def test_a_rule_that_is_off_is_not_on_duty_and_comes_back() -> None:
    rules.change(BURST, actor=ADA, state="off")
    assert on_duty(BURST) is None
    rules.change(BURST, actor=ADA, state="live")
    assert on_duty(BURST) is not None


def test_what_is_not_named_stays_and_none_goes_back_to_the_rules_own() -> None:
    rules.change(BURST, actor=ADA, parameters={"limit": 8, "guest_limit": 30})
    rules.change(BURST, actor=ADA, parameters={"limit": None}, severity="low")
    assert RuleSetting.objects.get().parameters == {"guest_limit": 30}
    rules.change(BURST, actor=ADA, parameters={"guest_limit": 25}, severity="own")  # its own values, said aloud
    row = RuleSetting.objects.get()
    assert (row.parameters, row.severity, row.version) == ({}, "", 3)


def test_the_same_again_writes_nothing() -> None:
    rules.change(BURST, actor=ADA, parameters={"limit": 8})
    again = rules.change(BURST, actor=ADA, parameters={"limit": 8})
    assert (again.changed, again.version) == (False, 1)
    assert RuleChange.objects.count() == AuditPending.objects.count() == 1


def test_a_version_is_put_back_as_a_new_one() -> None:
    rules.change(BURST, actor=ADA, parameters={"limit": 8})
    rules.change(BURST, actor=ADA, state="off", severity="low")
    assert rules.rollback(BURST, 1, actor=ADA, note="too quiet").version == 3
    row = RuleSetting.objects.get()
    assert (row.state, row.parameters, row.severity) == ("live", {"limit": 8}, "")
    assert rules.rollback(BURST, 0, actor=ADA).version == 4
    assert RuleSetting.objects.get().parameters == {}
    assert [made.restores for made in rules.history(BURST)] == [0, 1, None, None]


def test_who_looked_at_an_older_version_changes_nothing_and_hears_who_was_quicker() -> None:
    rules.change(BURST, actor=ADA, parameters={"limit": 8})
    for late in (
        rules.change(BURST, actor=ADA, state="off", if_version=0),
        rules.rollback(BURST, 0, actor=ADA, if_version=0),
    ):
        assert late.conflict is not None
        assert (late.conflict["by"], late.conflict["version"]) == ("ada", 1)
        assert late.conflict["at"]
    assert RuleSetting.objects.get().state == "live"


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"parameters": {"limit": 0}}, "/parameters/limit"),
        ({"parameters": {"limit": 2.5}}, "/parameters/limit"),
        ({"parameters": {"limit": "5"}}, "/parameters/limit"),
        ({"parameters": {"limit": True}}, "/parameters/limit"),
        ({"parameters": {"limit": Decimal("NaN")}}, "/parameters/limit"),
        ({"parameters": {"limit": Decimal("1E+999999")}}, "/parameters/limit"),
        ({"parameters": {"window": -60}}, "/parameters/window"),
        ({"parameters": {"window": "soon"}}, "/parameters/window"),
        ({"parameters": {"window": "0m"}}, "/parameters/window"),
        ({"parameters": {"window": "999999999d"}}, "/parameters/window"),
        ({"parameters": {"window": 1e300}}, "/parameters/window"),
        ({"parameters": {"window": ["10m"]}}, "/parameters/window"),
        ({"parameters": {"a/b~c": 1}}, "/parameters/a~1b~0c"),
        ({"parameters": {"nothing": None}}, "/parameters/nothing"),
        ({"parameters": [1]}, "/parameters"),
        ({"state": "asleep"}, "/state"),
        ({"state": ["live"]}, "/state"),
        ({"severity": "terrible"}, "/severity"),
        ({"severity": {}}, "/severity"),
        ({"note": "x" * 501}, "/note"),
        ({"note": 5}, "/note"),
        ({"if_version": -1}, "/if_version"),
        ({"if_version": "1"}, "/if_version"),
    ],
)
def test_nonsense_is_told_where_it_stands_and_changes_nothing(given: dict[str, Any], pointer: str) -> None:
    made = rules.change(BURST, actor=ADA, **given)
    assert [error["pointer"] for error in made.errors] == [pointer]
    assert not made.changed
    assert not RuleChange.objects.exists()


def test_every_fault_is_told_at_once() -> None:
    made = rules.change(BURST, actor=ADA, state="x", parameters={"limit": -1, "window": "x", "hat": 1})
    assert len(made.errors) == 4


def test_a_rule_or_a_version_that_is_not_there() -> None:
    assert rules.change("no-such-rule", actor=ADA, state="off").missing
    assert rules.rollback("no-such-rule", 0, actor=ADA).missing
    for version in (7, -1, None, "1", True):
        assert [e["pointer"] for e in rules.rollback(BURST, version, actor=ADA).errors] == ["/version"]


def test_a_rule_that_speaks_for_the_member_has_no_severity() -> None:
    assert rules.change("known-device", actor=ADA, severity="high").errors
    assert rules.change("known-device", actor=ADA, parameters={"lowers": 101}).errors
    assert rules.change("known-device", actor=ADA, parameters={"lowers": 5}).changed


def test_another_severity_weighs_and_keeps_milder_and_graver_apart() -> None:
    rules.change("card-testing", actor=ADA, severity="low")
    rule = on_duty("card-testing")
    assert rule is not None
    assert rule.signal("usual").severity is Severity.LOW
    assert rule.signal("usual").points == Severity.LOW.points
    assert rule.signal("graver", severity=Severity.HIGH).severity is Severity.MEDIUM
    assert rule.tuned(severity=Severity.HIGH).signal("milder", severity=Severity.LOW).severity is Severity.MEDIUM


def test_a_stored_parameter_the_rule_has_no_more_is_left_out() -> None:
    RuleSetting.objects.create(rule_id=BURST, parameters={"limit": 9, "gone": 1, "window": "x"})
    rule = on_duty(BURST)
    assert rule is not None
    assert rule.parameters() == type(rule)().parameters() | {"limit": 9}


def test_every_parameter_of_every_rule_can_be_said_and_read_again() -> None:
    for cls in registered():
        for name, value in cls().parameters().items():
            assert fit(name, value, plain(value)) == value, (cls.id, name)
            if isinstance(value, timedelta):
                assert fit(name, value, short(value)) == value, (cls.id, name)
            assert rules.change(cls.id, actor=ADA, parameters={name: plain(value)}).errors == []
    assert not RuleChange.objects.exists()
