"""PyOD's histograms (HBOS) as flat arrays: the scores PyOD gives, much faster for single rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.anomaly.compiled import compiled


@dataclass(frozen=True, eq=False)
class Histograms:
    """Every column's edges and what each bin between them scores, one column after the other."""

    starts: NDArray[np.int32]  # of each column's edges; one more closes the last
    edges: NDArray[np.float64]
    bins: NDArray[np.float64]  # one fewer than edges in each column; the last place is what lies beyond
    tolerance: float  # in bins, how far outside still counts as the outermost bin

    @classmethod
    def of(cls, detector: Any) -> Histograms:
        """The flat form of a fitted ``pyod.models.hbos.HBOS``, whether its bins were counted or chosen by column."""
        counted = isinstance(detector.hist_, np.ndarray)
        heights = list(detector.hist_.T if counted else detector.hist_)
        edges = list(detector.bin_edges_.T if counted else detector.bin_edges_)
        scores = [np.log2(height + detector.alpha) for height in heights]
        return cls(
            starts=np.cumsum([0, *(len(column) for column in edges)]).astype(np.int32),
            edges=np.concatenate(edges).astype(np.float64),
            bins=np.concatenate([[*column, column.min()] for column in scores]).astype(np.float64),
            tolerance=float(detector.tol),
        )

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the PyOD model's ``decision_function`` answers, higher is stranger."""
        values = np.ascontiguousarray(rows, np.float64)
        return _look_up()(values, self.starts, self.edges, self.bins, self.tolerance)


@cache
def _look_up() -> Callable[..., NDArray[np.float64]]:
    return compiled(_rarities, "f8[:](f8[:,::1], i4[::1], f8[::1], f8[::1], f8)")


def _rarities(rows, starts, edges, bins, tolerance):  # type: ignore[no-untyped-def]
    found = np.zeros(rows.shape[0])
    for at in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            first, last, value = starts[column], starts[column + 1] - 1, rows[at, column]
            if value <= edges[first]:
                near = edges[first] - value <= (edges[first + 1] - edges[first]) * tolerance
                place = first if near else last
            elif value > edges[last]:
                near = value - edges[last] <= (edges[last] - edges[last - 1]) * tolerance
                place = last - 1 if near else last
            else:
                place, above = first, last  # the edge below the value, and one that is not
                while above - place > 1:
                    middle = (place + above) // 2
                    if edges[middle] < value:
                        place = middle
                    else:
                        above = middle
            found[at] -= bins[place]
    return found
