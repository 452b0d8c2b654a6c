"""One suite for every rule there is: same input same answer, changes nothing, survives missing context, pickles."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detection.rules
from detection.features import MemoryStore, base
from detection.kernel.detector import Assurance, Detector, Rule, Seen, registered, wishes_of
from detection.kernel.features import Count, Distinct
from detection.kernel.records import EventRecord
from detection.kernel.scoring import severity_of
from detection.kernel.vocabulary import CUSTOM_PREFIX, Action, EventType, Family, Severity

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
FOLDER = Path(detection.rules.__file__).parent
EVERY_RULE = pytest.mark.parametrize("rule", [cls() for cls in registered()], ids=lambda rule: rule.id)
TEN = {
    "failed-login-burst",
    "login-after-failures",
    "login-from-new-country",
    "impossible-travel",
    "large-transaction-new-device",
    "payment-failure-burst",
    "transaction-velocity",
    "frequent-password-changes",
    "credential-change-then-payment",
    "scraping",
}

texts = st.none() | st.sampled_from(["a", "b", "GB", "möwe"])
places = st.none() | st.floats(-90, 90)
happenings = st.builds(
    EventRecord,
    id=st.uuids().map(str),
    event_id=st.just("app"),
    type=st.sampled_from([*(str(kind) for kind in EventType), f"{CUSTOM_PREFIX}wave"]),
    occurred_at=st.integers(0, 10_000).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    received_at=st.just(NOON),
    member_id=texts,
    account_exists=st.none() | st.booleans(),
    session_id=texts,
    device_id=texts,
    ip=texts,
    country=texts,
    latitude=places,
    longitude=places,
    located_by=st.sampled_from([None, "sender", "city", "country"]),
    network=st.sampled_from([None, "vpn", "hosting", "bot"]),
    agent_kind=st.sampled_from([None, "library", "browser"]),
    asn=st.none() | st.integers(1, 70_000),
    amount=st.none() | st.decimals(0, 10**9, places=2),
    currency=st.sampled_from([None, "EUR", "JPY", "XTS"]),
    payment_method_id=texts,
    order_id=texts,
    path=texts,
    changed=st.sampled_from([(), ("email",), ("avatar",)]),
)


def bare(kind: str) -> EventRecord:
    return EventRecord(id="1", event_id="1", type=kind, occurred_at=NOON, received_at=NOON)


def granted(rule: Rule, events: list[EventRecord]) -> list[Seen]:
    """What the rule would be shown, from a store that has seen only these."""
    needs = rule.needs()
    store = MemoryStore(wishes_of([rule]), complete=True)
    seen = store.observe_and_measure(events, [frozenset(needs.values())] * len(events)).seen
    return [{name: one[wish] for name, wish in needs.items()} for one in seen]


def test_the_ten_rules_are_on_duty() -> None:
    assert {cls.id for cls in registered()} >= TEN


@EVERY_RULE
def test_id_file_class_and_story_have_one_name(rule: Rule) -> None:
    path = Path(inspect.getfile(type(rule)))
    assert path == FOLDER / f"{rule.id.replace('-', '_')}.py"
    assert type(rule).__name__ == rule.id.title().replace("-", "")
    assert path.with_suffix(".toml").exists()
    assert len(path.read_text().splitlines()) <= 60


@EVERY_RULE
def test_a_rule_says_what_it_is(rule: Rule) -> None:
    assert isinstance(rule, Detector)
    assert isinstance(rule.severity, Severity)
    assert isinstance(rule.family, Family)
    assert isinstance(rule.suggests, Action)
    assert rule.title
    assert (type(rule).__doc__ or "").strip().endswith(".")
    assert rule.listens_to <= set(EventType)


@EVERY_RULE
def test_a_rule_has_no_clock_database_network_or_settings(rule: Rule) -> None:
    tree = ast.parse(Path(inspect.getfile(type(rule))).read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    outside = {name for name in imported if not name.startswith("detection.kernel")}
    assert outside <= {"datetime", "decimal", "typing", "math"}
    assert not {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {"now", "today", "utcnow"}


@EVERY_RULE
def test_a_bare_event_is_survived(rule: Rule) -> None:
    for kind in sorted(rule.listens_to):
        event = bare(kind)
        assert rule.inspect(event, granted(rule, [event])[0]) is None


@EVERY_RULE
def test_a_copy_through_pickle_is_the_same_rule(rule: Rule) -> None:
    again = pickle.loads(pickle.dumps(rule))  # noqa: S301 - our own object, a moment ago
    assert again == rule
    assert again.needs() == rule.needs()


@EVERY_RULE
def test_parameters_can_be_tuned_and_nothing_else(rule: Rule) -> None:
    for item in fields(rule):  # type: ignore[arg-type]
        value = getattr(rule, item.name)
        assert isinstance(value, (int, float, Decimal, timedelta))
        assert getattr(rule.tuned(**{item.name: value * 2}), item.name) == value * 2
        with pytest.raises(FrozenInstanceError):
            setattr(rule, item.name, value)
    with pytest.raises(TypeError):
        rule.tuned(no_such_parameter=1)


@EVERY_RULE
def test_no_limit_lies_beyond_what_a_store_keeps(rule: Rule) -> None:
    countable = [wish for wish in rule.needs().values() if isinstance(wish, (Count, Distinct))]
    limits = [value for value in rule.parameters().values() if isinstance(value, int)]
    assert not countable or max(limits, default=0) < min(base.MOST["times"], base.MOST["values"])


@EVERY_RULE
@settings(max_examples=40, deadline=None)
@given(events=st.lists(happenings, min_size=1, max_size=12, unique_by=lambda event: event.id))
def test_the_same_input_has_the_same_answer_and_is_left_as_it_was(rule: Rule, events: list[EventRecord]) -> None:
    kinds = sorted(rule.listens_to)
    events = [replace(event, type=kinds[i % len(kinds)]) if i % 2 == 0 else event for i, event in enumerate(events)]
    pairs = [pair for pair in zip(events, granted(rule, events), strict=True) if pair[0].type in rule.listens_to]
    kept: list[Any] = copy.deepcopy(pairs)
    found = rule.inspect_many(pairs)
    assert found == [rule.inspect(event, seen) for event, seen in pairs]
    assert pairs == kept
    for signal in found:
        if signal is not None:
            assert signal.detector == rule.id
            if isinstance(rule, Assurance):
                assert signal.points == -rule.lowers
            else:
                assert signal.points >= signal.severity.points
                assert severity_of(signal.points) is signal.severity
            assert signal.reason.wire()["text"]
