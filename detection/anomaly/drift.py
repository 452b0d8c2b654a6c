"""How far a distribution has moved since a model learned it: the population stability index.

PSI sums ``(now - then) * log(now / then)`` over bins; below 0.1 nothing has moved, from 0.25 on it has (Siddiqi 2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOVED = 0.25
BINS = 10
LEAST = 200  # rows to say anything from
ABSENT = 0.002  # the share an empty bin is given, so that one new value is no earthquake


def profile(values: Any) -> dict[str, list[float]]:
    """A distribution to compare with later: the edges between bins, and the share in each. Zeros have their own bin,
    for most features are zero most of the time."""
    import numpy as np

    column = np.asarray(values, np.float64)
    high = column[column > 0] if (column >= 0).all() else column
    inner = np.unique(np.round(np.quantile(high, np.linspace(0, 1, BINS)[1:-1]), 6)) if len(high) else np.array([])
    edges = [0.0, *inner.tolist()] if (column >= 0).all() else inner.tolist()
    edges = sorted(set(edges))
    return {"edges": edges, "shares": _shares(column, edges)}


def psi(then: Mapping[str, Any], values: Any) -> float:
    """How far these values are from a profile."""
    import numpy as np

    now = np.maximum(_shares(np.asarray(values, np.float64), then["edges"]), ABSENT)
    before = np.maximum(then["shares"], ABSENT)
    return round(float(((now - before) * np.log(now / before)).sum()), 4)


def _shares(column: Any, edges: list[float]) -> list[float]:
    import numpy as np

    counts = np.bincount(np.searchsorted(edges, column, side="left"), minlength=len(edges) + 1)
    return [round(float(share), 6) for share in counts / max(len(column), 1)]
