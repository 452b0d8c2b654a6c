"""The words we write to people: one plain text file a letter, its first line the title.

Members are written to in their language (``languages``), staff in English. The same text goes to the page and into the
mail. Whatever comes from outside is put on one line, without control or direction characters, so no value can add a
line, a header or a code to a letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from detection import conf
from detection.kernel.records import LockRecord
from detection.kernel.vocabulary import LockScope, LockState
from detection.models import Alert, Member
from detection.response.letters import languages
from detection.response.letters.languages import when

__all__ = ["Letter", "alert_words", "done_words", "languages", "lock_words", "one_line", "page", "when", "write"]

STAFF = "staff"
LONGEST_VALUE = 500
LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str


def write(kind: str, context: Mapping[str, Any], *, member: Member | None = None) -> Letter:
    """The letter of this kind with these facts in it, in the member's language. Raises KeyError when a fact it needs is
    missing."""
    title, body = _template(kind, languages.of(member))
    facts = {name: _listed(value) if isinstance(value, list) else one_line(value) for name, value in context.items()}
    return Letter(one_line(title.format_map(facts))[:LONGEST_TITLE], body.format_map(facts))


@cache
def _template(kind: str, language: str) -> tuple[str, str]:
    if not re.fullmatch(r"[a-z]+(\.[a-z]+)+", kind):
        raise KeyError(kind)
    for folder in (language, languages.ENGLISH, STAFF):
        path = languages.FOLDER / folder / f"{kind}.txt"
        if path.exists():
            title, _, body = path.read_text(encoding="utf-8").partition("\n")
            return title.strip(), body.strip() + "\n"
    raise KeyError(kind)


def one_line(value: Any) -> str:
    """A value as a single line of visible text."""
    text = "".join(
        " " if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else letter for letter in str(value)
    )
    return " ".join(text.split())[:LONGEST_VALUE]


def _listed(values: list[Any]) -> str:
    return "\n".join(f"- {one_line(value)}" for value in values)


def page(path: str) -> str:
    """The full address of one of our pages."""
    return conf.current().public_url.rstrip("/") + path


def lock_words(member: Member, lock: LockRecord | None) -> dict[str, Any]:
    """What a letter about this lock needs."""
    if lock is None:
        return {}
    language = languages.of(member)
    said = languages.words(language)["lock"]
    blocked = said[(lock.scopes[0] if len(lock.scopes) == 1 else LockScope.EVERYTHING).value]
    locked = lock.state == LockState.LOCKED
    return {
        "headline": said["locked" if locked else "restricted"],
        "what": said["blocked" if locked else "checked"].format(what=blocked),
        "why": languages.why(lock.reason.code, lock.reason.text, language),
        "until": when(lock.expires_at, member),
        "way_out": said["by_code" if lock.self_unlock else "by_staff"],
    }


def done_words(member: Member, lock: LockRecord | None, *, ended: int, disowned: bool) -> list[str]:
    """What was done at once about a "this wasn't me"."""
    said = languages.words(languages.of(member))["dispute"]
    locked = lock is not None and lock.state == LockState.LOCKED
    happened = {"raised": True, "sessions": bool(ended), "locked": locked, "device": disowned}
    return [said[name] for name, true in happened.items() if true]


def alert_words(alert: Alert, member: Member | None, *, for_staff: bool = False) -> dict[str, Any]:
    """What a letter about this alert needs, for its member in their language, for staff in English and UTC."""
    reader = None if for_staff else member
    language = languages.of(reader)
    title, summary = languages.what(alert, language)
    unknown = languages.words(language)["alert"]["unknown"]
    context = alert.context or {}
    place = ", ".join(str(context[name]) for name in ("city", "country") if context.get(name))
    return {
        "alert_title": title,
        "summary": summary,
        "severity": alert.severity,
        "member_id": member.member_id if member else f"a guest ({alert.subject})",
        "at": when(alert.last_seen_at, reader),
        "place": place or unknown,
        "device": context.get("user_agent") or context.get("device") or unknown,
        "reasons": [str(reason.get("text", "")) for reason in alert.reasons] or [alert.summary],
        "action_taken": alert.action_taken,
        "alert_page": page(f"/admin_dashboard/alerts/{alert.pk}/"),
    }
