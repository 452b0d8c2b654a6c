"""The engine over a file of past events: what would have been said and done, with nothing stored and nobody told."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from detection.backtest import Backtest, BadLabels, BadSettings, History, Labels, Learner, Report, Step, duty_from
from detection.backtest.settings import settings_of
from detection.intake.schema import Wrong, moment
from detection.management.progress import progress
from detection.response import presets

MOST_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Judge a file of events, one JSON object a line, as if they came in now: rules, folding and actions, in event "
        "time. Alerts go to --out, one line whenever one is raised or grows worse; a summary to stdout, progress to "
        "stderr. No database, no locks, no notices. Exit 1 when a line was rejected; the others were judged."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """``--settings`` is ours here: the rules' settings, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a file of events, one JSON object a line")
        parser.add_argument("--out", required=True, help="the file alert lines are written to")
        parser.add_argument("--settings", "--rules", dest="rules", metavar="FILE", help=_SETTINGS_HELP)
        parser.set_defaults(settings=None)
        parser.add_argument("--train-until", type=_moment, help="train the models on what came before this time")
        parser.add_argument("--labels", help="what is known to be fraud or not, one label a line: adds a report")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            duty = duty_from(_settings(options["rules"]))
            labels = Labels.read(Path(options["labels"])) if options["labels"] else None
        except (BadSettings, BadLabels) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}") from error
        summary = _Summary(labels)
        learner = None
        if options["train_until"]:
            learner = Learner(options["train_until"], labels.bad_events() if labels else frozenset())
        backtest = Backtest(duty, learner)
        try:
            with (
                progress() as bar,
                _read(Path(options["file"]), bar) as history,
                Path(options["out"]).open("w", encoding="utf-8") as out,
            ):
                for step in _judged(history, backtest, bar):
                    summary.add(step)
                    if step.line is not None:
                        out.write(json.dumps(step.line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise CommandError(f"{error.filename or options['out']}: {error.strerror}") from error
        self._report(history, summary, learner, as_json=options["json"])
        if history.rejected:
            sys.exit(1)

    def _report(self, history: History, summary: _Summary, learner: Learner | None, *, as_json: bool) -> None:
        told = {"rejected": history.rejected, "duplicates": history.duplicates, **summary.wire()}
        told["errors"] = [asdict(fault) for fault in history.faults[:MOST_SHOWN]]
        if learner:
            told["models"] = learner.cards
        if as_json:
            self.stdout.write(json.dumps(told))
            return
        for fault in told["errors"]:
            self.stdout.write(" ".join(filter(None, (f"line {fault['line']}:", fault["pointer"], fault["detail"]))))
        table = Table("rule", "alerts", "signals", title="What spoke")
        for rule_id, signals in sorted(summary.signals.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(rule_id, f"{summary.raised_by[rule_id]:,}", f"{signals:,}")
        console = Console(file=self.stdout._out, width=140)
        if summary.signals:
            console.print(table)
        if "labels" in told:
            report = told["labels"]
            for table in (_by_rule(report["rules"]), _by_day(report["days"])):
                console.print(table)
            self.stdout.write(
                f"{report['stopped_eur']} EUR of known fraud stopped, {report['lost_eur']} lost; "
                f"{report['good_orders_hindered']:,} of {report['good_orders']:,} known good orders hindered."
            )
        self.stdout.write(
            f"{told['events']:,} events, {told['alerts']:,} alerts, {told['lines']:,} lines, "
            f"{told['rejected']:,} rejected, {told['duplicates']:,} duplicates, {told['events_per_second']:,} events/s."
        )


class _Summary:
    """What was said, counted."""

    def __init__(self, labels: Labels | None) -> None:
        self.events = self.lines = 0
        self.ids: set[str] = set()
        self.signals: Counter[str] = Counter()
        self.raised_by: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self.report = Report(labels) if labels else None
        self._began = time.monotonic()

    def add(self, step: Step) -> None:
        self.events += 1
        self.signals.update(signal.detector for signal in step.verdict.signals)
        if self.report:
            self.report.add(step)
        if step.line is None:
            return
        self.lines += 1
        self.actions[step.line["action"]] += 1
        if step.line["id"] not in self.ids:
            self.ids.add(step.line["id"])
            self.raised_by.update(step.line["detectors"][:1])

    def wire(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._began
        told = {
            "events": self.events,
            "alerts": len(self.ids),
            "lines": self.lines,
            "lines_by_action": dict(sorted(self.actions.items())),
            "signals": dict(sorted(self.signals.items())),
            "seconds": round(seconds, 2),
            "events_per_second": round(self.events / seconds) if seconds > 0 else self.events,
        }
        return told | ({"labels": self.report.wire()} if self.report else {})


_SETTINGS_HELP = (
    "how the rules stand: the name of a preset (retail, fintech, marketplace), a preset of your own in a TOML file, or "
    '{"rule-id": {"state": "live|shadow|off", "severity": "low|medium|high", "parameters": {…}}} in a JSON file'
)


def _read(path: Path, bar: Progress) -> History:
    task = bar.add_task(f"Checking {path.name}", total=max(path.stat().st_size, 1))
    return History.read(path, seen=lambda read: bar.update(task, completed=read))


def _judged(history: History, backtest: Backtest, bar: Progress) -> Iterator[Step]:
    task = bar.add_task("Judging", total=max(len(history), 1))
    for number, step in enumerate(backtest.run(history), 1):
        if number % 500 == 0:
            bar.update(task, completed=number)
        yield step
    bar.update(task, completed=max(len(history), 1))


def _settings(path: str | None) -> Any:
    if path is None:
        return {}
    try:
        preset = presets.find(path) or (presets.read(Path(path)) if path.endswith(".toml") else None)
    except presets.BadPreset as error:
        raise BadSettings(str(error)) from error
    if preset is not None:
        return settings_of(preset)
    if not Path(path).exists():
        known = ", ".join(one.name for one in presets.every())
        raise BadSettings(f"{path} is neither a file nor a preset. Presets are: {known}.")
    try:
        return json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise BadSettings(f"{path} is not JSON: {error}") from error


MONEY = ("stopped EUR", "lost EUR", "good orders", "hindered")


def _by_rule(rows: list[dict[str, Any]]) -> Table:
    table = Table("rule", "on fraud", "on legitimate", "precision", *MONEY, title="By rule, where labels say")
    for row in rows:
        precision = "" if row["precision"] is None else f"{row['precision']:.0%}"
        table.add_row(row["rule"], f"{row['fraud']:,}", f"{row['legitimate']:,}", precision, *_money(row))
    return table


def _by_day(rows: list[dict[str, Any]]) -> Table:
    table = Table("day", *MONEY, title="By day (UTC)")
    for row in rows:
        table.add_row(row["day"], *_money(row))
    return table


def _money(row: dict[str, Any]) -> tuple[str, ...]:
    return row["stopped_eur"], row["lost_eur"], f"{row['good_orders']:,}", f"{row['good_orders_hindered']:,}"


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except Wrong as wrong:
        raise ArgumentTypeError(str(wrong)) from wrong
