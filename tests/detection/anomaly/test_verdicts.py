"""What people teach: from several sources, none of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest

from detection.anomaly import verdicts
from detection.anomaly.detector import LearnedDetector, Model
from detection.anomaly.drift import MOVED, profile, psi
from detection.anomaly.forest import scorer_of
from detection.anomaly.trainer import Trained
from detection.anomaly.vector import kind_named
from detection.anomaly.verdicts import Told, TooFew
from detection.kernel.vocabulary import Action
from tests.detection.anomaly.shop import START, event

KIND = kind_named("payments")
WIDE = len(verdicts.columns(KIND))


def told(number: int, *, bad: bool | None, source: str = "") -> Told:
    chance = Random(number)
    row = [chance.random() + (2.0 if bad and at < 3 else 0.0) for at in range(WIDE)]
    return Told(row, START + timedelta(minutes=number), bad, source)


def some(count: int, *, bad: bool | None, sources: int = 4, start: int = 0) -> list[Told]:
    return [told(start + n, bad=bad, source=f"s{n % sources}" if bad is not None else "") for n in range(count)]


def test_verdicts_of_several_sources_become_a_layer_that_finds_the_like() -> None:
    trained = verdicts.train([*some(40, bad=True), *some(400, bad=False, start=1000)], KIND)
    assert isinstance(trained, Trained)
    scores = trained.detector.decision_function([told(7001, bad=True).row, told(7002, bad=False).row])
    assert scores[0] > trained.threshold > scores[1]
    assert trained.card["sources"] == 4
    assert set(trained.card["weights"]) == set(trained.names)


def test_the_card_tells_how_unseen_verdicts_are_ranked_beside_the_model_on_duty() -> None:
    said = [*some(40, bad=True), *some(400, bad=False)]
    blind = verdicts.train(said, KIND, beside=Blind())
    assert isinstance(blind, Trained)
    unseen = blind.card["held_out"]
    assert unseen["bad"] == 0, "the bad ones came first: nothing was held out to try it on"
    spread = [told(n * 10, bad=True, source=f"s{n % 4}") for n in range(40)]
    fair = verdicts.train([*spread, *some(400, bad=False)], KIND, beside=Blind())
    assert isinstance(fair, Trained)
    assert fair.card["held_out"]["bad"] >= 5
    assert fair.card["held_out"]["layer"] > 0.9 > fair.card["held_out"]["beside"]


class Blind:
    """A model that finds all alike."""

    def scores(self, rows: Sequence[Sequence[float]]) -> list[float]:
        assert all(len(row) == len(KIND.names) for row in rows)
        return [0.0] * len(rows)


def test_one_source_alone_teaches_nothing() -> None:
    answer = verdicts.train([*some(500, bad=True, sources=1), *some(400, bad=False, start=1000)], KIND)
    assert isinstance(answer, TooFew)
    assert "0 bad of 0 sources" in str(answer)


def test_a_loud_source_counts_no_more_than_all_others() -> None:
    loud = [told(n, bad=True, source="loud") for n in range(500)]
    kept = verdicts.fair([*loud, *some(30, bad=True, start=1000)])
    assert sum(one.source == "loud" for one in kept) == 30


def test_too_few_verdicts_are_said_plainly() -> None:
    assert str(verdicts.train(some(3, bad=True), KIND)).startswith(
        "not enough verdicts on payments: 3 bad of 3 sources"
    )


def test_the_layer_speaks_after_the_rules_and_only_asks() -> None:
    trained = verdicts.train([*some(40, bad=True), *some(400, bad=False, start=1000)], KIND)
    assert isinstance(trained, Trained)
    scorer = scorer_of("verdicts", trained.detector)
    detector = LearnedDetector("payments", Model("payments", 1, trained.names, trained.medians, -99.0, scorer))
    paid = event("transaction.attempted", START, amount=10)
    assert detector.inspect(paid, {}) is None
    (said,) = detector.inspect_after([(paid, {})], [[]])
    assert said is not None
    assert (said.suggests, said.from_model) == (Action.CHALLENGE, True)


@pytest.mark.parametrize(("shift", "moved"), [(0.0, False), (1.5, True)])
def test_a_distribution_that_moved_is_told_from_one_that_did_not(shift: float, moved: bool) -> None:
    chance = Random(3)
    then = profile([max(chance.gauss(0, 1), 0) for _ in range(3000)])
    now = [max(chance.gauss(shift, 1), 0) for _ in range(3000)]
    assert (psi(then, now) >= MOVED) is moved


def test_a_feature_that_was_always_zero_moves_when_it_is_not() -> None:
    then = profile([0.0] * 500)
    assert psi(then, [0.0] * 500) == 0
    assert psi(then, [0.0] * 400 + [1.0] * 100) >= MOVED
