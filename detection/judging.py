"""Judging: features in, verdicts out. No tables, no effects; the same for live work, decisions and ``backtest``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import structlog

from detection.anomaly import vector
from detection.anomaly.detector import LearnedDetector
from detection.catalog import Duty
from detection.kernel.detector import Detector
from detection.kernel.features import TEACHES, FirstSeen, Known, Wish
from detection.kernel.records import EventRecord, Signal, Verdict
from detection.kernel.scoring import weigh
from detection.kernel.vocabulary import Outcome

logger = structlog.get_logger(__name__)

Granted = dict[Wish, Any]
LOOKS = 5  # at a handful in which something was refused; two settle all but a made-up one


def judge(
    events: Sequence[EventRecord], granted: Sequence[Granted], duty: Duty, *, degraded: Sequence[str] = ()
) -> list[Verdict]:
    """One verdict an event, in order. A detector that raises is skipped for that event and named in ``broken``."""
    signals: list[list[Signal]] = [[] for _ in events]
    broken: list[list[str]] = [[] for _ in events]
    seen: list[dict[str, Any]] = [{} for _ in events]
    for detector in duty.detectors:
        places = [place for place, event in enumerate(events) if event.type in detector.listens_to]
        if not places:
            continue
        needs = detector.needs()
        pairs = [(events[place], {name: granted[place].get(wish) for name, wish in needs.items()}) for place in places]
        for place, (_event, view), signal in zip(places, pairs, _ask(detector, pairs), strict=True):
            seen[place][detector.id] = view
            if isinstance(signal, Exception):
                broken[place].append(detector.id)
                logger.error("detector.broken", detector=detector.id, error=type(signal).__name__)
            elif signal is not None:
                signals[place].append(replace(signal, shadow=True) if detector.id in duty.shadow else signal)
    for detector in duty.detectors:
        if isinstance(detector, LearnedDetector):
            _ask_after(detector, events, granted, signals, shadow=detector.shadow or detector.id in duty.shadow)
    for place, event in enumerate(events):
        seen[place] |= learned(event, granted[place])
    return [
        weigh(event, signals[place], seen=seen[place], broken=broken[place], degraded=degraded)
        for place, event in enumerate(events)
    ]


def judge_in_turn(
    events: Sequence[EventRecord],
    granted: Sequence[Granted],
    duty: Duty,
    *,
    unteach: Callable[[Sequence[EventRecord]], None],
    again: Callable[[Sequence[EventRecord], Sequence[Collection[Wish]], AbstractSet[str]], Sequence[Granted]],
    before: AbstractSet[str] = frozenset(),
) -> list[Verdict]:
    """The verdicts as if the events had come one by one: what an event taught that is challenged or refused is taken
    back, and what its subject did next in the handful is looked at once more, with what is known then.

    ``again`` measures events anew while those whose ``id`` is in its third argument teach nothing. A look asks once for
    the whole handful and settles at least the next event whose verdict it changes; after ``LOOKS`` the verdicts stand.
    Events in ``before`` were judged earlier: they are looked at, and teach nothing here.
    """
    verdicts = judge(events, granted, duty)
    refused: AbstractSet[str] = frozenset()
    for _ in range(LOOKS):
        found = _refused(verdicts) - before
        if found == refused:
            return verdicts
        alone, places = _concerned(events, found, refused)
        mine = [events[place] for place in places]
        unteach([*alone, *(event for event in mine if event.type in TEACHES and event.id not in before)])
        refused = found
        if not mine:
            return verdicts
        asked = [[wish for wish in granted[place] if isinstance(wish, (FirstSeen, Known))] for place in places]
        for place, answer in zip(places, again(mine, asked, refused | before), strict=True):
            granted[place].update(answer)
        for place, verdict in zip(places, judge(mine, [granted[place] for place in places], duty), strict=True):
            verdicts[place] = verdict
    late = _refused(verdicts) - before - refused
    if late:
        unteach([event for event in events if event.id in late])
    return verdicts


def _refused(verdicts: Sequence[Verdict]) -> AbstractSet[str]:
    """The events that would have taught something, had they been let through."""
    return {v.event.id for v in verdicts if v.outcome is not Outcome.ALLOW and v.event.type in TEACHES}


def _concerned(
    events: Sequence[EventRecord], found: AbstractSet[str], refused: AbstractSet[str]
) -> tuple[list[EventRecord], list[int]]:
    """Of what is refused now and was not before, the events that nothing of their subject follows; and of all other
    subjects in which something changed every place."""
    last = {event.subject: event.id for event in events}
    alone = [event for event in events if event.id in found - refused and last[event.subject] == event.id]
    settled = {event.id for event in alone}
    moved = {event.subject for event in events if event.id in (found ^ refused) - settled}
    return [e for e in alone if e.subject not in moved], [n for n, e in enumerate(events) if e.subject in moved]


def learned(event: EventRecord, granted: Granted) -> dict[str, Any]:
    """What the models measure of an event, by detector: stored with it, and what they are trained on."""
    return {
        kind.detector_id: kind.measure(event, {name: granted.get(wish) for name, wish in kind.needs().items()})
        for kind in vector.KINDS
        if event.type in kind.listens_to
    }


def _ask_after(
    detector: LearnedDetector,
    events: Sequence[EventRecord],
    granted: Sequence[Granted],
    signals: list[list[Signal]],
    *,
    shadow: bool,
) -> None:
    """Let who listens to the others speak last."""
    places = [place for place, event in enumerate(events) if event.type in detector.listens_to]
    needs = detector.needs()
    pairs = [(events[place], {name: granted[place].get(wish) for name, wish in needs.items()}) for place in places]
    for place, signal in zip(places, detector.inspect_after(pairs, [signals[at] for at in places]), strict=True):
        if signal is not None:
            signals[place].append(replace(signal, shadow=shadow))


def _ask(detector: Detector, pairs: Sequence[tuple[EventRecord, Mapping[str, Any]]]) -> list[Signal | Exception | None]:
    try:
        return list(detector.inspect_many(pairs))
    except Exception:  # noqa: BLE001 - a broken rule must not silence the rest: find whose event it was
        answers: list[Signal | Exception | None] = []
        for event, view in pairs:
            try:
                answers.append(detector.inspect(event, view))
            except Exception as error:  # noqa: BLE001
                answers.append(error)
        return answers
