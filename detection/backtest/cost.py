"""What judging costs, in processor time an event: features, rules, scoring, and what is measured for the models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

from detection.backtest.evaluation import records
from detection.backtest.running import HANDFUL
from detection.catalog import Duty
from detection.enrich import enrich
from detection.features import MemoryStore
from detection.judging import judge, learned
from detection.kernel.scoring import weigh
from detection.simulation import World

MOST = 40_000  # events looked at


def microseconds(world: World, duty: Duty) -> dict[str, float]:
    """Processor time an event, in microseconds: handfuls as a worker takes them, features in this process's memory."""
    spent = {"enrichment": 0.0, "features": 0.0, "rules": 0.0, "scoring": 0.0, "measured for models": 0.0}
    store, events = MemoryStore(duty.wishes, complete=True), list(records(world))[:MOST]
    for start in range(0, len(events), HANDFUL):
        handful = events[start : start + HANDFUL]
        with _clock(spent, "enrichment"):
            handful = enrich(handful)
        wishes = [duty.listening(event.type)[1] for event in handful]
        with _clock(spent, "features"):
            granted = store.observe_and_measure(handful, wishes).seen
        with _clock(spent, "rules"):
            verdicts = judge(handful, granted, duty)
        with _clock(spent, "scoring"):
            for verdict in verdicts:
                weigh(verdict.event, (*verdict.signals, *verdict.trust, *verdict.shadows), seen=verdict.seen)
        with _clock(spent, "measured for models"):
            for event, seen in zip(handful, granted, strict=True):
                learned(event, seen)
    spent["rules"] -= spent["scoring"] + spent["measured for models"]  # judging does all three
    return {name: 1_000_000 * seconds / max(len(events), 1) for name, seconds in spent.items()}


@contextmanager
def _clock(spent: dict[str, float], name: str) -> Iterator[None]:
    began = process_time()
    yield
    spent[name] += process_time() - began
