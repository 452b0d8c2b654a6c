"""An isolation forest as flat arrays: the scores PyOD gives, hundreds of times faster for single rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import log
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.anomaly.compiled import compiled
from detection.anomaly.histograms import Histograms
from detection.anomaly.tails import Blend, FrozenTails, Judge

LEAF = -1


@dataclass(frozen=True, eq=False)
class Forest:
    """Every tree's nodes in one row of arrays. A leaf's ``left`` is ``LEAF`` and its ``depth`` is its path length."""

    roots: NDArray[np.int32]
    column: NDArray[np.int32]
    split: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    depth: NDArray[np.float64]
    usual_depth: float  # of all trees together, for an ordinary row (Liu, Ting and Zhou 2008, c(psi))
    offset: float

    @classmethod
    def of(cls, detector: Any) -> Forest:
        """The flat form of a fitted ``pyod.models.iforest.IForest``."""
        fitted = detector.detector_
        parts: list[tuple[Any, ...]] = []
        roots, start = [], 0
        for number, tree in enumerate(fitted.estimators_):
            nodes = tree.tree_
            leaf = nodes.children_left == LEAF
            depth = fitted._decision_path_lengths[number] + fitted._average_path_length_per_tree[number] - 1.0
            parts.append(
                (
                    nodes.feature,
                    nodes.threshold,
                    np.where(leaf, LEAF, nodes.children_left + start),
                    np.where(leaf, LEAF, nodes.children_right + start),
                    depth,
                )
            )
            roots.append(start)
            start += nodes.node_count
        column, split, left, right, depths = (np.concatenate(piece) for piece in zip(*parts, strict=True))
        return cls(
            roots=np.asarray(roots, np.int32),
            column=column.astype(np.int32),
            split=split.astype(np.float64),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            depth=depths.astype(np.float64),
            usual_depth=len(roots) * _usual_depth(fitted._max_samples),
            offset=float(fitted.offset_),
        )

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the PyOD model's ``decision_function`` answers, higher is stranger. Rows are read as 32-bit floats, as
        it does."""
        depths = _walk()(
            np.ascontiguousarray(rows, np.float32),
            self.roots,
            self.column,
            self.split,
            self.left,
            self.right,
            self.depth,
        )
        ordinary = self.usual_depth
        return 2.0 ** -(depths / ordinary if ordinary else np.ones_like(depths)) + self.offset


@dataclass(frozen=True, eq=False)
class Whole:
    """Any other PyOD detector, asked as it is, one thread at a time."""

    detector: Any

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What its ``decision_function`` answers: higher is stranger."""
        with _one_at_a_time:
            return np.asarray(self.detector.decision_function(rows), np.float64)


@dataclass(frozen=True, eq=False)
class Blended:
    """A blend with its forest as flat arrays."""

    forest: Forest
    blend: Blend

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the blend's ``decision_function`` answers."""
        return self.blend.combined([self.forest.scores(rows), self.blend.parts_[1].decision_function(rows)])


@dataclass(frozen=True, eq=False)
class Frozen:
    """A detector of ours that nothing changes, so any thread may ask."""

    tails: FrozenTails | Judge

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.tails.decision_function(rows)


def scorer_of(name: str, fitted: Any) -> Forest | Histograms | Blended | Frozen | Whole:
    """The quickest form of a fitted detector that answers as it does."""
    if name == "iforest":
        return Forest.of(fitted)
    if name == "hbos":
        return Histograms.of(fitted)
    if name == "blend":
        return Blended(Forest.of(fitted.parts_[0]), fitted)
    return Frozen(fitted) if name in {"tails", "verdicts"} else Whole(fitted)


_one_at_a_time = Lock()


def _usual_depth(samples: int) -> float:
    """The mean depth of a row in a tree of that many samples."""
    if samples <= 2:
        return max(samples - 1.0, 0.0)
    return 2.0 * (log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples


@cache
def _walk() -> Callable[..., NDArray[np.float64]]:
    """The compiled walk down every tree."""
    return compiled(_depths, "f8[:](f4[:,::1], i4[::1], i4[::1], f8[::1], i4[::1], i4[::1], f8[::1])")


def _depths(rows, roots, column, split, left, right, depth):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - numba's
    found = np.zeros(rows.shape[0])
    for at in range(rows.shape[0]):
        for root in roots:
            node = root
            while left[node] != -1:
                node = left[node] if rows[at, column[node]] <= split[node] else right[node]
            found[at] += depth[node]
    return found
