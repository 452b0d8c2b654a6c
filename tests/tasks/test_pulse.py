"""Pulses and turns over a real Valkey, and without one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test.utils import override_settings
from redis import Redis

from tasks import pulse, turns

NOBODY = "redis://127.0.0.1:1/2"


@pytest.fixture(autouse=True)
def no_pulse(broker: Redis) -> None:
    pulse._breaker.worked()
    pulse.client().delete(*(f"pulse:{part}" for part in pulse.PARTS), "turn:test")


def test_who_asks_hears_how_long_ago_each_part_lived() -> None:
    assert pulse.read() == {}
    assert pulse.write("beat")
    heard = pulse.read()
    assert heard is not None
    assert set(heard) == {"beat"}
    assert 0 <= heard["beat"] < 1


def test_without_valkey_nothing_is_heard_nothing_raised_and_nobody_waits() -> None:
    with override_settings(REDIS_FEATURES_URL=NOBODY):
        assert pulse.read() is None
        began = time.perf_counter()
        for _ in range(100):
            assert not pulse.write("beat")
            assert pulse.read() is None
        assert time.perf_counter() - began < 2
        pulse._breaker.worked()
        assert turns.take("test", seconds=60), "the work may run twice, but it must run"


def test_a_frozen_valkey_costs_two_seconds_once(frozen: Any) -> None:
    frozen()
    began = time.perf_counter()
    assert pulse.read() is None
    assert pulse.read() is None
    assert time.perf_counter() - began < 3.9  # twice would be four


def test_the_first_to_ask_has_the_turn() -> None:
    assert turns.take("test", seconds=60)
    assert not turns.take("test", seconds=60)
