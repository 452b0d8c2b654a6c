"""Stories: when a rule fires and when it stays quiet, told as events. Tests, the simulator and docs/rules.md read them.

A story file ``detection/rules/name.toml`` holds ``[[fires]]`` and ``[[quiet]]`` tables:

``name`` one line · ``button`` the simulator's words for it, optional · ``guest`` true when nobody is signed in ·
``events`` a list of ``{type, times, every, after, …fields}``: the entry begins ``after`` the event before it and
repeats ``times`` times, ``every`` so often. Durations are "90s", "5m", "2h", "30d". In text fields ``{member}`` is the
member's id, ``{run}`` is new with every telling, ``{n}`` counts an entry's repeats from 1, and
``{street}`` ends an address that is new with every telling.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from detection.kernel import scoring
from detection.kernel.detector import Assurance, Rule
from detection.kernel.records import iso
from detection.kernel.words import spoken

FOLDER = Path(__file__).parent / "rules"
LIVE_REACH = timedelta(hours=23)  # live intake takes 24 h back; the hour is for a slow telling

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CASE = frozenset({"name", "button", "guest", "events"})


class BadStory(ValueError):
    """A story file that cannot be told. Says which and why."""


@dataclass(frozen=True)
class Beat:
    """One entry of a story: the same thing happening ``times`` times."""

    type: str
    times: int
    every: timedelta
    after: timedelta
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Story:
    """One case of one rule. ``fires`` says what its last event must bring about."""

    rule_id: str
    name: str
    fires: bool
    button: str | None
    guest: bool
    beats: tuple[Beat, ...]

    @property
    def lasts(self) -> timedelta:
        return sum((beat.after + beat.every * (beat.times - 1) for beat in self.beats), timedelta(0))

    def events(self, member_id: str, now: datetime, run: str) -> list[dict[str, Any]]:
        """The events as the API takes them, in time order, the last one at ``now``. The same ``run`` tells the same."""
        told: list[dict[str, Any]] = []
        moment = now - self.lasts
        street = _street(run)
        for beat in self.beats:
            moment += beat.after
            for n in range(1, beat.times + 1):
                moment += beat.every if n > 1 else timedelta(0)
                names = {"member": member_id, "run": run, "n": str(n), "street": street}
                event: dict[str, Any] = {"event_id": f"{self.rule_id}-{run}-{len(told) + 1:03}", "type": beat.type}
                event["occurred_at"] = iso(moment)
                if not self.guest:
                    event["member_id"] = member_id
                told.append({**event, **{key: _filled(value, names) for key, value in beat.fields.items()}})
        return told

    def split(self, member_id: str, now: datetime, run: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The events as a past for ``import_events`` and a tail for live intake."""
        told = self.events(member_id, now, run)
        edge = iso(now - LIVE_REACH) or ""
        return [e for e in told if e["occurred_at"] < edge], [e for e in told if e["occurred_at"] >= edge]


@cache
def load_stories() -> tuple[Story, ...]:
    """Every story of every rule, by rule, firing ones first."""
    ids = sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.toml"))
    return tuple(told for rule_id in ids for told in stories_of(rule_id))


@cache
def stories_of(rule_id: str) -> tuple[Story, ...]:
    """One rule's stories. Raises BadStory for a file that is missing or cannot be told."""
    path = FOLDER / f"{rule_id.replace('-', '_')}.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadStory(f"{path.name}: {error}") from error
    if odd := set(tables) - {"fires", "quiet"}:
        raise BadStory(f"{path.name}: [[{odd.pop()}]] is neither [[fires]] nor [[quiet]]")
    return tuple(_story(rule_id, kind == "fires", case) for kind in ("fires", "quiet") for case in tables.get(kind, ()))


def story(rule_id: str, name: str) -> Story:
    """The story of this name. Raises KeyError when there is none."""
    for told in stories_of(rule_id):
        if told.name == name:
            return told
    raise KeyError(f"{rule_id}: {name}")


def buttons() -> tuple[Story, ...]:
    """The stories a simulator offers, one button each."""
    return tuple(told for told in load_stories() if told.button)


def catalogue(rules: Iterable[Rule]) -> str:
    """docs/rules.md: every rule, how it is tuned, when it fires and when it stays quiet."""
    rows = [(f"`{kind}`", policy) for kind, policy in sorted(scoring.POLICY.items())]
    rows.append(("anything else", scoring.DEFAULT_POLICY))
    preface = _PREFACE.format(
        medium=scoring.MEDIUM_FROM,
        high=scoring.HIGH_FROM,
        trust=scoring.MOST_TRUST,
        policy="\n".join(f"| {name} | {policy.challenge} | {policy.deny} |" for name, policy in rows),
    )
    return "\n".join([preface, *(_chapter(rule) for rule in rules)])


_PREFACE = """# The rules

Written by `manage.py document_rules` from the rules and their stories; change those, not this page. An admin may change
every parameter. Points of one family count once, families add up as independent evidence; what may lock also needs high
severity and evidence made after sign-in.

## How they are weighed

An event's score runs from 0 to 100; medium severity starts at {medium}, high at {high}. From these scores on an event
is answered with a challenge or refused:

| event | challenge from | deny from |
|---|---|---|
{policy}

What speaks for a member lowers the score by its points, all of it together by at most {trust}. It raises nothing, and
it never takes a finding of high severity about what only a signed-in member can do, or one of people (a block list, a
dispute), below the challenge.
"""


def _chapter(rule: Rule) -> str:
    told = stories_of(rule.id)
    heard = ", ".join(f"`{kind}`" for kind in sorted(str(kind) for kind in rule.listens_to))
    worth = f"Severity {rule.severity} ({rule.severity.points} points), family {rule.family}, suggests {rule.suggests}."
    if isinstance(rule, Assurance):
        worth = "Speaks for the member: lowers the score and raises nothing."
    facts = f"{worth} Listens to {heard}."
    lines = [
        f"## {rule.id}",
        "",
        f"**{rule.title}.** {(type(rule).__doc__ or '').strip()}",
        "",
        facts,
        "",
        "| parameter | default |",
        "|---|---|",
        *(f"| `{name}` | {_said(value)} |" for name, value in rule.parameters().items()),
        "",
        "Fires:",
        *(f"- {case.name}" for case in told if case.fires),
        "",
        "Stays quiet:",
        *(f"- {case.name}" for case in told if not case.fires),
        "",
    ]
    return "\n".join(lines)


def _said(value: Any) -> str:
    return spoken(value) if isinstance(value, timedelta) else f"{value:,}"


def _story(rule_id: str, fires: bool, case: Mapping[str, Any]) -> Story:
    name = case.get("name")
    if not isinstance(name, str) or not case.get("events"):
        raise BadStory(f"{rule_id}: a case needs a name and events")
    if odd := set(case) - _CASE:
        raise BadStory(f"{rule_id}: {name}: {odd.pop()} is not part of a case")
    try:
        beats = tuple(_beat(dict(entry)) for entry in case["events"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadStory(f"{rule_id}: {name}: {error}") from error
    return Story(rule_id, name, fires, case.get("button"), bool(case.get("guest")), beats)


def _beat(entry: dict[str, Any]) -> Beat:
    times = int(entry.pop("times", 1))
    every = _duration(entry.pop("every", "0s"))
    after = _duration(entry.pop("after", "0s"))
    if times < 1:
        raise ValueError("times must be 1 or more")
    return Beat(entry.pop("type"), times, every, after, entry)


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match:
        raise ValueError(f"{text!r} is no duration")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _street(run: str) -> str:
    """The last two parts of an address: strangers of different tellings do not share one, or its budget of locks."""
    digest = hashlib.sha256(run.encode()).digest()
    return f"{digest[0]}.{digest[1] % 254 + 1}"


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """Text with its names put in; everything else as it is."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, list):
        return [_filled(item, names) for item in value]
    return {key: _filled(item, names) for key, item in value.items()} if isinstance(value, dict) else value
