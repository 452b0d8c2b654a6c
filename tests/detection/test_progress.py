"""What a long command tells a log about how far it is."""

from __future__ import annotations

import pytest

from detection.management import progress
from detection.management.progress import Lines


def test_a_log_is_told_once_a_tenth_and_not_at_every_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    with Lines() as bar:
        task = bar.add_task("Judging", total=1000)
        for number in range(1001):
            bar.update(task, completed=number)
    assert capsys.readouterr().err.splitlines() == [f"Judging: {ten} %" for ten in range(10, 101, 10)]


def test_what_is_over_at_once_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as bar:
        bar.update(bar.add_task("Judging", total=1), completed=1)
    assert capsys.readouterr().err == ""
