"""How good the detection is: the engine over labelled worlds, a textbook's rules and the naive ones beside ours."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from detection.backtest import Backtest, Learner, duty_of
from detection.backtest.cost import microseconds
from detection.backtest.evaluation import Run, campaign_facts, case_facts, false_speakers, judge_world, table
from detection.backtest.ranking import ModelAlone, TextbookModel
from detection.management.progress import progress
from detection.simulation import World, build
from detection.simulation.textbook import naive, textbook

#: What each row has to reach: beats a textbook, good, excellent; and whether less is better.
BARS: dict[str, tuple[float, float, float, bool]] = {
    "robbed accounts found": (60, 75, 85, False),
    "… before the first loss": (50, 70, 80, False),
    "precision at 1 alert per 1,000 a day": (75, 90, 97, False),
    "… at life-like rates": (20, 40, 60, False),
    "precision at 100 alerts a day": (40, 60, 75, False),
    "good orders hindered": (2, 1, 0.5, True),
    "good orders blocked": (0.3, 0.1, 0.02, True),
    "fraud amount stopped": (50, 70, 85, False),
    "campaigns found": (75, 85, 92, False),
    "… in time": (65, 80, 88, False),
    "hard campaigns found": (45, 65, 80, False),
    "the worst attack type": (30, 60, 75, False),
    "false alerts per 1,000 a day": (12, 6, 3, True),
    "wrong locks per 1,000 member-days": (0.5, 0.1, 0.02, True),
    "events until seen, p90": (12, 8, 5, True),
    "model alone, AP sign-ins": (0.35, 0.5, 0.6, False),
    "model alone, AP payments": (0.45, 0.6, 0.75, False),
    "model alone, AP browsing": (0.45, 0.6, 0.75, False),
}
ROSTERS = ("ours", "textbook", "naive")
MARKET = ("ours", "textbook")  # who is judged on a marketplace's own attacks too, on worlds half the size
LEARNS_FOR = 0.4  # of a world's days, before the models are on duty


@dataclass(slots=True)
class Results:
    """One roster over all seeds."""

    rows: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    cases: dict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))
    false: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ablation: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, run: Run) -> None:
        for name, value in table(run).items():
            self.rows[name].append(value)
        self.campaigns += [campaign_facts(run, campaign) for campaign in run.world.campaigns]
        for kind, facts in case_facts(run).items():
            self.cases[kind].append(facts)
        for name, count in false_speakers(run).items():
            self.false[name] += count

    def means(self) -> dict[str, float]:
        found = {name: _mean(values) for name, values in self.rows.items()}
        found["the worst attack type"] = min((facts["found"] for facts in self.attacks().values()), default=0.0)
        return found

    def attacks(self) -> dict[str, dict[str, float]]:
        """Each kind of attack over all seeds, in percent."""
        kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for facts in self.campaigns:
            kinds[facts["kind"]].append(facts)
        return {kind: _attack(rows) for kind, rows in sorted(kinds.items())}

    def carried(self) -> dict[str, dict[str, float]]:
        """By model: what its average precision loses without each feature, the most telling first."""
        return {
            kind: dict(sorted(((n, round(_mean(falls), 4)) for n, falls in named.items()), key=lambda item: -item[1]))
            for kind, named in self.ablation.items()
        }

    def wire(self) -> dict[str, Any]:
        return {
            "rows": {name: None if isnan(value) else round(value, 4) for name, value in self.means().items()},
            "seeds": {name: [None if isnan(v) else round(v, 4) for v in values] for name, values in self.rows.items()},
            "attacks": self.attacks(),
            "hard_days": {kind: _means(rows) for kind, rows in self.cases.items()},
            "ablation": self.carried(),
            "false_alerts_by_detector": self.wire_false(),
        }

    def wire_false(self) -> dict[str, int]:
        """How often each detector was part of an alert about nobody bad, the worst first."""
        return dict(sorted(self.false.items(), key=lambda item: -item[1]))


class Command(BaseCommand):
    help = (
        "Judge labelled worlds and print how much was found, how early, and whom it troubled for nothing: averages "
        "over the seeds, with a textbook's rules and the naive ones beside ours. Results on stdout, progress on stderr."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seeds", type=_seeds, default=(1, 2, 3, 4), help="which worlds (default 1,2,3,4)")
        parser.add_argument("--members", type=int, default=1500, help="how many members a world has (default 1500)")
        parser.add_argument("--days", type=int, default=14, help="how long it lasts (default 14)")
        parser.add_argument("--only", choices=ROSTERS, action="append", help="only this roster; may be repeated")
        parser.add_argument(
            "--models", action="store_true", help="the models weigh too, not only measured by themselves"
        )
        parser.add_argument("--no-life-like", action="store_true", help="leave the worlds with few attacks out")
        parser.add_argument("--no-marketplace", action="store_true", help="leave the marketplace's worlds out")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        rosters = [name for name in ROSTERS if not options["only"] or name in options["only"]]
        rates = ("dense",) if options["no_life_like"] else ("dense", "life-like")
        results = {name: Results() for name in rosters}
        market = {name: Results() for name in rosters if name in MARKET and not options["no_marketplace"]}
        with progress() as bar:
            steps = len(rates) * (len(rosters) + 1) + len(market) + bool(market)
            task = bar.add_task("Judging worlds", total=len(options["seeds"]) * steps)
            for seed in options["seeds"]:
                for rate in rates:
                    bar.update(task, description=f"Making world {seed}, {rate}", advance=1)
                    world = build(seed, members=options["members"], days=options["days"], rate=rate)
                    for name in rosters:
                        bar.update(task, description=f"World {seed}, {rate}: {name}")
                        alone = _alone(name, rate, world)
                        run = _judged(world, name, alone, bar, weigh=options["models"])
                        _note(results[name], run, rate, alone)
                        bar.update(task, advance=1)
                if market:
                    bar.update(task, description=f"Making marketplace {seed}", advance=1)
                    world = build(seed, members=options["members"] // 2, days=options["days"], shape="marketplace")
                    for name, found in market.items():
                        bar.update(task, description=f"Marketplace {seed}: {name}")
                        found.add(_judged(world, name, None, bar, weigh=False))
                        bar.update(task, advance=1)
        cost = microseconds(world, duty_of())
        if options["json"]:
            told: dict[str, Any] = {name: found.wire() for name, found in results.items()}
            told["marketplace"] = {name: found.wire() for name, found in market.items()}
            self.stdout.write(json.dumps({**told, "microseconds": cost}))
        else:
            self._print(results, options)
            self._print_market(market)
            told_cost = ", ".join(f"{name} {spent:.0f}" for name, spent in cost.items())
            self.stdout.write(f"Processor time an event, in microseconds: {told_cost}")

    def _print_market(self, market: dict[str, Results]) -> None:
        if not market:
            return
        console = Console(file=self.stdout._out, width=130)
        console.print(_yardstick(market, "A marketplace's own attacks and hard days"))
        console.print(_attacks(market))
        console.print(_hard_days(market))
        for name, found in market.items():
            self._print_false(name, found)

    def _print(self, results: dict[str, Results], options: dict[str, Any]) -> None:
        console = Console(file=self.stdout._out, width=130)
        seeds = ", ".join(map(str, options["seeds"]))
        title = f"{options['members']:,} members, {options['days']} days, mean of seeds {seeds}"
        console.print(_yardstick(results, title))
        console.print(_attacks(results))
        console.print(_hard_days(results))
        if "ours" in results:
            console.print(_ablation(results["ours"]))
        for name, found in results.items():
            self._print_false(name, found)

    def _print_false(self, name: str, found: Results) -> None:
        speakers = ", ".join(f"{rule} {count}" for rule, count in list(found.wire_false().items())[:8])
        self.stdout.write(f"False alerts, {name}: {speakers or 'none'}")


def _alone(name: str, rate: str, world: World) -> ModelAlone | TextbookModel | None:
    """Who ranks events without rules beside this roster: our models, or PyOD as it comes."""
    if name == "ours":
        return ModelAlone()
    return TextbookModel(_learned(world)) if (name, rate) == ("textbook", "dense") else None


def _learned(world: World) -> datetime:
    return world.since + (world.until - world.since) * LEARNS_FOR


def _judged(world: World, name: str, alone: ModelAlone | TextbookModel | None, bar: Progress, *, weigh: bool) -> Run:
    duty = duty_of({"ours": None, "textbook": textbook(), "naive": naive()}[name])
    learner = Learner(_learned(world), shadow=not weigh) if isinstance(alone, ModelAlone) else None
    backtest = Backtest(duty, learner)
    task = bar.add_task("events", total=len(world.events))
    run = Run(world)
    for number, (grown, step) in enumerate(judge_world(world, duty, backtest), 1):
        run = grown
        bad = step.verdict.event.event_id in run.bad
        if isinstance(alone, ModelAlone):
            alone.add(step, backtest.duty, bad=bad)
        elif alone:
            alone.add(step, bad=bad)
        if number % 1000 == 0:
            bar.update(task, completed=number)
    bar.remove_task(task)
    return run


def _note(results: Results, run: Run, rate: str, alone: ModelAlone | TextbookModel | None) -> None:
    if rate == "dense":
        results.add(run)
        for kind, precision in alone.average_precision().items() if alone else ():
            results.rows[f"model alone, AP {kind}"].append(precision)
        for kind, falls in alone.ablation().items() if isinstance(alone, ModelAlone) else ():
            for feature, fall in falls.items():
                results.ablation[kind][feature].append(fall)
    else:
        results.rows["… at life-like rates"].append(table(run)["precision at 1 alert per 1,000 a day"])


def _yardstick(results: dict[str, Results], title: str) -> Table:
    shown = Table("", *results, "beats textbook", "good", "excellent", "reached", title=title)
    means = {name: found.means() for name, found in results.items()}
    for row, (beats, good, excellent, less) in BARS.items():
        values = [means[name].get(row, float("nan")) for name in results]
        if all(isnan(value) for value in values):
            continue
        reached = _reached(values[0], (beats, good, excellent), less) if "ours" in results else ""
        shown.add_row(row, *map(_number, values), *(f"{bar:g}" for bar in (beats, good, excellent)), reached)
    return shown


def _reached(value: float, bars: tuple[float, float, float], less: bool) -> str:
    words = ("beats textbook", "good", "excellent")
    passed = [word for word, bar in zip(words, bars, strict=True) if (value <= bar if less else value >= bar)]
    return passed[-1] if passed else "no"


def _attacks(results: dict[str, Results]) -> Table:
    headings = [f"{name}: found · in time · hard" for name in results]
    shown = Table("attack", "campaigns", *headings, title="By attack, in percent")
    by_roster = {name: found.attacks() for name, found in results.items()}
    for kind, first in next(iter(by_roster.values())).items():
        cells = [by_roster[name][kind] for name in results]
        numbers = (f"{c['found']:.0f} · {c['in_time']:.0f} · {c['hard']:.0f}" for c in cells)
        shown.add_row(kind, f"{first['campaigns']:.0f}", *numbers)
    return shown


def _hard_days(results: dict[str, Results]) -> Table:
    headings = [f"{name}: alerted · challenged" for name in results]
    shown = Table("honest and odd", "cases", *headings, title="By honest hardship, in percent")
    by_roster = {name: {kind: _means(rows) for kind, rows in found.cases.items()} for name, found in results.items()}
    for kind, first in next(iter(by_roster.values())).items():
        cells = [by_roster[name][kind] for name in results]
        numbers = (f"{c['alerted']:.0f} · {c['challenged']:.0f}" for c in cells)
        shown.add_row(kind, f"{first['count'] * len(next(iter(results.values())).cases[kind]):.0f}", *numbers)
    return shown


def _ablation(results: Results) -> Table:
    shown = Table("model", "what its average precision loses without each feature", title="Which features carry what")
    for kind, features in results.carried().items():
        shown.add_row(kind, ", ".join(f"{name.replace('_', ' ')} {fall:+.3f}" for name, fall in features.items()))
    return shown


def _attack(rows: list[dict[str, Any]]) -> dict[str, float]:
    hard = [row for row in rows if row["level"] == "hard"]
    return {
        "campaigns": len(rows),
        "found": round(100 * _mean([row["found"] for row in rows]), 1),
        "in_time": round(100 * _mean([row["in_time"] for row in rows]), 1),
        "hard": round(100 * _mean([row["found"] for row in hard]), 1) if hard else 0.0,
    }


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    total = sum(row["count"] for row in rows)
    shares = {name: sum(row[name] * row["count"] for row in rows) / total for name in ("alerted", "challenged")}
    return {"count": total / len(rows), **{name: round(share, 1) for name, share in shares.items()}}


def _mean(values: list[Any]) -> float:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else float("nan")


def _number(value: float) -> str:
    if isnan(value):
        return "–"
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}"


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError("seeds are whole numbers with commas between") from error
