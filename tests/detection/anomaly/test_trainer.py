"""What models learn from, and what they must not."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from detection.anomaly.trainer import NEED_ROWS, Row, TooLittle, Trained, _affordable, fit_to_learn_from, train
from detection.anomaly.vector import kind_named
from tests.detection.anomaly.shop import START, Shop, on_duty

PAYMENTS = kind_named("payments")
QUIET = dict.fromkeys(PAYMENTS.names, 0.0)


def test_the_same_rows_and_seed_make_the_same_model(payments: tuple[Shop, list[Row], Trained]) -> None:
    _, rows, trained = payments
    again = train(reversed(rows), "payments")
    assert isinstance(again, Trained)
    assert again.threshold == trained.threshold
    assert again.medians == trained.medians
    probe = [[0.5] * len(trained.names)]
    assert again.detector.decision_function(probe) == trained.detector.decision_function(probe)


def test_the_card_tells_what_was_learned_from(payments: tuple[Shop, list[Row], Trained]) -> None:
    _, rows, trained = payments
    card = trained.card
    left_out = sum(card["left_out"].values())
    assert card["rows"] + card["clean_rows"] + left_out == len(rows)
    assert card["window"][1] <= card["clean_window"][0]
    assert card["features"] == list(PAYMENTS.names)
    assert card["strange_in_clean"] <= max(1, card["budget"] * card["clean_rows"])
    assert card["fit_seconds"] > 0
    assert card["memory_mb"] > 0


def test_too_little_history_is_said_plainly() -> None:
    answer = train([Row(QUIET, START, "member:mia")] * 40, "payments")
    assert isinstance(answer, TooLittle)
    assert str(answer) == f"not enough history for payments: have 40 usable events, need {NEED_ROWS}"


def test_many_events_of_few_shoppers_are_too_little() -> None:
    rows = [Row(QUIET, START + timedelta(minutes=n), f"member:{n % 19}") for n in range(19 * 20)]
    assert str(train(rows, "payments")) == "not enough history for payments: 19 shoppers, need 20"


def test_unfit_and_unmeasured_rows_are_left_out_and_counted() -> None:
    rows = [
        Row(QUIET, START, "member:mia", unfit="disputed"),
        Row(QUIET, START, "member:mia", unfit="low trust"),
        Row({}, START, "member:mia"),
        Row(QUIET, START, "member:sam"),
    ]
    usable, left_out = fit_to_learn_from(rows, PAYMENTS)
    assert [row.subject for row, _ in usable] == ["member:sam"]
    assert left_out == {"disputed": 1, "low trust": 1, "not measured": 1}


@pytest.mark.parametrize("share", ["subject", "address"])
def test_no_single_source_may_dominate(share: str) -> None:
    crowd = [Row(QUIET, START + timedelta(minutes=n), f"member:{n}", f"81.2.69.{n}") for n in range(200)]
    loud = [
        Row(
            QUIET,
            START + timedelta(seconds=n),
            "member:loud" if share == "subject" else f"member:loud-{n}",
            "185.220.101.1" if share == "address" else None,
        )
        for n in range(1000)
    ]
    usable, left_out = fit_to_learn_from(crowd + loud, PAYMENTS)
    assert len(usable) == 220
    assert left_out == {"one source dominates": 980}


def test_a_model_poisoned_by_one_source_still_calls_it_strange() -> None:
    shop = Shop(PAYMENTS)
    rows = shop.rows()
    strange = dict.fromkeys(PAYMENTS.names, 1.0)
    flood = [Row(strange, START + timedelta(minutes=n), "member:thief", "185.220.101.1") for n in range(2000)]
    trained = train(rows + flood, "payments")
    assert isinstance(trained, Trained)
    model = on_duty(trained).model
    assert model is not None
    assert model.scores([list(strange.values())])[0] > trained.threshold


def test_one_source_that_was_strange_all_week_does_not_raise_the_threshold() -> None:
    rows = [Row(QUIET, START, f"member:{n}", f"81.2.69.{n}") for n in range(1000)]
    scores = np.array([0.9] * 20 + [0.5, 0.4, 0.3] + [0.1] * 977)
    loud = [Row(QUIET, START, "member:thief", f"185.220.101.{n}") for n in range(20)]
    assert _affordable([*loud, *rows[20:]], scores, 0.002) == 0.4
    spread = [Row(QUIET, START, f"member:{n}", "185.220.101.1") for n in range(20)]
    assert _affordable([*spread, *rows[20:]], scores, 0.002) == 0.4


@pytest.mark.parametrize("feature", ["network_risk", "country", "failures_hour", "guesses", "methods_here"])
def test_what_never_happened_while_learning_still_counts(
    feature: str, payments: tuple[Shop, list[Row], Trained]
) -> None:
    _, rows, trained = payments
    assert not any(row.measured[feature] for row in rows)
    usual = dataclasses.replace(rows[-1], measured=rows[-1].measured | {feature: 1.0})  # type: ignore[operator]
    model = on_duty(trained).model
    assert model is not None
    before, after = model.scores([list(rows[-1].measured.values()), list(usual.measured.values())])
    assert after > before
