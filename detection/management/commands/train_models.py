"""Fit the anomaly models on stored events, or move between their versions."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from detection import conf
from detection.anomaly import history, makes, shelf, trainer
from detection.anomaly.seal import Unusable
from detection.anomaly.vector import KINDS, Kind, kind_named
from detection.anomaly.verdicts import SUFFIX, TooFew
from detection.models import ModelVersion
from detection.response import learning, teaching

NAMES = [kind.name for kind in KINDS]
MOVABLE = [*NAMES, *(name + SUFFIX for name in NAMES)]


class Command(BaseCommand):
    help = (
        "Fit the anomaly models on what was measured of ordinary events. The first version of a kind goes on duty at "
        "once, later ones run in shadow until they are promoted, unless --activate is given. Results on stdout, "
        "progress on stderr."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", choices=NAMES, action="append", help="only this kind; may be repeated")
        parser.add_argument("--days", type=_days, default=90, help="how far back to learn from (default 90)")
        parser.add_argument("--since", type=_moment, help="learn from events since this ISO 8601 time instead")
        parser.add_argument(
            "--detector",
            type=_detector,
            help=f"{', '.join(makes.MAKES)} or pyod.models.<module>.<Class> (default: MODEL_DETECTORS, else iforest)",
        )
        parser.add_argument(
            "--budget",
            type=_share,
            help="share of ordinary events that may be called strange (default: the kind's own)",
        )
        parser.add_argument("--activate", action="store_true", help="put the new version on duty at once")
        parser.add_argument(
            "--promote", choices=MOVABLE, metavar="KIND", help="train nothing: put KIND's shadow on duty if no worse"
        )
        parser.add_argument("--force", action="store_true", help="promote even if it is worse")
        parser.add_argument(
            "--nightly", action="store_true", help="first promote what was in shadow for a day and is no worse"
        )
        parser.add_argument(
            "--rollback", choices=MOVABLE, metavar="KIND", help="train nothing: back to KIND's version before"
        )
        parser.add_argument("--dry-run", action="store_true", help="fit and report, store nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        moved = options["promote"] or options["rollback"]
        if moved:
            results = [self._move(moved, options)]
        else:
            if options["nightly"]:
                promoted = [row for name in MOVABLE if (row := _promoted(name))]
                self.stderr.write("".join(f"{row.kind} {row.version} is on duty now\n" for row in promoted), ending="")
            results = []
            for name in options["kind"] or NAMES:
                results += [self._train(kind_named(name), options), *self._teach(kind_named(name), options)]
        if not options["dry_run"]:
            learning.look()
        if options["json"]:
            self.stdout.write(json.dumps({"models": results}))
        else:
            for result in results:
                self.stdout.write(_line(result))

    def _move(self, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        back = bool(options["rollback"])
        if options["dry_run"]:
            return {"kind": kind, "status": "would_roll_back" if back else "would_promote"}
        try:
            row = shelf.rollback(kind) if back else learning.promote(kind, force=options["force"])
        except (shelf.NoSuchModel, Unusable) as fault:
            raise CommandError(str(fault)) from fault
        if isinstance(row, learning.Refused):
            raise CommandError(f"not promoted: {row.text}; --force does it all the same")
        return _described(row)

    def _train(self, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
        until = timezone.now()
        since = options["since"] or until - timedelta(days=options["days"])
        rows = history.rows(kind, since, until)
        try:
            with _bar() as bar:
                trained = trainer.train(
                    _read(rows, bar, kind, history.count(kind, since, until)),
                    kind.name,
                    detector_name=options["detector"] or conf.current().model_detectors.get(kind.name, "iforest"),
                    budget=options["budget"],
                    before=last.card.get("profile") if (last := shelf.active_of(kind.name)) else None,
                    step=partial(_step, bar, kind),
                )
            if isinstance(trained, trainer.TooLittle):
                return {
                    "kind": kind.name,
                    "status": "not_enough_history",
                    "text": str(trained),
                    "have": trained.have,
                    "need": trained.need,
                    "left_out": trained.left_out,
                }
            if options["dry_run"]:
                return {"kind": kind.name, "status": "would_store", "card": trained.card}
            row = shelf.put(trained, activate=options["activate"])
            shelf.tidy()
            return _described(row)
        except makes.Unsuitable as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"the model folder cannot be written: {fault.strerror}") from fault

    def _teach(self, kind: Kind, options: dict[str, Any]) -> list[dict[str, Any]]:
        """The layer over this kind that people's verdicts teach; nothing while they have said too little."""
        trained = teaching.teach(kind, timezone.now())
        if isinstance(trained, TooFew):
            return []
        if options["dry_run"]:
            return [{"kind": trained.kind, "status": "would_store", "card": trained.card}]
        return [_described(shelf.put(trained, waits=True))]


def _promoted(kind: str) -> ModelVersion | None:
    """The version that took over, having been heard beside the other for a day."""
    waiting = shelf.shadow_of(kind)
    if waiting is None or timezone.now() - waiting.created_at < timedelta(hours=20):
        return None
    try:
        row = learning.promote(kind)
    except (shelf.NoSuchModel, Unusable):
        return None
    return None if isinstance(row, learning.Refused) else row


def _detector(name: str) -> str:
    try:
        makes.place_of(name)
    except makes.Unsuitable as fault:
        raise ArgumentTypeError(str(fault)) from None
    return name


def _bar() -> Progress:
    """A progress bar on stderr while someone is looking."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _read(rows: Iterable[trainer.Row], bar: Progress, kind: Kind, total: int) -> Iterator[trainer.Row]:
    """The rows as they are read."""
    task = bar.add_task(f"Reading {kind.name}", total=total)
    for row in rows:
        yield row
        bar.advance(task)


def _step(bar: Progress, kind: Kind, number: int, doing: str) -> None:
    """What training does once it has read, as it begins to."""
    known = [task for task in bar.tasks if task.fields.get("steps")]
    task = known[0].id if known else bar.add_task("", total=len(trainer.STEPS), steps=True)
    bar.update(task, description=f"{doing.capitalize()} {kind.name}", completed=number)


def _described(row: ModelVersion) -> dict[str, Any]:
    return {"kind": row.kind, "status": row.state, "version": row.version, "digest": row.digest, "card": row.card}


def _line(result: dict[str, Any]) -> str:
    if "text" in result:
        text = str(result["text"])
        return text[:1].upper() + text[1:]
    card = result.get("card")
    named = f"{result['kind']} {result.get('version', '')}".strip()
    learned = f", {card['rows']} events, threshold {card['threshold']:.4f}" if card else ""
    return f"{named}: {result['status'].replace('_', ' ')}{learned}"


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 3650:
        raise ValueError
    return days


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise ValueError
    return share


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
