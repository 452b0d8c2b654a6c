"""Who is on duty: the rules with what admins changed about them, and the models that passed their checks."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import structlog
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Sum

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection import enrich
from detection.announcements import DutyChanged
from detection.anomaly import shelf, vector
from detection.conf import current
from detection.features import FeatureStore, RedisStore, connect
from detection.kernel.detector import Detector, Rule, registered, wishes_of
from detection.kernel.features import Wish
from detection.kernel.lists import Entry, ListDetector
from detection.kernel.tuning import fitting
from detection.kernel.vocabulary import ListEffect, RuleState, Severity
from detection.models import ListEntry, RuleSetting

logger = structlog.get_logger(__name__)

REFRESH_AFTER = 2.0  # seconds a worker may go on with settings it has read


@dataclass(frozen=True)
class Duty:
    """The detectors that look at events now. ``shadow`` ones are heard but weigh nothing."""

    detectors: tuple[Detector, ...]
    shadow: frozenset[str] = frozenset()

    @cached_property
    def wishes(self) -> frozenset[Wish]:
        kinds = frozenset(wish for kind in vector.KINDS for wish in kind.needs().values())
        return wishes_of(self.detectors) | kinds

    @cached_property
    def _by_type(self) -> dict[str, tuple[tuple[Detector, ...], frozenset[Wish]]]:
        return {}

    def listening(self, event_type: str) -> tuple[tuple[Detector, ...], frozenset[Wish]]:
        """The detectors that listen to a type, and everything they and the models' training wish for."""
        known = self._by_type.get(event_type)
        if known is None:
            ears = tuple(detector for detector in self.detectors if event_type in detector.listens_to)
            kinds = [kind for kind in vector.KINDS if event_type in kind.listens_to]
            wishes = wishes_of(ears) | frozenset(wish for kind in kinds for wish in kind.needs().values())
            known = (ears, wishes)
            if len(self._by_type) < 1000:
                self._by_type[event_type] = known
        return known

    def learning(self, event_type: str) -> frozenset[Wish]:
        """What the models alone wish for of a type: history is measured for them and judged by nobody."""
        kinds = [kind for kind in vector.KINDS if event_type in kind.listens_to]
        return frozenset(wish for kind in kinds for wish in kind.needs().values())


_lock = Lock()
_duty: Duty | None = None
_read_at = 0.0
_store: RedisStore | None = None
_store_url = ""
_store_wishes: frozenset[Wish] = frozenset()


def on_duty() -> Duty:
    """The duty roster, at most two seconds old in this process."""
    global _duty, _read_at
    with _lock:
        if _duty is None or time.monotonic() - _read_at > REFRESH_AFTER:
            _duty = _roster()
            _read_at = time.monotonic()
        return _duty


def warm() -> None:
    """Load rules, models and data before they are needed: before workers fork, so that the children share the memory.
    Whatever is missing is loaded later, or said by the status page."""
    enrich.warm()
    try:
        on_duty()
    except DatabaseError as error:
        logger.warning("catalog.not_warm", error=type(error).__name__)
    finally:
        connection.close()


def refresh() -> None:
    """Read the roster anew at the next call."""
    global _read_at
    _read_at = float("-inf")


def duty_changed(announcement: DutyChanged, **_options: Any) -> None:
    """What was changed in this process holds here at once; other processes see it within two seconds."""
    refresh()


def store() -> FeatureStore:
    """The shared feature store for the wishes of today's roster."""
    global _store, _store_url, _store_wishes
    duty, url = on_duty(), current().redis_features_url
    with _lock:
        if _store is None or url != _store_url or duty.wishes != _store_wishes:
            _store, _store_url, _store_wishes = RedisStore(connect(url), duty.wishes), url, duty.wishes
        return _store


def _roster() -> Duty:
    settings: dict[str, RuleSetting] = {}
    try:
        settings = {row.rule_id: row for row in RuleSetting.objects.all()}
        listed = _listed()
    except DatabaseError:
        if _duty is not None:
            return replace(_duty)
        raise
    detectors: list[Detector] = []
    shadow: set[str] = set()
    for cls in registered():
        setting = settings.get(cls.id)
        if setting and setting.state == RuleState.OFF:
            continue
        detectors.append(tuned(cls(), setting))
        if setting and setting.state == RuleState.SHADOW:
            shadow.add(cls.id)
    for model in shelf.active_detectors():
        detectors.append(model)
        if model.shadow:
            shadow.add(model.id)
    return Duty((*detectors, *listed), frozenset(shadow))


_lists: tuple[ListDetector, ...] = ()
_lists_mark: Any = None


def _listed() -> tuple[ListDetector, ...]:
    """A detector for each list that holds anything. Entries never change, so these three numbers tell whether the lists
    are the ones read before."""
    global _lists, _lists_mark
    in_force = ListEntry.objects.in_force()
    mark = in_force.aggregate(count=Count("id"), ids=Sum("id"), newest=Max("created_at"))
    if mark != _lists_mark:
        entries: dict[ListEffect, list[Entry]] = {}
        for row in in_force.iterator(chunk_size=2000):
            entries.setdefault(ListEffect(row.effect), []).append(row.entry())
        _lists = tuple(ListDetector(effect, entries[effect]) for effect in ListEffect if effect in entries)
        _lists_mark = mark
    return _lists


def tuned(rule: Rule, setting: RuleSetting | None) -> Rule:
    """The rule as an admin set it. What does not fit the rule any more is left out and logged."""
    if setting is None:
        return rule
    parameters, faults = fitting(rule, setting.parameters)
    if faults:
        logger.warning("rule.setting_ignored", rule=rule.id, parameters=sorted(faults))
    return rule.tuned(severity=Severity(setting.severity) if setting.severity else None, **parameters)
