"""Benchmarks: every figure is a ratio to a baseline of the same run, interleaved A B A B, median of the rounds.

make bench                                    all, on SQLite
TEST_DATABASE=postgresql make bench           all, on PostgreSQL
make bench ARGS="--only drain --rounds 7"
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from config.collector import spare_what_is_loaded  # noqa: E402
from tests.benchmarks import cases, costs  # noqa: E402


@dataclass(frozen=True)
class Result:
    name: str
    ours: str
    baseline: str
    ratio: float
    low: float
    high: float
    reach: float


def paced(prepare: Callable[[], cases.Work], clock: Callable[[], float]) -> float:
    """Units a second of one round, its preparation aside."""
    work = prepare()
    start = clock()
    units = work()
    return units / (clock() - start)


def measure(case: cases.Case, rounds: int) -> Result:
    paced(case.ours, case.clock), paced(case.baseline, case.clock)  # warm up both
    ours, baseline, ratios = [], [], []
    for _ in range(rounds):
        ours.append(paced(case.ours, case.clock))
        baseline.append(paced(case.baseline, case.clock))
        ratios.append(ours[-1] / baseline[-1])
    return Result(
        case.name,
        f"{statistics.median(ours):,.0f} {case.unit}/s",
        f"{statistics.median(baseline):,.0f} {case.unit}/s",
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        case.reach,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", help="run the cases whose name contains this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    databases = setup_databases(verbosity=0, interactive=False)
    spare_what_is_loaded()  # as workers and the web do, for both sides alike
    progress = Console(stderr=True)
    results = []
    try:
        for case in cases.all_cases():
            if options.only and options.only not in case.name:
                continue
            progress.print(f"{case.name} …", style="dim")
            results.append(measure(case, options.rounds))
        spent = costs.measured(options.rounds) if not options.only or options.only in "costs" else {}
    finally:
        connection.close()
        teardown_databases(databases, verbosity=0)
    show(results, spent, as_json=options.json)
    return 0


def show(results: list[Result], spent: dict[str, tuple[float, float]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"ratios": [vars(result) for result in results], "microseconds": spent}, indent=1))
        return
    table = Table(title=f"Ratios to a baseline of the same run, on {connection.vendor}")
    for heading in ("what", "ours", "baseline", "ratio (lowest–highest)", "to reach"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for result in results:
        spread = f"{result.ratio:.2f}× ({result.low:.2f}–{result.high:.2f})"
        table.add_row(result.name, result.ours, result.baseline, spread, f"{result.reach:g}×")
    Console().print(table)
    if not spent:
        return
    parts = Table(title="What judging an event costs, in microseconds, in handfuls of 200")
    for heading in ("part", "time passed", "own work"):
        parts.add_column(heading, justify="left" if heading == "part" else "right")
    for name, (wall, cpu) in spent.items():
        parts.add_row(name, f"{wall:.0f}", f"{cpu:.0f}")
    Console().print(parts)


if __name__ == "__main__":
    sys.exit(main())
