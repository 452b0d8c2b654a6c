"""Every rule's stories come out as told, through the real intake check, enrichment and feature store."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection import stories
from detection.enrich import enrich
from detection.features import MemoryStore
from detection.intake import strict_json
from detection.intake.schema import validate
from detection.kernel.detector import Assurance, Rule, registered, wishes_of
from detection.kernel.records import EventRecord, Signal
from detection.kernel.scoring import weigh
from detection.kernel.vocabulary import Action, Severity
from detection.management.commands import document_rules
from detection.models import Event
from detection.stories import BadStory, Story

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=61)
RULES = {cls.id: cls() for cls in registered()}
STORIES = stories.load_stories()


def names_of(told: Story) -> str:
    return f"{told.rule_id}: {told.name}"


def parsed(payload: dict[str, Any]) -> Any:
    """The event as it comes out of the door's parser."""
    return strict_json.loads(json.dumps(payload).encode())


def record(payload: dict[str, Any]) -> EventRecord:
    """An event of a story as detectors see it."""
    draft = validate(parsed(payload), now=LATER, historic=True)
    assert not draft.errors, (payload, draft.errors)
    event = Event(
        event_id=draft.event_id, type=draft.type, occurred_at=draft.occurred_at, received_at=NOW, client_id=1, trust=1,
        body=draft.body,
    )  # fmt: skip
    return enrich([event.record(draft.member_id)])[0]


def records(told: Story) -> list[EventRecord]:
    return [record(payload) for payload in told.events("mia", NOW, "run1")]


def inspected(rule: Rule, events: list[EventRecord]) -> list[Signal | None]:
    needs = rule.needs()
    store = MemoryStore(wishes_of([rule]), complete=True)
    wanted = [frozenset(needs.values())] * len(events)
    granted = store.observe_and_measure(events, wanted).seen
    return [
        rule.inspect(event, {name: seen[wish] for name, wish in needs.items()})
        if event.type in rule.listens_to
        else None
        for event, seen in zip(events, granted, strict=True)
    ]


@pytest.mark.parametrize("told", [told for told in STORIES if told.fires], ids=names_of)
def test_it_fires_at_the_last_event_and_not_before(told: Story) -> None:
    *before, last = inspected(RULES[told.rule_id], records(told))
    assert last is not None
    assert before == [None] * len(before)
    assert last.reason.observed is not None
    assert last.reason.threshold is not None
    assert last.reason.text.endswith(".")


@pytest.mark.parametrize("told", [told for told in STORIES if not told.fires], ids=names_of)
def test_it_stays_quiet_all_through(told: Story) -> None:
    found = inspected(RULES[told.rule_id], records(told))
    assert found == [None] * len(found)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_has_two_cases_of_each_kind_and_a_button(rule_id: str) -> None:
    told = stories.stories_of(rule_id)
    kinds = Counter(case.fires for case in told)
    assert kinds[True] >= 2
    assert kinds[False] >= 2
    assert len({case.name for case in told}) == len(told)
    assert any(case.button for case in told) is not isinstance(RULES[rule_id], Assurance)


@pytest.mark.parametrize("told", stories.buttons(), ids=names_of)
def test_a_button_tells_a_member_s_story_that_fires(told: Story) -> None:
    assert told.fires
    assert not told.guest


@pytest.mark.parametrize(
    ("rule_id", "name", "severity", "action"),
    [
        (
            "large-transaction-new-device",
            "2,400 euros from a device that signed in minutes earlier, by a member who pays 40",
            Severity.HIGH,
            Action.LOCK,
        ),
        (
            "large-transaction-new-device",
            "a new phone at home is asked once more, not locked",
            Severity.MEDIUM,
            Action.CHALLENGE,
        ),
        (
            "impossible-travel",
            "a sign-in from Japan an hour after one from Britain, on a new device",
            Severity.HIGH,
            Action.CHALLENGE,
        ),
        (
            "credential-change-then-payment",
            "the password is changed on a new device, and a payment follows",
            Severity.HIGH,
            Action.LOCK,
        ),
        (
            "credential-change-then-payment",
            "on the day an account is made it is asked once more, not locked",
            Severity.MEDIUM,
            Action.CHALLENGE,
        ),
        ("failed-login-burst", "five wrong passwords in five minutes", Severity.MEDIUM, Action.NOTIFY),
        (
            "login-after-failures",
            "five wrong passwords, then the right one, from a device never seen",
            Severity.MEDIUM,
            Action.CHALLENGE,
        ),
        (
            "login-after-failures",
            "a forgotten password reset on a new phone: worth a note, no more",
            Severity.LOW,
            Action.NOTIFY,
        ),
    ],
)
def test_what_a_story_alone_leads_to(rule_id: str, name: str, severity: Severity, action: Action) -> None:
    events = records(stories.story(rule_id, name))
    found = inspected(RULES[rule_id], events)[-1]
    verdict = weigh(events[-1], [found] if found else [])
    assert (verdict.severity, verdict.action) == (severity, action)


@pytest.mark.parametrize("told", stories.buttons(), ids=names_of)
def test_a_button_told_twice_still_ends_the_same_way(told: Story) -> None:
    """The second telling is an hour and a minute later, by the same member; what was challenged was taken back."""
    rule = RULES[told.rule_id]
    store = MemoryStore(wishes_of([rule]), complete=True)
    needs = rule.needs()
    for run, now in (("one", NOW), ("two", LATER)):
        events = [record(payload) for payload in told.events("mia", now, run)]
        store.rebuild({"mia": events[:-1]})
        seen = store.observe_and_measure(events[-1:], [frozenset(needs.values())]).seen[0]
        assert rule.inspect(events[-1], {name: seen[wish] for name, wish in needs.items()}) is not None
        store.unteach(events[-1:])


@pytest.mark.parametrize("told", STORIES, ids=names_of)
def test_a_story_is_told_in_time_order_and_ends_now(told: Story) -> None:
    events = told.events("mia", NOW, "run1")
    times = [datetime.fromisoformat(event["occurred_at"]) for event in events]
    assert times == sorted(times)
    assert times[-1] == NOW
    assert len({event["event_id"] for event in events}) == len(events)
    assert told.events("mia", NOW, "run1") == events
    assert not {e["event_id"] for e in told.events("mia", NOW, "run2")} & {e["event_id"] for e in events}


@pytest.mark.parametrize("told", STORIES, ids=names_of)
def test_live_intake_takes_the_tail_of_a_story_and_the_past_comes_first(told: Story) -> None:
    past, live = told.split("mia", NOW, "run1")
    assert past + live == told.events("mia", NOW, "run1")
    slow = NOW + timedelta(minutes=50)
    assert not [draft.errors for draft in (validate(parsed(event), now=slow) for event in live) if draft.errors]
    assert all(datetime.fromisoformat(event["occurred_at"]) < NOW - timedelta(hours=23) for event in past)


def test_money_in_a_story_is_text_with_its_currency() -> None:
    for told in STORIES:
        for event in told.events("mia", NOW, "run1"):
            if "amount" in event:
                assert Decimal(event["amount"]) > 0
                assert event["currency"]


def test_an_unknown_story_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        stories.story("scraping", "no such name")


@pytest.mark.parametrize(
    "text",
    [
        "not toml at all [",
        "[[loud]]\nname = 'x'\nevents = [{type='logout'}]",
        "[[fires]]\nname = 'nothing happens'",
        "[[fires]]\nevents = [{type='logout'}]",
        "[[fires]]\nname = 'x'\nevents = [{times=2}]",
        "[[fires]]\nname = 'x'\nevents = [{type='logout', every='soon'}]",
        "[[fires]]\nname = 'x'\nevents = [{type='logout', times=0}]",
        "[[fires]]\nname = 'x'\nmood = 'y'\nevents = [{type='logout'}]",
    ],
)
def test_a_story_that_cannot_be_told_says_so(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "FOLDER", tmp_path)
    (tmp_path / "some_rule.toml").write_text(text)
    with pytest.raises(BadStory):
        stories.stories_of.__wrapped__("some-rule")


def test_a_rule_without_a_story_file_is_told() -> None:
    with pytest.raises(BadStory):
        stories.stories_of.__wrapped__("no-such-rule")


def test_the_page_about_the_rules_is_fresh() -> None:
    out = StringIO()
    call_command("document_rules", "--check", stdout=out)
    assert "up to date" in out.getvalue()


def test_a_page_that_is_out_of_date_is_told_and_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "docs" / "rules.md"
    monkeypatch.setattr(document_rules, "PAGE", page)
    with pytest.raises(CommandError):
        call_command("document_rules", "--check", stdout=StringIO())
    call_command("document_rules", stdout=StringIO())
    call_command("document_rules", "--check", stdout=StringIO())
    assert "## impossible-travel" in page.read_text()
