"""Detectors of our own with PyOD's shape: frozen tails, tails and a forest combined by rank, and what verdicts taught.

ECOD and COPOD ask how rare a value is beside everything they were fitted on and the very rows they score, so a row's
score depends on its neighbours. Here each column is sorted once when fitting and never touched again.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


class FrozenTails:
    """How rare a row's values are, each by itself, added up: the sum of ``-log`` of the share that is as high."""

    def __init__(self) -> None:
        self.columns_: list[Rows] = []

    def fit(self, rows: Rows) -> FrozenTails:
        self.columns_ = [np.sort(np.asarray(column, np.float64)) for column in np.asarray(rows).T]
        return self

    def decision_function(self, rows: Rows) -> Rows:
        """Higher is stranger. A zero says nothing; what lies beyond everything seen goes on growing."""
        values = np.asarray(rows, np.float64)
        found = np.zeros(len(values))
        for at, column in enumerate(self.columns_):
            value = values[:, at]
            found += np.where(value > 0, rarity(column, value), 0.0)
        return found


class Blend:
    """A forest and frozen tails, each by the rank its score would have had among what was learned, added up."""

    def __init__(self, trees: int = 200, sample: int = 256, random_state: int = 0) -> None:
        self.trees, self.sample, self.random_state = trees, sample, random_state
        self.parts_: list[Any] = []
        self.ranks_: list[Rows] = []

    def fit(self, rows: Rows) -> Blend:
        from pyod.models.iforest import IForest

        forest = IForest(n_estimators=self.trees, max_samples=self.sample, random_state=self.random_state, n_jobs=1)
        self.parts_ = [forest.fit(rows), FrozenTails().fit(rows)]
        self.ranks_ = [np.sort(part.decision_function(rows)) for part in self.parts_]
        return self

    def decision_function(self, rows: Rows) -> Rows:
        """Higher is stranger."""
        return self.combined([part.decision_function(rows) for part in self.parts_])

    def combined(self, scores: list[Rows]) -> Rows:
        """The parts' scores as one."""
        return cast(Rows, sum(rarity(ranks, score) for ranks, score in zip(self.ranks_, scores, strict=True)))


def rarity(column: Rows, values: Rows) -> Rows:
    """``-log`` of the share of a sorted column that is at least as high, and a little more beyond its end."""
    count = len(column)
    as_high = count - np.searchsorted(column, values, side="left")
    beyond = np.log1p(np.maximum(values - column[-1], 0.0))
    return cast(Rows, -np.log((as_high + 1) / (count + 1)) + beyond)


class Judge:
    """What people's verdicts taught: a logistic regression over scaled columns, higher is more likely bad."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state
        self.fitted_: Any = None

    def fit(self, rows: Rows, bad: NDArray[np.bool_]) -> Judge:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        learner = LogisticRegression(class_weight="balanced", max_iter=500, random_state=self.random_state)
        self.fitted_ = make_pipeline(StandardScaler(), learner).fit(rows, bad)
        learner.coef_ = np.maximum(learner.coef_, 0.0)  # every column grows towards risk, so none may speak for anybody
        return self

    def weights(self) -> Rows:
        """What each column adds to the odds, by its own spread."""
        return cast(Rows, self.fitted_[-1].coef_[0])

    def decision_function(self, rows: Rows) -> Rows:
        """The logarithm of the odds."""
        return np.asarray(self.fitted_.decision_function(np.asarray(rows, np.float64)), np.float64)
