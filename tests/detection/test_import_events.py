"""Past events come in by file: they teach, they may be sent again, and a bad line is named and sinks no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from detection.kernel.vocabulary import EventState
from detection.models import Alert, Client, Event, Member
from tests.cast import happened, judge_all

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = "2024-05-01T10:00:00Z"


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "past.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *args: Any) -> tuple[dict[str, Any], int]:
    code = 0
    try:
        call_command("import_events", *map(str, args), "--json")
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(capsys.readouterr().out), code


def test_old_events_teach_and_alert_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guesses = [happened("login.failed", occurred_at=f"2024-05-01T10:00:{n:02}Z") for n in range(12)]
    path = written(tmp_path, happened("login.succeeded", occurred_at=LONG_AGO, device_id="phone"), *guesses)
    assert run(capsys, path, "--client", "shop") == (
        {"dry_run": False, "accepted": 13, "duplicates": 0, "rejected": 0, "errors": []},
        0,
    )
    judge_all()
    assert Event.objects.filter(state=EventState.PROCESSED).count() == 13
    assert not Alert.objects.exists()
    assert Client.objects.get().name == "shop"
    assert Member.objects.get().member_id == "mia"


def test_a_second_run_takes_up_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (happened("logout", occurred_at=LONG_AGO) for _ in range(2))
    run(capsys, written(tmp_path, first))
    found, code = run(capsys, written(tmp_path, first, second))
    assert (found["accepted"], found["duplicates"], code) == (1, 1, 0)


def test_events_without_an_id_are_known_by_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nameless = {"type": "login.failed", "member_id": "mia", "occurred_at": LONG_AGO}
    path = written(tmp_path, nameless, nameless, "")
    assert run(capsys, path)[0]["accepted"] == 2
    assert run(capsys, path)[0]["duplicates"] == 2


def test_a_bad_line_is_named_and_sinks_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = happened("logout", occurred_at=LONG_AGO)
    path = written(tmp_path, good, "{broken", "", {**good, "event_id": "other", "amount": -1, "currency": "EUR"})
    found, code = run(capsys, path)
    assert (found["accepted"], found["rejected"], code) == (1, 2, 1)
    assert [(error["line"], error["pointer"]) for error in found["errors"]] == [(2, ""), (4, "/amount")]


def test_a_dry_run_checks_and_stores_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, code = run(capsys, written(tmp_path, happened("logout", occurred_at=LONG_AGO)), "--dry-run")
    assert (found["accepted"], found["dry_run"], code) == (1, True, 0)
    assert not Event.objects.exists()
    assert not Client.objects.exists()
