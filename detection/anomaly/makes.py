"""The detectors a model can be made with: ours by name, anything of PyOD's by its place."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

TREES, SAMPLE = 200, 256

#: Short names, and where each comes from.
MAKES = {
    "iforest": "pyod.models.iforest.IForest",
    "hbos": "pyod.models.hbos.HBOS",
    "ocsvm": "pyod.models.ocsvm.OCSVM",
    "tails": "detection.anomaly.tails.FrozenTails",
    "blend": "detection.anomaly.tails.Blend",
}
MOST_ROWS = {"ocsvm": 5_000}  # it takes quadratic time; others of PyOD's may too
MOST_ROWS_OF_OTHERS = 20_000
MOST_ROWS_OF_OURS = 200_000
#: These append what they were fitted on to every call: a row's score depends on its neighbours, and threads mix it up.
REFUSED = {"pyod.models.ecod.ECOD": "ECOD", "pyod.models.copod.COPOD": "COPOD"}
_PLACE = re.compile(r"pyod\.models\.[a-z_0-9]+\.[A-Za-z_0-9]+", re.ASCII)
#: What an archive of one of PyOD's may hold beside skops' own types; the signed manifest names them one by one.
_FAMILIES = ("pyod.models.", "sklearn.", "scipy.", "numpy.")

#: The only types beside skops' own (plain Python, numpy, scikit-learn's public ones) an archive of ours may hold.
TRUSTED = {
    "iforest": ["pyod.models.iforest.IForest", "sklearn.tree._tree.Tree"],
    "hbos": ["pyod.models.hbos.HBOS"],
    "ocsvm": ["pyod.models.ocsvm.OCSVM"],
    "tails": ["detection.anomaly.tails.FrozenTails"],
    "verdicts": ["detection.anomaly.tails.Judge"],
    "blend": [
        "detection.anomaly.tails.Blend",
        "detection.anomaly.tails.FrozenTails",
        "pyod.models.iforest.IForest",
        "sklearn.tree._tree.Tree",
    ],
}


class Unsuitable(Exception):
    """A detector that must not be used. The text says why and what to do."""


def place_of(name: str) -> str:
    """Where a detector named in settings comes from. Raises Unsuitable."""
    place = MAKES.get(name, name)
    if place in REFUSED:
        raise Unsuitable(
            f"{REFUSED[place]}'s score of an event depends on the events beside it; use tails, the same idea frozen"
        )
    if name not in MAKES and not _PLACE.fullmatch(place):
        raise Unsuitable(f"'{name}' is no detector; use {', '.join(MAKES)} or pyod.models.<module>.<Class>")
    return place


def new(name: str, seed: int) -> Any:
    """An unfitted detector. Raises Unsuitable."""
    module, _, cls = place_of(name).rpartition(".")
    try:
        make = getattr(import_module(module), cls)
    except (ImportError, AttributeError) as fault:
        raise Unsuitable(f"PyOD as it is installed here has no {name}") from fault
    if name == "iforest":
        return make(n_estimators=TREES, max_samples=SAMPLE, random_state=seed, n_jobs=1)
    if name == "blend":
        return make(trees=TREES, sample=SAMPLE, random_state=seed)
    try:
        return make(random_state=seed)
    except TypeError:
        return make()


def textbook(seed: int) -> Any:
    """PyOD's isolation forest exactly as it comes, to be measured beside ours."""
    return getattr(import_module("pyod.models.iforest"), "IForest")(random_state=seed)  # noqa: B009 - untyped library


def judge_of(seed: int) -> Any:
    """The unfitted layer that verdicts teach."""
    from detection.anomaly.tails import Judge

    return Judge(random_state=seed)


def most_rows(name: str) -> int:
    """How many rows it can be fitted on in reasonable time."""
    return MOST_ROWS.get(name, MOST_ROWS_OF_OURS if name in MAKES else MOST_ROWS_OF_OTHERS)


def conform(detector: Any, rows: Any, name: str) -> None:
    """Raises Unsuitable unless a fitted detector gives each row one finite score, whoever its neighbours are, and the
    same when asked again, in this thread or another."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    some = np.asarray(rows[:: max(len(rows) // 40, 1)][:40], np.float64)

    def ask(part: Any) -> Any:
        return np.asarray(detector.decision_function(part), np.float64).ravel()

    whole = ask(some)
    if len(whole) != len(some) or not np.isfinite(whole).all():
        raise Unsuitable(f"{name} does not give every event one finite score")
    alone = np.array([float(ask(some[at : at + 1])[0]) for at in range(min(len(some), 8))])
    if not np.allclose(alone, whole[: len(alone)], rtol=0, atol=1e-9) or not np.array_equal(ask(some), whole):
        raise Unsuitable(f"{name}'s score of an event depends on the events beside it")
    with ThreadPoolExecutor(1) as other:
        if not np.array_equal(other.submit(ask, some).result(), whole):
            raise Unsuitable(f"{name} answers otherwise in another thread")


def trusted(name: str, found: list[str]) -> list[str]:
    """The types an archive of this detector may hold, of those ``found`` when it was made. Raises Unsuitable."""
    if name in TRUSTED:
        return TRUSTED[name]
    odd = sorted(kind for kind in found if not kind.startswith(_FAMILIES))
    if odd:
        raise Unsuitable(f"{name} keeps things in its file that are not PyOD's, scikit-learn's or SciPy's: {odd[0]}")
    return sorted(found)
