"""The languages members are written to in: a folder each, with every letter and a table of words.

A member's own choice counts, else what the shop says of them, else what their browser asked for, else English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detection.models import Alert, Member

FOLDER = Path(__file__).parent
ENGLISH = "en"
#: By the name each language has for itself.
NAMES = {"en": "English", "de": "Deutsch"}
_MONEY = re.compile(r"(\d[\d,]*)\.(\d\d) ([A-Z]{3})\b")  # as the kernel's words say it


def of(member: Member | None) -> str:
    """The language this member is written to in; staff are written to in English."""
    return _known(member.language) or _known(member.locale) or ENGLISH if member else ENGLISH


def asked_for(accepted: str) -> str:
    """The first language of a browser's ``Accept-Language`` that we write, "" when there is none."""
    wishes = []
    for place, wish in enumerate(accepted[:200].split(",")):
        tag, _, weight = wish.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, _known(tag)))
        except ValueError:
            continue
    return next((language for weight, _, language in sorted(wishes) if language and weight), "")


def _known(tag: str) -> str:
    """``de`` of ``de-AT`` or ``de_CH``, "" of a language we do not write."""
    language = re.split("[-_]", tag.strip(), maxsplit=1)[0].lower()
    return language if language in NAMES else ""


@cache
def words(language: str) -> Mapping[str, Any]:
    """The words of a language, by section."""
    return tomllib.loads((FOLDER / language / "words.toml").read_text(encoding="utf-8"))


def when(moment: datetime | None, member: Member | None = None) -> str:
    """A moment in the member's words and zone, in UTC where we do not know it."""
    said = words(of(member))["time"]
    if moment is None:
        return str(said["no_end"])
    zone: Any = UTC
    if member and member.time_zone:
        try:
            zone = ZoneInfo(member.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
    local = moment.astimezone(zone)
    return str(said["moment"]).format(
        day=local.day,
        month=said["months"][local.month - 1],
        year=local.year,
        clock=f"{local:%H:%M}",
        zone=local.tzname() or "UTC",
    )


def why(code: str, text: str, language: str) -> str:
    """A lock's reason: a rule's in this language, anything else as whoever gave it wrote it."""
    return _rule(code, language)[1] or text


def what(alert: Alert, language: str) -> tuple[str, str]:
    """An alert's title and what happened, in this language. The English is the rule's own."""
    if language == ENGLISH:
        return alert.title, alert.summary
    general = words(language)["alert"]
    title, text = _rule(_lead(alert.reasons, alert.summary), language)
    return title or general["title"], " ".join(
        filter(None, [text or general["text"], _amount(alert.summary, language)])
    )


def _rule(code: str, language: str) -> tuple[str, str]:
    title, text = words(language).get("rules", {}).get(code, ("", ""))
    return title, text


def _lead(reasons: Sequence[Mapping[str, Any]], summary: str) -> str:
    """The rule whose words the summary is, else the first."""
    spoke = [str(reason.get("code", "")) for reason in reasons if reason.get("text") == summary]
    return spoke[0] if spoke else next((str(reason.get("code", "")) for reason in reasons), "")


def _amount(summary: str, language: str) -> str:
    """The first sum a summary names, written as this language writes sums."""
    found = _MONEY.search(summary)
    if found is None:
        return ""
    said = words(language)
    whole = found[1].replace(",", said["time"]["thousands"])
    return str(said["alert"]["amount"]).format(amount=f"{whole}{said['time']['decimals']}{found[2]} {found[3]}")
