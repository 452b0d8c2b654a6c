"""Models fitted on the shop's month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from detection.anomaly.detector import AnomalyDetector
from detection.anomaly.trainer import Row, Trained, train
from detection.anomaly.vector import kind_named
from detection.kernel.records import EventRecord
from tests.detection.anomaly.shop import Shop, event, on_duty

numbers = count(1)


@pytest.fixture(scope="package")
def payments() -> tuple[Shop, list[Row], Trained]:
    shop = Shop(kind_named("payments"))
    rows = shop.rows()
    trained = train(rows, "payments")
    assert isinstance(trained, Trained)
    return shop, rows, trained


@pytest.fixture(scope="package")
def detector(payments: tuple[Shop, list[Row], Trained]) -> AnomalyDetector:
    return on_duty(payments[2])


@pytest.fixture
def takeover(payments: tuple[Shop, list[Row], Trained]) -> Callable[[], tuple[EventRecord, Mapping[str, Any]]]:
    """A thief's large payment for one member, minutes after signing in from nowhere they have been."""

    def happen() -> tuple[EventRecord, Mapping[str, Any]]:
        shop = payments[0]
        thief = {
            "member_id": "shopper-3",
            "device_id": f"thief-{next(numbers)}",
            "ip": "185.220.101.1",
            "network": "tor",
            "country": "DE",
            "agent": "Chrome on Linux",
            "session_id": f"stolen-{next(numbers)}",
        }
        at = shop.now + timedelta(hours=30)
        shop.sees(event("login.succeeded", at, **thief))
        paid = event("transaction.attempted", at + timedelta(minutes=2), amount=900, payment_method_id="x", **thief)
        return paid, shop.sees(paid)

    return happen
