"""The simulator's stories: told about a member to our own public API, as a shop's app would."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from detection import conf, stories
from detection.intake import accept
from detection.kernel.vocabulary import EventState, Trust
from detection.models import ApiKey, Client, Event, Member
from frontend_templates import demo

PATIENCE = 20  # seconds an answer may take
UNHURRIED = 5  # seconds the workers get for a story before its last act
LARGEST_ANSWER = 256 * 1024
#: What a visitor should try first; the other stories follow by name.
FIRST = (
    "large-transaction-new-device", "login-after-failures", "login-from-new-country", "impossible-travel",
    "credential-change-then-payment", "gift-card-drain", "session-hijack", "transaction-velocity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Played:
    """What the API said. ``answer`` is its decision on the last event; ``fault`` says what went wrong, "" when nothing
    did."""

    title: str
    past: int = 0
    sent: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    def shown(self) -> dict[str, Any]:
        """Plain values for the page and the session."""
        told = {"title": self.title, "past": self.past, "sent": self.sent, "fault": self.fault}
        wanted = ("verdict", "risk_score", "severity", "reasons", "alert_id", "degraded")
        return told | {name: self.answer.get(name) for name in wanted}


def offered() -> dict[str, list[dict[str, str]]]:
    """One button a story, in words a member understands: the ``main`` ones, and ``more`` of them."""
    told = sorted(stories.buttons(), key=lambda story: FIRST.index(story.rule_id) if story.rule_id in FIRST else 99)
    found: dict[str, list[dict[str, str]]] = {"main": [], "more": []}
    for story in told:
        button = {"key": _key(story), "text": story.button or story.name}
        found["main" if story.rule_id in FIRST else "more"].append(button)
    return found


def find(key: str) -> stories.Story | None:
    return next((story for story in stories.buttons() if _key(story) == key), None)


def play(story: stories.Story, member: Member) -> Played:
    """Tell a story: what is older than a day as history, the rest through the API, the last event as a decision."""
    title = story.button or story.name
    key = str(demo.facts().get("simulator_key", ""))
    known = ApiKey.objects.matching(key) if key else None
    if known is None:
        return Played(title, fault="The simulator has no key. Run manage.py seed_demo, then try again.")
    past, fresh = story.split(member.member_id, timezone.now(), secrets.token_hex(4))
    for event in [*past, *fresh]:
        event["metadata"] = event.get("metadata", {}) | {"simulated": True}
    if past:
        accept(past, client=known.client, trust=Trust(known.trust), historic=True)
    try:
        if fresh[:-1]:
            _refused(_post("events/", {"events": fresh[:-1]}, key))
            _let_judge(known.client, fresh[:-1])
        answer = _post("decisions/", fresh[-1], key)
    except (OSError, ValueError) as error:
        return Played(title, len(past), 0, fault=f"The API did not take it ({error}).")
    return Played(title, len(past), len(fresh), answer)


def _key(story: stories.Story) -> str:
    told = [case for case in stories.buttons() if case.rule_id == story.rule_id]
    return f"{story.rule_id}.{told.index(story) + 1}"


def _let_judge(client: Client, events: list[dict[str, Any]]) -> None:
    """Give the workers time for what was sent, as there is between two acts of a person; not for ever."""
    ids = [event["event_id"] for event in events]
    sent = Event.objects.filter(client=client, event_id__in=ids, occurred_at__gte=timezone.now() - timedelta(days=1))
    until = time.monotonic() + UNHURRIED
    while sent.filter(state=EventState.PENDING).exists() and time.monotonic() < until:
        time.sleep(0.05)


def _refused(answer: dict[str, Any]) -> None:
    if answer.get("rejected"):
        faults = [item["errors"] for item in answer.get("results", []) if item.get("errors")]
        raise ValueError(f"{answer['rejected']} events refused: {faults[:1]}")


def _post(path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """POST to our own API. Raises OSError when it is away, ValueError when it refuses."""
    request = urllib.request.Request(  # noqa: S310 - our own address, from the settings
        f"{conf.current().public_url}/api/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            found = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise ValueError(f"{error.code} {_detail(error.read(LARGEST_ANSWER))}".strip()) from None
    return found if isinstance(found, dict) else {}


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
        first = (problem.get("errors") or [{}])[0]
        return str(first.get("detail") or problem.get("detail") or "")
    except (ValueError, AttributeError, TypeError):
        return ""
