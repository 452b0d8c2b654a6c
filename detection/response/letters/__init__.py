"""The words we write to people: one plain text file a letter, its first line the title.

The same text goes to the page and into the mail. Whatever comes from outside is put on one line, without control or
direction characters, so no value can add a line, a header or a code to a letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detection import conf
from detection.kernel.records import LockRecord
from detection.kernel.vocabulary import LockScope, LockState
from detection.models import Alert, Member

FOLDER = Path(__file__).parent
LONGEST_VALUE = 500
LONGEST_TITLE = 160

_BLOCKED = {
    LockScope.PAYMENTS: "Paying, refunds and new payment methods",
    LockScope.PROFILE: "Changes to your profile and your sign-in",
    LockScope.EVERYTHING: "Payments and changes to your profile",
}


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str


def write(kind: str, context: Mapping[str, Any]) -> Letter:
    """The letter of this kind with these facts in it. Raises KeyError when a fact it needs is missing."""
    title, body = _template(kind)
    facts = {name: _listed(value) if isinstance(value, list) else one_line(value) for name, value in context.items()}
    return Letter(one_line(title.format_map(facts))[:LONGEST_TITLE], body.format_map(facts))


@cache
def _template(kind: str) -> tuple[str, str]:
    if not re.fullmatch(r"[a-z]+(\.[a-z]+)+", kind):
        raise KeyError(kind)
    try:
        text = (FOLDER / f"{kind}.txt").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(kind) from None
    title, _, body = text.partition("\n")
    return title.strip(), body.strip() + "\n"


def one_line(value: Any) -> str:
    """A value as a single line of visible text."""
    text = "".join(
        " " if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else letter for letter in str(value)
    )
    return " ".join(text.split())[:LONGEST_VALUE]


def _listed(values: list[Any]) -> str:
    return "\n".join(f"- {one_line(value)}" for value in values)


def when(moment: datetime | None, member: Member | None = None) -> str:
    """A moment in words, in the member's own zone where we know it, else in UTC."""
    if moment is None:
        return "until staff lift it"
    zone: Any = UTC
    if member and member.time_zone:
        try:
            zone = ZoneInfo(member.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} {local.tzname() or 'UTC'}"


def page(path: str) -> str:
    """The full address of one of our pages."""
    return conf.current().public_url.rstrip("/") + path


def lock_words(member: Member, lock: LockRecord | None) -> dict[str, Any]:
    """What a letter about this lock needs."""
    if lock is None:
        return {}
    blocked = _BLOCKED[lock.scopes[0]] if len(lock.scopes) == 1 else _BLOCKED[LockScope.EVERYTHING]
    locked = lock.state == LockState.LOCKED
    if lock.self_unlock:
        way_out = "If everything is fine, you can lift this yourself with a one-time code on your page."
    else:
        way_out = "Please contact the shop: its staff have to lift this."
    return {
        "headline": "Your account is locked for your safety" if locked else "Your account asks for an extra check",
        "what": f"{blocked} {'are blocked' if locked else 'need an extra check'} for now. Signing in still works.",
        "why": lock.reason.text,
        "until": when(lock.expires_at, member),
        "way_out": way_out,
    }


def alert_words(alert: Alert, member: Member | None) -> dict[str, Any]:
    """What a letter about this alert needs, for its member and for staff."""
    context = alert.context or {}
    place = ", ".join(str(context[name]) for name in ("city", "country") if context.get(name))
    return {
        "alert_title": alert.title,
        "summary": alert.summary,
        "severity": alert.severity,
        "member_id": member.member_id if member else f"a guest ({alert.subject})",
        "at": when(alert.last_seen_at, member),
        "place": place or "unknown",
        "device": context.get("user_agent") or context.get("device") or "unknown",
        "reasons": [str(reason.get("text", "")) for reason in alert.reasons] or [alert.summary],
        "action_taken": alert.action_taken,
        "alert_page": page(f"/admin_dashboard/alerts/{alert.pk}/"),
    }
