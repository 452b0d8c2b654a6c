"""How the parts of the system are, in words for its operators: what ``/status`` says, said to people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest

from api.views import system
from detection import conf
from frontend_templates import wording

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: how it is ("ok", "low" for not in use, "degraded" or "down") and a sentence about it. ``key`` is what
    ``/status`` calls it."""

    key: str
    name: str
    state: str
    text: str


def all_of_them(request: HttpRequest) -> list[Part]:
    """Every part, as the status page found it just now."""
    found = json.loads(system.status(request).content)["parts"]
    shown = []
    for name, facts in found.items():
        well = "ok" if facts.get("ok") else "down" if name in system.NEEDED else "degraded"
        if name == "models" and facts.get("ok") and _untrained(facts):
            well = "low"
        title, words = WORDS.get(name, (name.capitalize(), _plain))
        shown.append(
            Part(name, title, well, f"It could not be asked ({facts['error']})." if "error" in facts else words(facts))
        )
    return [*shown, _mode()]


def _mode() -> Part:
    if conf.current().enforcing:
        return Part("mode", "Mode", "ok", "Live: locks are placed and people are told.")
    return Part("mode", "Mode", "degraded", "Shadow: everything is computed, nothing is enforced or sent.")


def _database(facts: Facts) -> str:
    kinds = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    return f"{kinds.get(facts['kind'], facts['kind'])} answers." if facts["ok"] else "It does not answer."


def _valkey(facts: Facts) -> str:
    if facts["ok"]:
        return "It answers."
    return "It does not answer. Events are still taken in and kept; they are judged when it is back."


def _heard(facts: Facts) -> str:
    age = facts.get("pulse_age")
    return f"Last heard {_ago(age)}." if age is not None else "Not heard of. When Valkey is away, nobody is."


def _worker(facts: Facts) -> str:
    worked = facts.get("worked_age")
    return f"{_heard(facts)} Work last came through {_ago(worked)}." if worked is not None else _heard(facts)


def _inbox(facts: Facts) -> str:
    if not facts["pending"]:
        return "Everything that came in has been judged."
    return f"{facts['pending']:,} waiting, the oldest for {_span(facts['oldest_age'])}."


def _models(facts: Facts) -> str:
    words = {"ok": "on duty", "untrained": "not trained yet, so rules alone judge", "degraded": "out of use"}
    told = []
    for kind, report in facts["kinds"].items():
        reason = f" ({report['reason']})" if report.get("reason") else ""
        told.append(f"{kind.replace('_', ' ').capitalize()}: {words.get(report['state'], report['state'])}{reason}.")
    return " ".join(told)


def _untrained(facts: Facts) -> bool:
    return all(report["state"] == "untrained" for report in facts["kinds"].values())


def _geo(facts: Facts) -> str:
    if not facts["ok"]:
        return "It cannot be read, so places stay unknown."
    networks = facts["networks_built_at"]
    return f"Places built on {facts['built_at']}, networks {f'on {networks}' if networks else 'unknown'}."


def _texts(facts: Facts) -> str:
    if not facts["gateway"]:
        return "No gateway is set up, so none leave."
    if not facts["ok"]:
        return (
            f"They go to every country, up to {conf.TEXTS_UNNAMED} a day each. Name those you sell to in "
            "SMS_COUNTRIES: texts to far numbers are what toll fraud lives on."
        )
    return f"They go to {', '.join(facts['countries'])}."


def _plain(facts: Facts) -> str:
    return "It works." if facts.get("ok") else "It does not work."


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago" if seconds >= 1 else "just now"


def _span(seconds: float) -> str:
    return wording.span(timedelta(seconds=int(seconds)))


WORDS: dict[str, tuple[str, Callable[[Facts], str]]] = {
    "database": ("Database", _database),
    "valkey": ("Valkey", _valkey),
    "worker": ("Workers", _worker),
    "beat": ("Scheduler", _heard),
    "inbox": ("Inbox", _inbox),
    "models": ("Models", _models),
    "geo": ("Address data", _geo),
    "texts": ("Text messages", _texts),
}
