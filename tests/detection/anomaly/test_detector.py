"""A model in line with the rules."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.explain import in_words
from detection.anomaly.forest import Forest
from detection.anomaly.trainer import Row, Trained, train
from detection.anomaly.vector import KINDS, kind_named
from detection.kernel.detector import Detector
from detection.kernel.records import EventRecord
from detection.kernel.scoring import weigh
from detection.kernel.vocabulary import Action, Family, Outcome, Severity
from tests.detection.anomaly.shop import START, Shop, event, on_duty

Takeover = Callable[[], tuple[EventRecord, Mapping[str, Any]]]


def test_a_takeover_is_called_strange_and_explained_in_words(detector: AnomalyDetector, takeover: Takeover) -> None:
    paid, seen = takeover()
    signal = detector.inspect(paid, seen)
    assert signal is not None
    assert signal.reason.text.startswith("Unlike this account's usual payments: ")
    told = signal.reason.text.partition(": ")[2].removesuffix(" Without the first it would have passed.")
    said = told.rstrip(".").split("; ")
    assert len(said) == 3
    assert signal.reason.observed > signal.reason.threshold
    things = {topic for feature in detector.kind.features for topic in feature.topics}
    assert set(said) <= {in_words(topic, paid, seen) for topic in things}
    assert "times the usual payment (mostly " in (in_words("amount", paid, seen) or "")


def test_a_model_may_ask_for_a_challenge_beside_a_rule_and_never_for_a_lock(
    detector: AnomalyDetector, takeover: Takeover
) -> None:
    paid, seen = takeover()
    signal = detector.inspect(paid, seen)
    assert signal is not None
    assert signal.from_model
    assert signal.suggests is Action.CHALLENGE
    assert weigh(paid, [signal]).outcome is Outcome.ALLOW
    odd, late = (
        replace(signal, detector=family.value, severity=Severity.LOW, family=family, points=20, from_model=False)
        for family in (Family.PLACE, Family.DEVICE)
    )
    assert weigh(paid, [signal, odd]).outcome is Outcome.ALLOW, "a payment's rules look at what its model looks at"
    assert weigh(paid, [odd, late]).outcome is Outcome.ALLOW
    verdict = weigh(paid, [signal, odd, late])
    assert verdict.outcome is Outcome.CHALLENGE
    assert verdict.action is Action.CHALLENGE


def test_usual_payments_stay_within_the_budget(
    detector: AnomalyDetector, payments: tuple[Shop, list[Row], Trained]
) -> None:
    _, rows, trained = payments
    clean = [row for row in rows if row.measured][-trained.card["clean_rows"] :]
    scores = detector.model.scores([list(row.measured.values()) for row in clean]) if detector.model else []
    strange = sum(score > trained.threshold for score in scores)
    assert strange <= max(trained.card["budget"] * len(clean), 1)


def test_a_batch_answers_as_its_events_one_by_one(detector: AnomalyDetector, takeover: Takeover) -> None:
    pairs = [takeover(), (event("page.viewed", START), {}), (event("transaction.attempted", START), {}), takeover()]
    together = detector.inspect_many(pairs)
    assert together == [detector.inspect(*pair) for pair in pairs]
    assert [bool(signal) for signal in together] == [True, False, False, True]


def test_the_same_input_gives_the_same_answer_and_nothing_is_changed(
    detector: AnomalyDetector, takeover: Takeover
) -> None:
    paid, seen = takeover()
    before = copy.deepcopy(dict(seen))
    assert detector.inspect(paid, seen) == detector.inspect(paid, seen)
    assert dict(seen) == before


def test_it_pickles_and_scores_the_same(detector: AnomalyDetector, takeover: Takeover) -> None:
    paid, seen = takeover()
    assert pickle.loads(pickle.dumps(detector)).inspect(paid, seen) == detector.inspect(paid, seen)  # noqa: S301


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_without_a_model_it_measures_and_says_nothing(kind: Any) -> None:
    waiting = AnomalyDetector(kind.name)
    assert isinstance(waiting, Detector)
    assert waiting.id == kind.detector_id
    bare = event(min(kind.listens_to), START)
    assert waiting.inspect(bare, dict.fromkeys(waiting.needs())) is None
    assert set(waiting.explainable(bare, {})) == set(kind.names)


def test_missing_context_is_survived(detector: AnomalyDetector) -> None:
    bare = event("transaction.attempted", START, member_id="mia")
    assert detector.inspect(bare, {}) is None
    assert detector.inspect(bare, dict.fromkeys(detector.needs())) is None
    no_habit = {"habit": {"median": 0, "mad": 0}, "credential_change": {"type": "profile.changed"}}
    assert detector.inspect(event("transaction.attempted", START, amount=5), no_habit) is None


def test_flat_arrays_score_as_pyod_does_to_a_billionth(payments: tuple[Shop, list[Row], Trained]) -> None:
    _, rows, trained = payments
    values = np.array([list(row.measured.values()) for row in rows if row.measured])
    rng = np.random.default_rng(3)
    values = np.vstack([values, rng.exponential(2, (500, values.shape[1]))])
    flat = Forest.of(trained.detector).scores(values)
    assert np.abs(flat - trained.detector.decision_function(values)).max() < 1e-9


def test_a_row_scores_the_same_alone_and_in_a_crowd(payments: tuple[Shop, list[Row], Trained]) -> None:
    _, rows, trained = payments
    forest = Forest.of(trained.detector)
    values = np.array([list(row.measured.values()) for row in rows[:50]])
    alone = [float(forest.scores(values[at : at + 1])[0]) for at in range(50)]
    assert alone == forest.scores(values).tolist()


def test_what_is_usual_for_a_known_member_is_said_where_it_may_spare_a_note() -> None:
    shop = Shop(kind_named("sign-ins"))
    trained = train(shop.rows(), "sign-ins")
    assert isinstance(trained, Trained)
    signing_in = on_duty(trained)
    at = shop.now + timedelta(hours=30)
    known = event(
        "login.succeeded", at, member_id="shopper-3", device_id="shopper-3-phone", ip="81.2.3.1", country="GB"
    )
    signal = signing_in.inspect(known, shop.sees(known))
    assert signal is not None
    assert signal.from_model
    assert signal.points < 0
    new = event("login.succeeded", at, member_id="new", device_id="new-phone", ip="81.2.99.1", country="GB")
    assert signing_in.inspect(new, shop.sees(new)) is None, "of somebody new nothing is usual"
    stranger = Model(**{**vars(signing_in.model), "threshold": -1.0})
    said = replace(signing_in, model=stranger).inspect(new, shop.sees(new))
    assert said is not None
    assert (said.severity, said.points) == (Severity.MEDIUM, Severity.MEDIUM.points)
    again = shop.sees(known)
    assert replace(signing_in, shadow=True).inspect(known, again) is None
