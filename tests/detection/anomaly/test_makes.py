"""One conformance suite for every detector a model can be made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyod.models.hbos import HBOS

from detection.anomaly import makes, shelf
from detection.anomaly.forest import scorer_of
from detection.anomaly.histograms import Histograms
from detection.anomaly.tails import FrozenTails
from detection.anomaly.trainer import Row, Trained, train
from tests.detection.anomaly.shop import Shop

NAMES = [*makes.MAKES, "pyod.models.knn.KNN"]
ROWS = np.abs(np.random.default_rng(5).normal(size=(400, 6)))


@pytest.fixture(scope="module", params=NAMES)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, makes.new(request.param, 1).fit(ROWS)


def test_it_conforms_and_what_is_far_out_is_stranger(fitted: tuple[str, Any]) -> None:
    name, detector = fitted
    makes.conform(detector, ROWS, name)
    usual, far = detector.decision_function(np.vstack([np.median(ROWS, axis=0), np.full(6, 9.0)]))
    assert far > usual


def test_its_quickest_form_answers_as_it_does(fitted: tuple[str, Any]) -> None:
    name, detector = fitted
    edges = [
        np.zeros(6),
        np.full(6, -0.01),
        np.full(6, -9.0),
        ROWS.max(axis=0),
        ROWS.max(axis=0) * 1.01,
        np.full(6, 99),
    ]
    rows = np.vstack([ROWS, edges, np.random.default_rng(6).exponential(2, (300, 6))])
    assert np.abs(scorer_of(name, detector).scores(rows) - detector.decision_function(rows)).max() < 1e-9


def test_histograms_whose_bins_are_chosen_by_column_answer_the_same() -> None:
    detector = HBOS(n_bins="auto").fit(ROWS)
    rows = np.vstack([ROWS, np.random.default_rng(6).normal(0, 3, (300, 6))])
    assert np.abs(Histograms.of(detector).scores(rows) - detector.decision_function(rows)).max() < 1e-9


@pytest.mark.once
@pytest.mark.parametrize("name", ["hbos", "ocsvm", "tails", "blend", "pyod.models.knn.KNN"])
@pytest.mark.django_db
def test_it_comes_off_the_shelf_as_it_went_on(
    name: str, payments: tuple[Shop, list[Row], Trained], settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    shelf.forget()
    _, rows, _ = payments
    trained = train(rows, "payments", detector_name=name)
    assert isinstance(trained, Trained)
    shelf.put(trained)
    model = shelf.load_active("payments")
    assert model is not None
    values = np.array([list(row.measured.values()) for row in rows[:30]])
    assert np.allclose(model.scores(values.tolist()), trained.detector.decision_function(values), atol=1e-9)
    shelf.forget()


@pytest.mark.parametrize("name", ["pyod.models.ecod.ECOD", "pyod.models.copod.COPOD"])
def test_what_scores_a_row_by_its_neighbours_is_refused_by_name(name: str) -> None:
    with pytest.raises(makes.Unsuitable, match="use tails"):
        makes.new(name, 1)


@pytest.mark.parametrize("name", ["os.system", "pyod.models.iforest", "pyod.models.nothing.Nobody", "forest"])
def test_what_is_no_detector_is_refused(name: str) -> None:
    with pytest.raises(makes.Unsuitable):
        makes.new(name, 1)


def test_what_scores_a_row_by_its_neighbours_is_found_out() -> None:
    class Neighbourly(FrozenTails):
        def decision_function(self, rows: Any) -> Any:
            return super().decision_function(rows) + len(rows)

    with pytest.raises(makes.Unsuitable, match="beside it"):
        makes.conform(Neighbourly().fit(ROWS), ROWS, "neighbourly")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_found_out(value: float) -> None:
    class Broken(FrozenTails):
        def decision_function(self, rows: Any) -> Any:
            return np.full(len(rows), value)

    with pytest.raises(makes.Unsuitable, match="finite"):
        makes.conform(Broken().fit(ROWS), ROWS, "broken")


def test_an_archive_holds_nothing_from_elsewhere() -> None:
    assert makes.trusted("pyod.models.knn.KNN", ["pyod.models.knn.KNN"]) == ["pyod.models.knn.KNN"]
    with pytest.raises(makes.Unsuitable, match=r"os\.system"):
        makes.trusted("pyod.models.knn.KNN", ["pyod.models.knn.KNN", "os.system"])
