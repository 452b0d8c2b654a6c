"""Models on the shelf: signed, verified before they are opened, and moved between versions."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detection import conf
from detection.anomaly import shelf
from detection.anomaly.trainer import Row, Trained
from detection.kernel.vocabulary import ModelState
from detection.models import AuditPending, ModelVersion
from tests.detection.anomaly.shop import Shop

pytestmark = pytest.mark.django_db

History = tuple[Shop, list[Row], Trained]


@pytest.fixture(autouse=True)
def _own_shelf(settings, tmp_path: Path) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path
    shelf.forget()
    yield
    shelf.forget()


def path_of(row: ModelVersion) -> Path:
    return conf.current().data_dir / "models" / row.path


def states() -> dict[int, str]:
    return dict(ModelVersion.objects.values_list("version", "state"))


def test_a_model_comes_off_the_shelf_as_it_went_on(payments: History) -> None:
    _, rows, trained = payments
    row = shelf.put(trained)
    model = shelf.load_active("payments")
    assert model is not None
    assert (model.version, model.threshold, model.medians) == (1, trained.threshold, trained.medians)
    values = np.array([list(row.measured.values()) for row in rows])
    assert np.abs(np.array(model.scores(values)) - trained.detector.decision_function(values)).max() < 1e-9
    assert row.card["libraries"]["pyod"]


def test_the_first_version_is_on_duty_and_the_next_waits_in_shadow(payments: History) -> None:
    for _ in range(3):
        shelf.put(payments[2])
    assert states() == {1: ModelState.ACTIVE, 2: ModelState.RETIRED, 3: ModelState.SHADOW}
    assert [(detector.model.version, detector.shadow) for detector in shelf.active_detectors() if detector.model] == [
        (1, False),
        (3, True),
    ]


def test_promoting_and_rolling_back_take_one_call_each_and_are_audited(payments: History) -> None:
    shelf.put(payments[2])
    shelf.put(payments[2])
    assert shelf.activate("payments").version == 2
    assert states() == {1: ModelState.RETIRED, 2: ModelState.ACTIVE}
    assert shelf.rollback("payments").version == 1
    assert states() == {1: ModelState.ACTIVE, 2: ModelState.RETIRED}
    assert AuditPending.objects.count() == 5  # two trained, the first on duty at once, one promoted, one put back


def test_nothing_to_go_back_to_is_said(payments: History) -> None:
    with pytest.raises(shelf.NoSuchModel):
        shelf.rollback("payments")
    shelf.put(payments[2])
    with pytest.raises(shelf.NoSuchModel):
        shelf.rollback("payments")
    with pytest.raises(shelf.NoSuchModel):
        shelf.activate("payments")


def test_without_models_rules_are_alone_and_nothing_is_broken() -> None:
    assert shelf.active_detectors() == []
    assert shelf.load_active("payments") is None
    assert shelf.health()["payments"] == {"state": "untrained"}


def is_degraded(words: str) -> bool:
    """Whether the detector is gone and the status says why."""
    shelf.forget()
    report = shelf.health()["payments"]
    return shelf.active_detectors() == [] and report["state"] == "degraded" and words in report["reason"]


def test_a_missing_file_degrades(payments: History) -> None:
    row = shelf.put(payments[2])
    assert shelf.health()["payments"]["state"] == "ok"
    path_of(row).unlink()
    assert is_degraded("missing")


def test_an_altered_file_is_never_opened(payments: History) -> None:
    row = shelf.put(payments[2])
    path = path_of(row)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert is_degraded("the file was altered")


@pytest.mark.parametrize("suffix", [".skops", ".json"])
def test_of_a_file_of_any_size_no_more_is_read_than_ours_may_have(payments: History, suffix: str) -> None:
    row = shelf.put(payments[2])
    with path_of(row).with_suffix(suffix).open("r+b") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    assert is_degraded("too large")


def test_a_pickle_in_its_place_is_never_run(payments: History, tmp_path: Path) -> None:
    row = shelf.put(payments[2])
    trace = tmp_path / "it-ran"
    path_of(row).write_bytes(pickle.dumps(Runs(str(trace))))
    assert is_degraded("the file was altered")
    assert not trace.exists()


class Runs:
    """Something that leaves a file behind when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_an_altered_manifest_is_refused(payments: History) -> None:
    row = shelf.put(payments[2])
    path = path_of(row).with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 9.0}))
    assert is_degraded("manifest was altered")
    path.write_text("not even json")
    assert is_degraded("manifest was altered")


def test_another_key_is_refused(payments: History, settings) -> None:  # type: ignore[no-untyped-def]
    shelf.put(payments[2])
    settings.MODEL_KEY = "another-key-that-is-long-enough-to-be-one"
    assert is_degraded("another key")


def test_other_library_versions_are_refused_though_rightly_signed(payments: History) -> None:
    row = shelf.put(payments[2])
    resign(row, libraries={"pyod": "1.0"})
    assert is_degraded("trained with pyod 1.0")


def test_a_model_that_looks_at_other_features_is_refused(payments: History) -> None:
    row = shelf.put(payments[2])
    resign(row, features=["device"])
    assert is_degraded("other features")


def test_types_off_our_list_are_refused_even_when_signed(payments: History) -> None:
    row = shelf.put(payments[2])
    resign(row, detector="hbos")  # a forest where only a histogram's types are trusted
    shelf.forget()
    assert shelf.active_detectors() == []


def resign(row: ModelVersion, **changed: object) -> None:
    """Change the manifest as someone who holds the key could."""
    path = path_of(row).with_suffix(".json")
    manifest = json.loads(path.read_text()) | changed
    path.write_text(json.dumps(manifest))
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    row.signature = hmac.new(conf.current().model_key, b"model manifest\n" + text, hashlib.sha256).hexdigest()
    row.save()


def test_a_version_that_does_not_verify_is_not_put_on_duty(payments: History) -> None:
    shelf.put(payments[2])
    second = shelf.put(payments[2])
    path_of(second).unlink()
    with pytest.raises(shelf.Unusable):
        shelf.activate("payments")
    assert states()[1] == ModelState.ACTIVE


def test_asking_who_is_on_duty_opens_a_version_once(payments: History) -> None:
    row = shelf.put(payments[2])
    first = shelf.active_detectors()[0].model
    path_of(row).unlink()
    assert shelf.active_detectors()[0].model is first
