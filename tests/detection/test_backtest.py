"""A back-test says of a file what live work would have said of the same events, and says it the same every time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.backtest import Backtest, BadSettings, History, duty_from, duty_of
from detection.kernel.detector import Assurance, registered
from detection.simulation import build
from detection.stories import load_stories
from tests.cast import BERLIN, LONDON
from tests.live import ROOT

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told(minutes: float, kind: str, **fields: Any) -> dict[str, Any]:
    """An event so many minutes after noon, of mia unless said otherwise."""
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"event_id": f"{kind}-{minutes}", "type": kind, "occurred_at": at, "member_id": "mia", **fields}


GUESSES = [told(n, "login.failed", ip=BERLIN) for n in range(6)]
LARGE = told(30, "transaction.attempted", device_id="unheard-of", ip=BERLIN, amount="1900.00", currency="EUR")


def written(folder: Path, events: list[Any], name: str = "events.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events))
    return path


def run(path: Path, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    out, code = path.with_suffix(".alerts"), 0
    try:
        call_command("backtest", str(path), "--out", str(out), "--json", *args)
    except SystemExit as end:
        code = int(end.code or 0)
    return [json.loads(line) for line in out.read_text().splitlines()], json.loads(capsys.readouterr().out), code


def test_a_line_is_written_when_an_alert_is_raised_and_when_it_grows_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, summary, code = run(written(tmp_path, [*GUESSES, LARGE]), capsys)
    assert code == 0
    assert [line["id"] for line in lines] == [lines[0]["id"]] * len(lines)
    assert [line["severity"] for line in lines] == ["medium", "high"]
    assert [line["action"] for line in lines] == ["notify", "lock"]
    first, last = lines
    assert first["event_ids"] == ["login.failed-4"]
    assert last["event_ids"] == ["login.failed-4", "login.failed-5", "transaction.attempted-30"]
    assert last["event_count"] == 3
    assert last["created_at"] == "2026-05-01T12:04:00.000000Z"
    assert last["member_id"] == "mia"
    assert last["action_taken"] == "none"
    assert [int(line["cursor"]) for line in lines] == [1, 2]
    assert (summary["events"], summary["alerts"], summary["lines"]) == (7, 1, 2)


def test_a_line_has_every_field_an_alert_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = run(written(tmp_path, GUESSES), capsys)[0][0]
    contract = (
        "id cursor status disposition severity risk_score title summary detectors reasons suggested_actions "
        "action_taken member_id subject event_id event_count first_seen_at last_seen_at created_at disputed "
        "assignee context event_ids action"
    )
    assert set(contract.split()) <= set(line)


def test_after_a_day_of_quiet_the_next_hit_is_a_new_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = 24 * 60
    again = [told(2 * day + n, "login.failed", ip=BERLIN) for n in range(6)]
    lines = run(written(tmp_path, [*GUESSES, *again]), capsys)[0]
    assert len({line["id"] for line in lines}) == 2
    soon = [told(day + n, "login.failed", ip=BERLIN) for n in range(6)]
    lines = run(written(tmp_path, [*GUESSES, *soon]), capsys)[0]
    assert len({line["id"] for line in lines}) == 1


def test_what_a_locked_member_does_next_is_still_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = {**LARGE, "event_id": "second", "occurred_at": told(40, "logout")["occurred_at"]}
    lines = run(
        written(tmp_path, [LARGE, second, *[told(50 + n, "login.failed", ip=BERLIN) for n in range(5)]]), capsys
    )[0]
    assert lines[-1]["event_ids"][:2] == ["transaction.attempted-30", "second"]
    assert lines[-1]["detectors"] == ["large-transaction-new-device", "failed-login-burst"]


def test_the_file_need_not_be_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = [*GUESSES, LARGE]
    straight = run(written(tmp_path, events), capsys)[0]
    mixed = random.Random(1).sample(events, len(events))
    shuffled = run(written(tmp_path, mixed, "mixed.jsonl"), capsys)[0]
    assert [{**line, "id": ""} for line in shuffled] == [{**line, "id": ""} for line in straight]


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, build(4, members=40, days=6, calm_days=1, attacks=11).events)
    run(path, capsys)
    first = path.with_suffix(".alerts").read_bytes()
    run(path, capsys)
    assert path.with_suffix(".alerts").read_bytes() == first
    assert first


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, build(4, members=30, days=5, calm_days=1, attacks=8).events)
    environ = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "manage.py", "backtest", str(path), "--out", str(tmp_path / seed)],
            cwd=ROOT,
            env={**environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() != b""


def test_repeats_count_once_and_another_body_under_the_same_id_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = [GUESSES[0]] * 6
    other = {**GUESSES[0], "ip": LONDON}
    lines, summary, code = run(written(tmp_path, [*twice, other]), capsys)
    assert not lines
    assert (summary["events"], summary["duplicates"], summary["rejected"], code) == (1, 5, 1, 1)


def test_a_bad_line_is_named_and_the_rest_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timeless = {"event_id": "x", "type": "logout", "member_id": "mia"}
    lines, summary, code = run(written(tmp_path, [*GUESSES, "{no", timeless, {**LARGE, "amount": "much"}]), capsys)
    assert len(lines) == 1
    assert code == 1
    assert [(e["line"], e["pointer"]) for e in summary["errors"]] == [(7, ""), (8, "/occurred_at"), (9, "/amount")]


def test_guests_are_judged_and_never_locked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tries = [
        told(
            n / 2,
            "payment.failed",
            member_id=None,
            device_id="till",
            payment_method_id=f"pm-{n}",
            amount="3.00",
            currency="EUR",
        )
        for n in range(8)
    ]
    lines = run(written(tmp_path, tries), capsys)[0]
    assert lines
    assert {line["member_id"] for line in lines} == {None}
    assert {line["subject"] for line in lines} == {"device:till"}
    assert "lock" not in {line["action"] for line in lines}


def test_settings_turn_rules_off_and_tune_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, GUESSES)
    settings = tmp_path / "rules.json"
    settings.write_text(json.dumps({"failed-login-burst": {"state": "off"}}))
    assert run(path, capsys, "--settings", str(settings))[0] == []
    settings.write_text(json.dumps({"failed-login-burst": {"parameters": {"limit": 3, "window": "3m"}}}))
    assert run(path, capsys, "--settings", str(settings))[0][0]["event_ids"] == ["login.failed-2"]
    settings.write_text(json.dumps({"failed-login-burst": {"state": "shadow"}}))
    assert run(path, capsys, "--settings", str(settings))[0] == []


@pytest.mark.parametrize(
    "settings",
    [
        [],
        {"no-such-rule": {}},
        {"failed-login-burst": {"state": "asleep"}},
        {"failed-login-burst": {"parameters": {"limits": 3}}},
        {"failed-login-burst": {"parameters": {"limit": "many"}}},
        {"failed-login-burst": {"parameters": {"window": "-5m"}}},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: Any) -> None:
    with pytest.raises(BadSettings):
        duty_from(settings)


def test_labels_add_precision_and_money_by_rule_and_by_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paid = {"amount": "80.00", "currency": "EUR", "member_id": "sam"}
    small = [told(1000 + n, "transaction.succeeded", order_id=f"o-{n}", **paid) for n in range(3)]
    reported = told(9000, "chargeback.received", member_id="sam", order_id="o-2")
    labels = written(
        tmp_path,
        [{"event_id": LARGE["event_id"], "label": "fraud"}, {"order_id": "o-1", "label": "legitimate"}],
        "labels.jsonl",
    )
    report = run(written(tmp_path, [LARGE, *small, reported]), capsys, "--labels", str(labels))[1]["labels"]
    by_rule = {row["rule"]: row for row in report["rules"]}["large-transaction-new-device"]
    assert by_rule == {
        "rule": "large-transaction-new-device",
        "fraud": 1,
        "legitimate": 0,
        "precision": 1.0,
        "stopped_eur": "1900.00",
        "lost_eur": "0.00",
        "good_orders": 0,
        "good_orders_hindered": 0,
    }
    first, second = report["days"]
    assert (first["day"], first["stopped_eur"], first["lost_eur"]) == ("2026-05-01", "1900.00", "0.00")
    assert (second["day"], second["stopped_eur"], second["lost_eur"]) == ("2026-05-02", "0.00", "80.00")
    assert (second["good_orders"], second["good_orders_hindered"]) == (1, 0)
    assert (report["stopped_eur"], report["lost_eur"], report["good_orders"]) == ("1900.00", "80.00", 1)


def test_labels_are_printed_as_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = written(tmp_path, [{"event_id": LARGE["event_id"], "label": "legitimate"}], "labels.jsonl")
    path = written(tmp_path, [LARGE])
    call_command("backtest", str(path), "--out", str(tmp_path / "a"), "--labels", str(labels))
    said = capsys.readouterr().out
    assert "By rule, where labels say" in said
    assert "By day (UTC)" in said
    assert "1 of 1 known good orders hindered" in said


def test_a_label_that_names_nothing_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = written(tmp_path, [{"label": "fraud"}], "labels.jsonl")
    with pytest.raises(CommandError, match="label 1"):
        run(written(tmp_path, [LARGE]), capsys, "--labels", str(labels))


def test_models_learn_up_to_a_moment_and_judge_from_then_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = build(5, members=120, days=12, attacks=12, calm_days=8)
    path = written(tmp_path, world.events)
    until = (world.until - timedelta(days=3)).isoformat()
    lines, summary, _ = run(path, capsys, "--train-until", until)
    assert summary["models"]["payments"]["rows"] > 300
    assert "anomaly-payments" in summary["signals"]
    spoke = [line for line in lines if any(name.startswith("anomaly-") for name in line["detectors"])]
    assert min(line["last_seen_at"] for line in spoke) >= until[:19]


def test_the_command_line_knows_settings_as_its_own(tmp_path: Path) -> None:
    path, settings = written(tmp_path, GUESSES), tmp_path / "rules.json"
    settings.write_text('{"failed-login-burst": {"state": "off"}}')
    done = subprocess.run(
        [sys.executable, "manage.py", "backtest", str(path), "--out", str(tmp_path / "a"), "--settings", str(settings)],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "config.settings.dev"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a").read_text() == ""
    assert "6 events" in done.stdout


SPEAKING = {cls.id for cls in registered() if not issubclass(cls, Assurance)}  # trust alone is not told


@pytest.mark.parametrize(
    "story",
    [story for story in load_stories() if story.rule_id in SPEAKING],
    ids=lambda story: f"{story.rule_id}: {story.name}",
)
def test_every_story_ends_in_a_file_as_it_does_live(story: Any, tmp_path: Path) -> None:
    path = written(tmp_path, story.events("mia", NOON, "run"))
    with History.read(path) as history:
        steps = list(Backtest(duty_of()).run(history))
    last = {signal.detector for signal in steps[-1].verdict.signals}
    assert (story.rule_id in last) is story.fires
