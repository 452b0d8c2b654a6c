"""Presets: real rules, fitting parameters, taken and put back as one."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection import catalog
from detection.backtest import duty_from
from detection.backtest.settings import settings_of
from detection.kernel.detector import registered
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import AuditPending, RuleChange, RuleSetting
from detection.response import presets, rules
from detection.response.presets import Preset

ADA = Actor(ActorKind.STAFF, "ada")
BURST = "failed-login-burst"


@pytest.fixture(autouse=True)
def others_see_the_rules_as_they_come(db: None) -> Any:
    yield
    catalog.refresh()


def states() -> dict[str, dict[str, Any]]:
    return {row.rule_id: rules.setting_of(row).wire() for row in RuleSetting.objects.all()}


def test_there_is_one_for_each_kind_of_business() -> None:
    assert [preset.name for preset in presets.every()] == ["fintech", "marketplace", "retail"]


@pytest.mark.parametrize("preset", presets.every(), ids=lambda preset: preset.name)
def test_each_names_only_real_rules_with_fitting_parameters_and_says_why(preset: Preset) -> None:
    assert set(preset.rules) <= {cls.id for cls in registered()}
    assert preset.title
    assert preset.why.endswith(".")
    for rule_id, setting in preset.rules.items():
        assert preset.reasons[rule_id].endswith("."), rule_id
        assert setting != rules.AS_IT_COMES, f"{rule_id} is named and stands as it comes"
    duty = {one.id: one for one in duty_from(settings_of(preset)).detectors}
    for rule_id, setting in preset.rules.items():
        if setting.state == "off":
            assert rule_id not in duty
        else:
            assert duty[rule_id].parameters().keys() >= setting.parameters.keys()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[rules.no-such]\nstate = "off"', "no rule no-such"),
        (f"[rules.{BURST}]\nparameters = {{ hat = 1 }}", "no such parameter"),
        (f"[rules.{BURST}]\nparameters = {{ limit = 0 }}", "whole number"),
        (f'[rules.{BURST}]\nstate = "asleep"', "live, shadow, off"),
        (f"[rules.{BURST}]\nhat = 1", "a state, a severity"),
        ("hat = 1", "a title, a why and rules"),
        ("[rules", "not TOML"),
    ],
)
def test_one_of_your_own_that_is_wrong_is_refused_with_the_reason(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(presets.BadPreset, match=said):
        presets.read(file)


@pytest.mark.django_db
def test_a_preset_is_taken_as_a_whole_and_put_back_as_one() -> None:
    rules.change(BURST, actor=ADA, parameters={"limit": 9}, note="mine")
    rules.change("scraping", actor=ADA, state="shadow")
    before = states()
    fintech = next(preset for preset in presets.every() if preset.name == "fintech")
    expected = presets.differences(fintech)
    applied = presets.apply(fintech, actor=ADA)
    assert applied.wire()["changes"] == [one.wire() for one in expected]
    assert {cls.id: fintech.of(cls.id).wire() for cls in registered()} == {
        cls.id: rules.AS_IT_COMES.wire() for cls in registered()
    } | states()
    assert RuleSetting.objects.get(rule_id="scraping").state == "live"  # not named: as it comes
    assert presets.apply(fintech, actor=ADA).batch is None
    assert applied.batch is not None
    made = RuleChange.objects.filter(batch=applied.batch)
    assert {(one.cause, one.by) for one in made} == {("preset", "ada")}
    assert all(one.note.startswith("Fintech preset. ") for one in made)
    ruled = presets.undo(applied.batch, actor=ADA)
    assert len(ruled) == len(expected)
    assert {name: wire for name, wire in states().items() if name in before} == before
    assert all(wire == rules.AS_IT_COMES.wire() for name, wire in states().items() if name not in before)
    audited = [entry["action"] for entry in AuditPending.objects.values_list("entry", flat=True)]
    assert (audited.count("preset.applied"), audited.count("preset.undone")) == (1, 1)


@pytest.mark.django_db
def test_where_a_rule_was_changed_since_nothing_is_put_back() -> None:
    applied = presets.apply(presets.every()[0], actor=ADA)
    assert applied.batch is not None
    rules.change(BURST, actor=ADA, parameters={"limit": 7})
    before = states()
    ruled = presets.undo(applied.batch, actor=ADA)
    assert [one.rule_id for one in ruled if one.conflict] == [BURST]
    assert states() == before


@pytest.mark.django_db
def test_the_command_lists_previews_applies_and_puts_back() -> None:
    def told(*words: str) -> str:
        out = StringIO()
        call_command("apply_preset", *words, stdout=out)
        return out.getvalue()

    assert "retail" in told()
    preview = json.loads(told("retail", "--dry-run", "--json"))
    assert (len(preview["changes"]), preview["batch"], RuleChange.objects.count()) == (6, None, 0)
    assert "6 rules changed" in told("retail")
    assert "6 rules are as they were before" in told("--undo")
    for wrong in (["none"], ["--undo"]):
        with pytest.raises(CommandError):
            call_command("apply_preset", *wrong)
