"""Looking after the models: told once, promoted only if no worse, swapped without losing an event."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from detection import catalog, conf, pipeline
from detection.anomaly import seal, shelf
from detection.anomaly.trainer import Row, Trained, train
from detection.anomaly.vector import kind_named
from detection.anomaly.verdicts import FAMILIES, Told
from detection.anomaly.verdicts import train as teach
from detection.kernel.ids import uuid7
from detection.kernel.vocabulary import EventState, Family, ModelState
from detection.models import Event, ModelVersion, Notification
from detection.response import learning
from tests import cast
from tests.detection.anomaly.shop import Shop

pytestmark = pytest.mark.django_db
KIND = kind_named("payments")


@pytest.fixture(autouse=True)
def _own_shelf(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    shelf.forget()
    catalog.refresh()
    yield
    shelf.forget()
    catalog.refresh()


@cache
def month() -> list[Row]:
    return Shop(KIND).rows()


@pytest.fixture(scope="module")
def trained() -> Trained:
    found = train(month(), "payments")
    assert isinstance(found, Trained)
    return found


def file_of(row: ModelVersion) -> Path:
    return conf.current().data_dir / "models" / row.path


def lately(rows: list[Row], *, signals: Any = ()) -> None:
    """The shop's month as the pipeline leaves it, ending now."""
    shift = timezone.now() - rows[-1].occurred_at - timedelta(minutes=1)
    Event.objects.bulk_create(
        Event(
            client=cast.shop(),
            event_id=str(uuid7()),
            type="transaction.succeeded",
            occurred_at=row.occurred_at + shift,
            subject=row.subject,
            body={"ip": row.address},
            state=EventState.PROCESSED,
            seen={KIND.detector_id: row.measured},
            signals=list(signals),
        )
        for row in rows
    )


def told(kind: str) -> int:
    return Notification.objects.filter(kind=kind).count()


def test_staff_are_told_once_that_a_model_is_out_of_use_and_again_only_after_it_was_in_use(trained: Trained) -> None:
    row = shelf.put(trained)
    learning.check()
    assert told("model.unusable") == 0
    aside = file_of(row).rename(file_of(row).with_suffix(".aside"))
    for _ in range(3):
        assert learning.check()["payments"]["state"] == "degraded"
    assert told("model.unusable") == 1
    letter = Notification.objects.get(kind="model.unusable")
    assert "payments" in letter.title
    assert "the file is missing" in letter.body
    aside.rename(file_of(row))
    assert learning.check()["payments"]["state"] == "ok"
    file_of(row).unlink()
    learning.check()
    assert told("model.unusable") == 2


def test_an_ordinary_month_is_within_its_band_and_kept_with_the_version(trained: Trained) -> None:
    shelf.put(trained)
    lately(month())
    (row,) = learning.look()
    row.refresh_from_db()
    assert row.watch["rows"] > learning.LEAST
    assert set(row.watch["psi"]) == set(KIND.names)
    assert row.watch["days"]
    assert "budget" not in row.watch["words"]
    assert row.watched_at is not None


def test_a_shop_that_changes_is_told_of_once(trained: Trained) -> None:
    shelf.put(trained)
    rows = [Row({**row.measured, "youth": 1.0, "network_risk": 2.0}, *_rest(row)) for row in month()]
    lately(rows)
    for _ in range(2):
        (row,) = learning.look()
    assert "features" in row.watch["out"]
    assert told("model.drifted") == 1
    assert "network risk" in Notification.objects.get(kind="model.drifted").body


def _rest(row: Row) -> tuple[Any, ...]:
    return row.occurred_at, row.subject, row.address


def test_a_version_that_cries_wolf_stays_in_shadow_unless_forced(trained: Trained) -> None:
    shelf.put(trained)
    lately(month())
    shelf.put(Trained(**{**vars_of(trained), "threshold": -1.0}))
    refused = learning.promote("payments")
    assert isinstance(refused, learning.Refused)
    assert "ordinary events strange" in refused.text
    with pytest.raises(CommandError, match="not promoted"):
        call_command("train_models", "--promote", "payments")
    assert shelf.active_of("payments").version == 1  # type: ignore[union-attr]
    row = learning.promote("payments", force=True)
    assert isinstance(row, ModelVersion)
    assert row.version == 2
    (watched,) = learning.look()
    assert "ordinary events strange" in watched.watch["words"]["budget"]


def test_a_version_as_good_is_promoted(trained: Trained) -> None:
    shelf.put(trained)
    shelf.put(trained)
    lately(month())
    row = learning.promote("payments")
    assert isinstance(row, ModelVersion)
    assert (row.version, row.state) == (2, ModelState.ACTIVE)


def test_findings_of_rules_are_told_apart_from_the_models_own(trained: Trained) -> None:
    shelf.put(Trained(**{**vars_of(trained), "threshold": -1.0}))
    rule = {"shadow": False, "family": Family.AMOUNT.value, "points": 45, "detector": "x"}
    lately(month()[:300], signals=[rule])
    (row,) = learning.look()
    assert row.watch["with_rules"] == row.watch["strange"] == row.watch["rows"]
    assert "budget" not in row.watch["words"], "what rules found too is what it is there for"


@pytest.mark.parametrize(
    ("unseen", "refused"),
    [
        ({"bad": 9, "layer": 0.7, "beside": 0.8}, "ranked better by the model beside it"),
        ({"bad": 2, "layer": 1.0, "beside": 0.8}, "only 2 verdicts"),
        ({"bad": 9, "layer": 0.9, "beside": 0.8}, ""),
    ],
)
def test_what_verdicts_taught_goes_on_duty_only_where_it_ranks_better_than_the_model_beside_it(
    unseen: dict[str, Any], refused: str
) -> None:
    card = {"held_out": unseen, "caught": 20, "bad": 20, "false": 0, "rows": 100, "budget": 0.002}
    layer = ModelVersion(kind="payments-verdicts", version=1, card=card)
    said = learning.why_not("payments-verdicts", layer)
    assert refused in said if refused else not said


def test_the_layer_that_verdicts_taught_is_watched_like_any_other() -> None:
    rows = month()
    told = [
        Told(
            [*row.measured.values(), *(0.75 * (n % 12 == 0) for _ in FAMILIES)],
            row.occurred_at,
            n % 12 == 0,
            f"s{n // 12 % 3}",
        )
        for n, row in enumerate(rows)
    ]
    layer = teach(told, KIND)
    assert isinstance(layer, Trained)
    row = shelf.put(layer, activate=True)
    lately(rows)
    (watched,) = learning.look()
    assert watched.pk == row.pk
    assert set(watched.watch["psi"]) == set(layer.names)
    assert watched.watch["rows"] > learning.LEAST


def vars_of(trained: Trained) -> dict[str, Any]:
    return {name: getattr(trained, name) for name in Trained.__dataclass_fields__}


def test_a_swap_needs_no_restart_and_drops_no_event(trained: Trained) -> None:
    cast.settled_life("mia", days=6)
    shelf.put(trained)
    for number in range(6):
        cast.report(cast.happened("transaction.succeeded", amount="20", currency="EUR", device_id="mia-phone"))
        if number == 2:
            cast.judge_all()
            shelf.put(trained, activate=True)
    catalog.refresh()
    pipeline.drain(seconds=20)
    assert not Event.objects.exclude(state=EventState.PROCESSED).exists()
    assert [d.model.version for d in shelf.active_detectors() if d.model] == [2]


def test_what_nobody_can_go_back_to_is_cleared_away_and_nothing_stays_open(trained: Trained, monkeypatch: Any) -> None:
    monkeypatch.setattr(shelf, "LEFT_ALONE", -1.0)
    for _ in range(7):
        shelf.put(trained, activate=True)
        shelf.tidy()
        shelf.active_detectors()
    kept = {row.version for row in ModelVersion.objects.all() if file_of(row).exists()}
    assert kept == {7, 6, 5, 4}
    assert len(shelf._open) == 1
    assert shelf.rollback("payments").version == 6


def test_memory_does_not_grow_with_each_retraining(trained: Trained, monkeypatch: Any) -> None:
    monkeypatch.setattr(shelf, "LEFT_ALONE", -1.0)

    def again() -> int:
        for _ in range(3):
            shelf.put(trained, activate=True)
            shelf.active_detectors()
            shelf.tidy()
        gc.collect()
        return held()

    again()
    before = again()
    assert again() - before < 4 * 1024


def held() -> int:
    """Kilobytes this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_a_key_is_changed_without_a_gap(trained: Trained, settings: Any) -> None:
    row = shelf.put(trained)
    before, settings.MODEL_KEY = settings.MODEL_KEY, "another-key-that-is-long-enough-to-be-one"
    with pytest.raises(CommandError, match="MODEL_KEY_BEFORE"):
        call_command("rotate_model_key")
    settings.MODEL_KEY_BEFORE = before
    assert shelf.health()["payments"]["state"] == "ok"
    out = StringIO()
    call_command("rotate_model_key", "--json", stdout=out)
    assert json.loads(out.getvalue())["signed"] == ["payments 1"]
    settings.MODEL_KEY_BEFORE = ""
    row.refresh_from_db()
    assert row.key_id == seal.key_id()
    assert shelf.health()["payments"]["state"] == "ok"
