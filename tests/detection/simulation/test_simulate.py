"""Traffic against a running system, as make traffic plays it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.live import ROOT, LiveSystem


def run(system: LiveSystem, *args: str) -> dict[str, Any]:
    command = [sys.executable, "manage.py", "simulate", "--json", *args]
    done = subprocess.run(command, cwd=ROOT, env=system.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_world_is_played_to_a_running_system_and_what_was_caught_is_told(live_system: LiveSystem) -> None:
    told = run(live_system, "--fast", "--seed", "3", "--members", "20", "--attacks", "4", "--hours", "6")
    assert told["rejected"] == 0
    assert told["sent"] > 100
    assert told["history"] > 300
    assert told["all_judged"] is True
    assert len(told["attacks"]) == 4
    assert 0 <= told["attacks_caught"] <= 4


@pytest.mark.django_db
def test_a_dry_run_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("simulate", "--dry-run", "--json", "--seed", "3", "--members", "10")
    told = json.loads(capsys.readouterr().out)
    assert told["dry_run"] is True
    assert told["events"] > 0


@pytest.mark.django_db
def test_a_system_that_is_not_there_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SECURERETAIL_KEY", "sk_nobody_nothing")
    monkeypatch.setattr("detection.simulation.player.TRIES", 1)
    with pytest.raises(CommandError, match="make run"):
        call_command("simulate", "--fast", "--url", "http://127.0.0.1:9", "--members", "20", "--seed", "3")


@pytest.mark.django_db
def test_a_world_in_which_nothing_happens_is_refused_with_what_to_change() -> None:
    with pytest.raises(CommandError, match="--members"):
        call_command("simulate", "--fast", "--key", "sk_x", "--members", "5", "--attacks", "0", "--seed", "2")
