"""Give dead letters five new tries."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from detection import inbox
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.work import unit_of_work

ACTOR = Actor(ActorKind.STAFF, "command line")
MOST_SHOWN = 1000


class Command(BaseCommand):
    help = (
        "Put events that failed five times back into the inbox: those named, or with --all every one. "
        "Without either, the dead letters are listed and nothing changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("events", metavar="EVENT", nargs="*", type=_uuid, help="our id of a dead event")
        parser.add_argument("--all", action="store_true", help="every dead letter")
        parser.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, events: list[UUID], **options: Any) -> None:
        if events and options["all"]:
            raise CommandError("Name events or say --all, not both.")
        if not events and not options["all"]:
            self._list(as_json=options["json"])
            return
        chosen = None if options["all"] else events
        if options["dry_run"]:
            dead = {item.event for item in inbox.dead(MOST_SHOWN)}
            count = len(dead.intersection(events)) if chosen else inbox.counts()["dead"]
        else:
            with unit_of_work(ACTOR) as work:
                count = inbox.replay(chosen)
                if count:
                    work.audit("inbox.replayed", target="all" if chosen is None else "chosen", count=count)
        if options["json"]:
            self.stdout.write(json.dumps({"replayed": count, "dry_run": options["dry_run"]}))
        else:
            self.stdout.write(f"{'Would replay' if options['dry_run'] else 'Replayed'} {count} events.")

    def _list(self, *, as_json: bool) -> None:
        dead = [
            {"event": str(item.event), "subject": item.subject, "error": item.error} for item in inbox.dead(MOST_SHOWN)
        ]
        if as_json:
            self.stdout.write(json.dumps({"dead": dead}))
            return
        for item in dead:
            self.stdout.write(f"{item['event']}  {item['error']:<24}  {item['subject']}")
        self.stderr.write(f"{inbox.counts()['dead']} dead letters. Replay them with --all or by their ids.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an event's id") from None
