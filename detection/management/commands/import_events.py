"""Take a file of past events in: they teach what is usual for whom, and nothing is alerted or locked over them."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from detection.intake import Item, accept, strict_json
from detection.intake.strict_json import Malformed
from detection.kernel.vocabulary import Trust
from detection.models import Client

BATCH = 500
MOST_ERRORS = 20  # shown; all are counted


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, line: int, item: Item) -> None:
        if item.status == "accepted":
            self.accepted += 1
        elif item.status == "duplicate":
            self.duplicates += 1
        else:
            self.rejected += 1
            room = MOST_ERRORS - len(self.errors)
            self.errors += [{"line": line, **error} for error in item.errors[: max(room, 0)]]


class Command(BaseCommand):
    help = (
        "Import past events from a file with one JSON event a line. Running it again takes up what is missing: an "
        "event already there is a duplicate. Results on stdout, progress on stderr; exit 1 when a line was rejected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a file of events, one JSON object a line")
        parser.add_argument("--client", default="import", help="the app they come from (default import)")
        parser.add_argument("--dry-run", action="store_true", help="check every line, store nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        path, tally = Path(options["file"]), Tally()
        try:
            with path.open("rb") as file, _bar() as bar:
                task = bar.add_task(f"Importing {path.name}", total=path.stat().st_size or 1)
                for batch, read in _batches(file):
                    for (line, _), item in zip(batch, _take_in(batch, options), strict=True):
                        tally.add(line, item)
                    bar.update(task, completed=read)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from error
        self._report(tally, options)
        if tally.rejected:
            sys.exit(1)

    def _report(self, tally: Tally, options: dict[str, Any]) -> None:
        if options["json"]:
            found = {name: getattr(tally, name) for name in ("accepted", "duplicates", "rejected", "errors")}
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], **found}))
            return
        for error in tally.errors:
            self.stdout.write(" ".join(filter(None, (f"line {error['line']}:", error["pointer"], error["detail"]))))
        more = tally.rejected - len({error["line"] for error in tally.errors})
        if more > 0:
            self.stdout.write(f"… and {more:,} more rejected lines")
        verb = "would be taken in" if options["dry_run"] else "taken in"
        self.stdout.write(
            f"{tally.accepted:,} events {verb}, {tally.duplicates:,} were there already, {tally.rejected:,} rejected."
        )


def _take_in(batch: list[tuple[int, Any]], options: dict[str, Any]) -> list[Item]:
    payloads = [payload for _, payload in batch]
    with transaction.atomic():
        client, _ = Client.objects.get_or_create(name=options["client"])
        items = accept(payloads, client=client, trust=Trust.NORMAL, historic=True)
        transaction.set_rollback(options["dry_run"])
    return items


def _batches(file: BinaryIO) -> Iterator[tuple[list[tuple[int, Any]], int]]:
    """Lines as parsed values with their numbers, and how many bytes were read by then. Blank lines are skipped."""
    batch: list[tuple[int, Any]] = []
    read, twins = 0, Counter[bytes]()
    for number, line in enumerate(file, 1):
        read += len(line)
        if line.strip():
            batch.append((number, _parsed(line, twins)))
        if len(batch) == BATCH:
            yield batch, read
            batch = []
    if batch:
        yield batch, read


def _parsed(line: bytes, twins: Counter[bytes]) -> Any:
    try:
        payload = strict_json.line(line)
    except Malformed as malformed:
        return malformed
    if isinstance(payload, dict) and payload.get("event_id") is None:
        # Without an id of its own an event is known by what it says, and by which of its twins it is.
        digest = hashlib.sha256(line.strip()).digest()[:16]
        twins[digest] += 1
        payload["event_id"] = f"import-{digest.hex()}-{twins[digest]}"
    return payload


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
