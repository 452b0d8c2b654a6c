"""Write docs/respond.md from the state machine, the limits and the health formula as the code has them."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection import conf
from detection.kernel.vocabulary import LockState, Severity
from detection.response import authenticators, health, links
from detection.response.transitions import MOVES, Cause

PAGE = Path(__file__).resolve().parents[3] / "docs" / "respond.md"
TEMPLATE = Path(__file__).with_name("respond.txt")


class Command(BaseCommand):
    help = "Write docs/respond.md from the code: the lock's states, the limits, the health formula."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        text = page()
        fresh = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if check and not fresh:
            raise CommandError("docs/respond.md is out of date: run manage.py document_response")
        if not fresh:
            PAGE.write_text(text, encoding="utf-8")
        self.stdout.write("docs/respond.md is up to date" if check or fresh else "docs/respond.md written")


def page() -> str:
    """The page as it should be."""
    parts = {"PICTURE": picture(), "MOVES": moves(), "LIMITS": limits(), "HEALTH": formula()}
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"[[{name}]]", part)
    return text


def picture() -> str:
    """The states and the moves between them; what leaves a state as it is stands in the table only."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for move in MOVES:
        if move.before != move.after:
            arrows.setdefault((move.before.value, move.after.value), []).append(move.cause.value)
    lines = [f"    {before} --> {after}: {' / '.join(causes)}" for (before, after), causes in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> clear", *lines, "```"])


def moves() -> str:
    """Every move, as a table."""
    words = {Cause.PLACE: "placed", Cause.RELEASE: "released", Cause.EXPIRE: "ran out"}
    rows = [f"| {move.before} | {move.after} | {words[move.cause]} | {move.text} |" for move in MOVES]
    return "\n".join(["| from | to | cause | by what |", "|---|---|---|---|", *rows])


def limits() -> str:
    """What is counted, and how much of it there may be."""
    rows = {
        "an automatic lock lasts": span(conf.LOCK_FOR),
        "locks one client causes": f"{conf.CLIENT_LOCK_CAP} in {span(conf.CLIENT_LOCK_WINDOW)} at normal trust; at "
        f"high trust {conf.CLIENT_LOCK_CAP}, or half a percent of all members where that is more; none at low trust",
        "locks one address causes": f"{conf.SOURCE_LOCKS_PER_MINUTE} a minute, {conf.SOURCE_LOCKS_PER_HOUR} an hour",
        "locks one rule causes": f"{conf.RULE_LOCK_CAP} in {span(conf.CLIENT_LOCK_WINDOW)} over all clients, or half a "
        "percent of all members where that is more",
        "one administrator decides alone about many together": f"up to {conf.ALONE_UP_TO} members in "
        f"{span(conf.ALONE_WITHIN)}, those they locked or unlocked one by one among them; more takes a second one",
        "contacts are frozen": f"while a lock stands and {span(conf.CONTACTS_FROZEN_FOR)} after",
        "a changed contact gets no code for": span(conf.SAFE_CONTACT_AFTER),
        "a code": f"{conf.CODE_DIGITS} digits, {span(conf.CODE_LIVES)}, {conf.CODE_TRIES} tries, once",
        "codes sent": f"one in {span(conf.CODE_RESEND_AFTER)}, {conf.CODES_PER_DAY} a day an account, "
        f"{conf.TEXTS_PER_NUMBER} texts a day a number, {conf.CODES_PER_SOURCE} an hour an address",
        "texts to one calling code": f"{conf.TEXTS_UNNAMED} a day while `SMS_COUNTRIES` names no country; once "
        "it does, to those alone",
        "tries counted": f"{conf.TRIES_PER_DAY} a day an account, {conf.APP_TRIES_PER_DAY} of them at codes of the "
        f"app; after {conf.CONSECUTIVE_FAILURES} wrong ones in a row self-service is off until staff act",
        "recovery codes": f"{authenticators.RECOVERY_CODES}, each once",
        "a link in a mail": f"{span(links.LIVES)}, one answer about one alert",
    }
    return "\n".join(["| what | how much |", "|---|---|", *(f"| {what} | {much} |" for what, much in rows.items())])


def formula() -> str:
    """What costs how much of a member's health."""
    alerts = ", ".join(f"{cost} {Severity(severity).value}" for severity, cost in health.COST_OF_ALERT.items())
    rows = [
        ("locked", health.COST_OF_LOCK[LockState.LOCKED]),
        ("restricted", health.COST_OF_LOCK[LockState.RESTRICTED]),
        ("each open alert", f"{alerts}; together at most {health.MOST_FOR_ALERTS}"),
        ("an open “this wasn’t me”", health.COST_OF_DISPUTE),
        ("no address we can safely write to", health.COST_OF_NO_CONTACT),
    ]
    lines = ["| reason | costs |", "|---|---|", *(f"| {reason} | {cost} |" for reason, cost in rows)]
    bands = f"{health.GOOD} and more is good, {health.FAIR} and more fair, less is at risk."
    return "\n".join([*lines, "", bands])


def span(length: timedelta) -> str:
    """A duration in words."""
    seconds = int(length.total_seconds())
    for size, name in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
