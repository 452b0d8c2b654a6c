"""Fits a model on what was measured of ordinary events, and sets its threshold by how many alerts are affordable."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from detection.anomaly import makes
from detection.anomaly.drift import profile, psi
from detection.anomaly.vector import Kind, kind_named
from detection.kernel.records import iso

NEED_ROWS = 320  # with four fifths fitted on, a tree still finds its full sample
NEED_SUBJECTS = 20
CLEAN_SHARE = 0.2  # the newest part, kept from fitting: the threshold is set on it
SOURCE_SHARE = 0.01  # of the rows may come from one subject, or address, …
SOURCE_TIMES = 3  # … or this many times what a usual subject has, …
SOURCE_LEAST = 20  # … but so many always may
SEED = 20_190_806
PROBES = 0.1  # rows added for every row, see ``_with_probes``
MOST_SCORED = 20_000  # rows, to remember how scores were spread
STEPS = ("fitting", "trying", "calibrating")  # what training does once it has read
MOST_READ = 400_000  # rows held while reading; of more, as many by lot


@dataclass(frozen=True, slots=True)
class Row:
    """One judged event to learn from. ``unfit`` names why it should not be learned from, or is empty."""

    measured: Mapping[str, Any]
    occurred_at: datetime
    subject: str
    address: str | None = None
    unfit: str = ""
    ruled: bool = False  # a rule spoke about it too
    rules: tuple[float, ...] = ()  # the loudest of each family, where asked for


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted PyOD detector and all that is needed to judge with it."""

    kind: str
    detector_name: str
    detector: Any
    names: tuple[str, ...]
    medians: tuple[float, ...]
    threshold: float
    card: dict[str, Any]
    ordinary: float | None = None


@dataclass(frozen=True, slots=True)
class TooLittle:
    """There is not enough to learn from yet."""

    kind: str
    have: int
    need: int
    subjects: int
    left_out: dict[str, int]

    def __str__(self) -> str:
        text = f"not enough history for {self.kind}: have {self.have} usable events, need {self.need}"
        if self.have >= self.need:
            text = f"not enough history for {self.kind}: {self.subjects} shoppers, need {NEED_SUBJECTS}"
        return text


def train(
    rows: Iterable[Row],
    kind_name: str,
    *,
    detector_name: str = "iforest",
    budget: float | None = None,
    before: Mapping[str, Any] | None = None,
    seed: int = SEED,
    step: Callable[[int, str], None] = lambda _number, _doing: None,
) -> Trained | TooLittle:
    """Fit a model of this kind. The same rows and seed make the same model.

    ``before`` holds the profiles of the version before, to tell what has moved since; ``step`` hears of each of
    ``STEPS`` as it begins. Raises makes.Unsuitable.
    """
    kind = kind_named(kind_name)
    budget = budget or kind.budget
    place = makes.place_of(detector_name)
    usable, left_out = fit_to_learn_from(rows, kind, seed=seed)
    subjects = len({row.subject for row, _ in usable})
    if len(usable) < NEED_ROWS or subjects < NEED_SUBJECTS:
        return TooLittle(kind_name, len(usable), NEED_ROWS, subjects, left_out)

    import numpy as np  # heavy, and needed from here on only

    values = np.array([vector for _, vector in usable], np.float64)
    cut = len(usable) - max(int(len(usable) * CLEAN_SHARE), 1)
    learned = _by_lot(values[:cut], makes.most_rows(detector_name), seed)
    step(0, STEPS[0])
    started = time.perf_counter()
    detector = makes.new(detector_name, seed)
    detector.fit(_with_probes(learned, seed))
    seconds = time.perf_counter() - started
    step(1, STEPS[1])
    makes.conform(detector, values[cut:], detector_name)
    step(2, STEPS[2])
    clean = np.asarray(detector.decision_function(values[cut:]))
    drawn = _by_lot(np.arange(len(usable)), MOST_SCORED, seed)
    scores = np.asarray(detector.decision_function(values[drawn]))
    threshold = float(np.quantile(clean, 1 - budget, method="higher"))
    threshold = max(threshold, _affordable([usable[at][0] for at in drawn], scores, budget))
    strange = clean > threshold
    days = max((usable[-1][0].occurred_at - usable[cut][0].occurred_at).total_seconds() / 86_400, 1.0)
    return Trained(
        kind=kind_name,
        detector_name=detector_name,
        detector=detector,
        names=kind.names,
        medians=tuple(float(value) for value in np.median(values[:cut], axis=0)),
        threshold=threshold,
        card={
            "detector": place,
            "rows": cut,
            "fitted_on": len(learned),
            "probes": int(len(learned) * PROBES),
            "clean_rows": len(usable) - cut,
            "clean_a_day": round((len(usable) - cut) / days, 1),
            "subjects": subjects,
            "left_out": left_out,
            "window": [iso(usable[0][0].occurred_at), iso(usable[cut - 1][0].occurred_at)],
            "clean_window": [iso(usable[cut][0].occurred_at), iso(usable[-1][0].occurred_at)],
            "features": list(kind.names),
            "budget": budget,
            "threshold": threshold,
            "strange_in_clean": int(strange.sum()),
            "strange_with_rules": sum(row.ruled for (row, _), odd in zip(usable[cut:], strange, strict=True) if odd),
            "drift": {
                name: psi(before[name], values[:cut, at])
                for at, name in enumerate(kind.names)
                if before and name in before
            },
            "seed": seed,
            "fit_seconds": round(seconds, 3),
            "memory_mb": _peak_memory(),
            "profile": {name: profile(values[:cut, at]) for at, name in enumerate(kind.names)},
            "scores": profile(scores),
        },
        ordinary=float(np.quantile(scores, 1 - kind.odd)) if kind.odd else None,
    )


def fit_to_learn_from(
    rows: Iterable[Row], kind: Kind, *, seed: int = SEED
) -> tuple[list[tuple[Row, list[float]]], dict[str, int]]:
    """The rows that may teach, in order of time, each with its vector; and how many were left out, by reason."""
    left_out: Counter[str] = Counter()
    usable: list[tuple[Row, list[float]]] = []
    lot, read = random.Random(seed), 0  # noqa: S311 - a fair draw that can be repeated, no secret
    for row in rows:
        vector = None if row.unfit else kind.row(row.measured)
        if vector is None:
            left_out[row.unfit or "not measured"] += 1
            continue
        read += 1
        if len(usable) < MOST_READ:
            usable.append((row, vector))
        elif (at := lot.randrange(read)) < MOST_READ:  # every row has the same chance (Vitter 1985)
            usable[at] = (row, vector)
    if read > MOST_READ:
        left_out["more than are needed"] = read - MOST_READ
    kept = _fair_shares(usable, seed)
    if len(kept) < len(usable):
        left_out["one source dominates"] = len(usable) - len(kept)
    kept.sort(key=_in_time)
    return kept, dict(sorted(left_out.items()))


def _with_probes(values: Any, seed: int) -> Any:
    """The rows, and ordinary ones with a single feature pushed anywhere up to its most (at least 1).

    A forest cannot see a feature that never moved in its sample. In a small shop nobody pays through Tor or from a
    new country all month, and the first who does would look ordinary; the probes show where risk lies.
    """
    import numpy as np

    lot = np.random.default_rng(seed)
    probes = values[lot.integers(len(values), size=int(len(values) * PROBES))]
    at = np.arange(len(probes)), lot.integers(values.shape[1], size=len(probes))
    probes[at] = lot.uniform(0, 1, len(probes)) * np.maximum(values.max(axis=0), 1.0)[at[1]]
    return np.vstack([values, probes])


def _affordable(rows: Sequence[Row], scores: Any, budget: float) -> float:
    """The score above which the budget holds in all that was read: a clean window is often too short to tell one in a
    thousand. A subject or an address counts once, and one is always allowed, so that a single one raises nothing."""
    spent, left = set[tuple[str, str | None]](), max(int(budget * len(rows)), 1)
    for at in (-scores).argsort(kind="stable"):
        sources = {("subject", rows[at].subject), ("address", rows[at].address)} - {("address", None)}
        if sources & spent:
            continue
        if not left:
            return float(scores[at])
        spent, left = spent | sources, left - 1
    return float(scores.min())


def _by_lot(values: Any, most: int, seed: int) -> Any:
    """The rows, or so many of them when there are more."""
    import numpy as np

    if len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng(seed).choice(len(values), most, replace=False))]


def _fair_shares(usable: list[tuple[Row, list[float]]], seed: int) -> list[tuple[Row, list[float]]]:
    """At most a share of the rows from any one subject or address, by lot: who posts most teaches no more."""
    each = sorted(Counter(row.subject for row, _ in usable).values()) or [0]
    most = max(SOURCE_LEAST, int(len(usable) * SOURCE_SHARE), each[len(each) // 2] * SOURCE_TIMES)
    drawn = sorted(usable, key=_in_time)
    random.Random(seed).shuffle(drawn)  # noqa: S311 - a fair draw that can be repeated, no secret
    taken: Counter[tuple[str, str]] = Counter()
    kept = []
    for pair in drawn:
        sources = [("subject", pair[0].subject)]
        if pair[0].address:
            sources.append(("address", pair[0].address))
        if all(taken[source] < most for source in sources):
            taken.update(sources)
            kept.append(pair)
    return kept


def _in_time(pair: tuple[Row, list[float]]) -> tuple[datetime, str, list[float]]:
    return pair[0].occurred_at, pair[0].subject, pair[1]


def _peak_memory() -> float:
    """The most this process has held, in MB (Linux counts kilobytes, macOS bytes)."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
