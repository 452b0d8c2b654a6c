"""What judging one event costs, part by part, in microseconds: the table `make bench` prints beneath its ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from detection import batches, catalog, inbox, judging, measuring
from detection.kernel.scoring import weigh
from detection.models import InboxItem
from tests.benchmarks import cases

EVENTS = 200


def measured(rounds: int) -> dict[str, tuple[float, float]]:
    """For each part the medians over the rounds: time passed, and this process's own work, an event."""
    duty = catalog.on_duty()
    found: dict[str, list[tuple[float, float]]] = {"features": [], "rules and models": [], "scoring": []}
    for _ in range(rounds + 1):
        cases.filled(EVENTS)
        held = inbox.claim(EVENTS)
        assert held is not None
        batch = batches.load(held)
        wishes = [duty.listening(event.type)[1] for event in batch.judged]
        granted, features = _timed(lambda b=batch, w=wishes: measuring.ask_store(b.judged, w))
        verdicts, whole = _timed(lambda b=batch, g=granted: judging.judge(b.judged, g, duty))
        _, scoring = _timed(lambda v=verdicts: [weigh(each.event, each.signals, seen=each.seen) for each in v])
        rules = (whole[0] - scoring[0], whole[1] - scoring[1])
        for name, cost in (("features", features), ("rules and models", rules), ("scoring", scoring)):
            found[name].append(cost)
        InboxItem.objects.all().delete()
    return {
        name: (statistics.median(c[0] for c in costs[1:]), statistics.median(c[1] for c in costs[1:]))
        for name, costs in found.items()
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return result, (spent[0] / EVENTS * 1e6, spent[1] / EVENTS * 1e6)
