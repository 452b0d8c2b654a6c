"""The layer that people teach: what turned out, learned over signals and features. It may ask for a check, no more.

A label teaches once its delay has passed, so that a chargeback weighs as much as a click. It never learns from a single
source, and nothing from the disputed side of a dispute: what a member says was not them never teaches that it was fine.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from detection.anomaly import makes
from detection.anomaly.drift import profile
from detection.anomaly.trainer import SEED, Trained
from detection.anomaly.vector import Kind, kind_named
from detection.kernel.records import Signal, iso
from detection.kernel.vocabulary import Family

NEED_BAD, NEED_GOOD = 20, 60
NEED_SOURCES = 2
MOST_OF_ONE = 0.5  # of the bad ones, from any one source
ORDINARY = 20  # unlabelled, old and quiet events beside every bad one
FAMILIES = tuple(sorted(family.value for family in Family if family not in {Family.ANOMALY, Family.TRUST}))
SUFFIX = "-verdicts"
HELD_OUT = 0.25  # the newest part, for the threshold


@dataclass(frozen=True, slots=True)
class Told:
    """One event and what people said of it: True for bad, by whom; None for an ordinary one nobody spoke of."""

    row: Sequence[float]
    occurred_at: datetime
    bad: bool | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class TooFew:
    """People have not said enough yet."""

    kind: str
    bad: int
    good: int
    sources: int

    def __str__(self) -> str:
        return (
            f"not enough verdicts on {self.kind}: {self.bad} bad of {self.sources} sources and {self.good} good, "
            f"need {NEED_BAD} of {NEED_SOURCES} and {NEED_GOOD}"
        )


def columns(kind: Kind) -> tuple[str, ...]:
    """What the layer looks at: the kind's features, then the loudest rule of each family."""
    return (*kind.names, *(f"rules_{family}" for family in FAMILIES))


def names_of(kind_name: str) -> tuple[str, ...]:
    """What a model of this kind looks at, the layer over it included. Raises KeyError for a kind there is not."""
    if kind_name.endswith(SUFFIX):
        return columns(kind_named(kind_name.removesuffix(SUFFIX)))
    return kind_named(kind_name).names


def kind_of(kind_name: str) -> Kind:
    """The kind itself, or the one a layer is over. Raises KeyError for a kind there is not."""
    return kind_named(kind_name.removesuffix(SUFFIX))


def signals_row(signals: Iterable[Signal | dict[str, Any]]) -> list[float]:
    """The loudest finding of each family of rules, 0 to 1; models and trust aside, heard or in shadow alike."""
    loudest: dict[str, float] = {}
    for signal in signals:
        wire = signal.wire() if isinstance(signal, Signal) else signal
        loudest[wire["family"]] = max(loudest.get(wire["family"], 0.0), wire["points"] / 100)
    return [loudest.get(family, 0.0) for family in FAMILIES]


def fair(told: Iterable[Told], seed: int = SEED) -> list[Told]:
    """What may teach: of any one source at most its share of the bad ones, and ordinary events by lot."""
    told = sorted(told, key=lambda one: (one.occurred_at, one.source))
    lot = random.Random(seed)  # noqa: S311 - a fair draw that can be repeated, no secret
    bad, good = [one for one in told if one.bad], [one for one in told if one.bad is False]
    by_source: dict[str, list[Told]] = defaultdict(list)
    for one in bad:
        by_source[one.source].append(one)
    kept: list[Told] = []
    for mine in by_source.values():
        others = len(bad) - len(mine)
        most = max(int(others * MOST_OF_ONE / (1 - MOST_OF_ONE)), 0)
        kept += mine if len(mine) <= most else lot.sample(mine, most)
    ordinary = [one for one in told if one.bad is None]
    few = min(len(ordinary), ORDINARY * max(len(kept), 1))
    return sorted([*kept, *good, *lot.sample(ordinary, few)], key=lambda one: one.occurred_at)


class Beside(Protocol):
    """The model the layer stands beside: it ranks rows of the kind's own features."""

    def scores(self, rows: Sequence[Sequence[float]]) -> Sequence[float]: ...


def train(told: Iterable[Told], kind: Kind, *, beside: Beside | None = None, seed: int = SEED) -> Trained | TooFew:
    """Fit the layer of a kind. The threshold keeps to the kind's budget on the newest quarter of what was not bad; the
    card tells how a layer that had not seen that quarter ranked it, and how the model ``beside`` it did."""
    rows = fair(told, seed)
    bad = [one for one in rows if one.bad]
    sources = Counter(one.source for one in bad)
    if len(bad) < NEED_BAD or len(sources) < NEED_SOURCES or len(rows) - len(bad) < NEED_GOOD:
        return TooFew(kind.name, len(bad), len(rows) - len(bad), len(sources))

    import numpy as np

    values = np.array([one.row for one in rows], np.float64)
    truth = np.array([bool(one.bad) for one in rows])
    detector = makes.judge_of(seed).fit(values, truth)
    cut = int(len(values) * (1 - HELD_OUT))
    newest = values[cut:][~truth[cut:]]
    quiet = newest if len(newest) else values[~truth]
    threshold = max(float(np.quantile(detector.decision_function(quiet), 1 - kind.budget, method="higher")), 0.0)
    strange = detector.decision_function(values) > threshold
    names = columns(kind)
    return Trained(
        kind=kind.name + SUFFIX,
        detector_name="verdicts",
        detector=detector,
        names=names,
        medians=tuple(float(value) for value in np.median(values[~truth], axis=0)),
        threshold=threshold,
        card={
            "detector": "sklearn.linear_model.LogisticRegression",
            "rows": len(rows),
            "bad": len(bad),
            "sources": len(sources),
            "subjects": len(sources),
            "clean_rows": len(quiet),
            "strange_in_clean": int((detector.decision_function(quiet) > threshold).sum()),
            "caught": int(strange[truth].sum()),
            "false": int(strange[~truth].sum()),
            "window": [iso(rows[0].occurred_at), iso(rows[-1].occurred_at)],
            "features": list(names),
            "budget": kind.budget,
            "threshold": threshold,
            "held_out": _held_out(values, truth, cut, (len(kind.names), beside) if beside else None, seed),
            "weights": {name: round(float(weight), 3) for name, weight in zip(names, detector.weights(), strict=True)},
            "profile": {name: profile(values[:, at]) for at, name in enumerate(names)},
            "scores": profile(detector.decision_function(quiet)),
        },
    )


def _held_out(values: Any, truth: Any, cut: int, beside: tuple[int, Beside] | None, seed: int) -> dict[str, Any]:
    """How well the newest verdicts are ranked (average precision) by a layer taught with the others, and by the model
    beside it; only what could be measured."""
    from sklearn.metrics import average_precision_score as ranked

    later, bad = values[cut:], truth[cut:]
    found: dict[str, Any] = {"bad": int(bad.sum())}
    if not bad.any() or bad.all() or not truth[:cut].any() or truth[:cut].all():
        return found
    layer = makes.judge_of(seed).fit(values[:cut], truth[:cut])
    found["layer"] = round(float(ranked(bad, layer.decision_function(later))), 3)
    if beside:
        width, model = beside
        found["beside"] = round(float(ranked(bad, model.scores(later[:, :width].tolist()))), 3)
    return found
