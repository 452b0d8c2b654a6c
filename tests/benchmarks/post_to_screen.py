"""From an app's POST to the frame on an open /ws/alerts/, over a system of its own.

python -m tests.benchmarks.post_to_screen                        500 alerts, ten a second, on SQLite
python -m tests.benchmarks.post_to_screen --database postgresql  the same on PostgreSQL
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.flows.stage import Screen, Shop, anybody, closing, large_payment, signed_in
from tests.live import LiveSystem, eventually

Timings = dict[str, list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=500)
    parser.add_argument("--rate", type=float, default=10, help="alerts a second")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secureretail-") as folder:
        environ = {}
        if asked.database == "postgresql":
            from tests import services

            environ["DATABASE_URL"] = services.postgresql(Path(folder) / "postgresql")
        system = LiveSystem.start(Path(folder) / "data", **environ)
        try:
            timings = measure(system, alerts=asked.alerts, rate=asked.rate)
            memory = proportional(system)
        finally:
            system.stop()
    report(asked, system.ready_after, timings, memory)
    return 0


def measure(system: LiveSystem, *, alerts: int, rate: float) -> Timings:
    """Milliseconds for each alert: until its event is accepted, from there and from the POST until it is on screen."""
    with closing():
        shop, olga = Shop(system), signed_in(system, "olga")
        sent: dict[str, float] = {}
        accepted: dict[str, float] = {}
        with Screen(system, "/ws/alerts/", olga) as screen:
            began = time.perf_counter()
            numbers = track(range(alerts), console=Console(stderr=True), description="Alerts")
            for number in numbers:
                time.sleep(max(0.0, began + number / rate - time.perf_counter()))
                event = large_payment(anybody("thief"))
                sent[event["event_id"]] = time.perf_counter()
                shop.post("events/", event).raise_for_status()
                accepted[event["event_id"]] = time.perf_counter()
            eventually(lambda: len(screen.raised()) >= alerts, within=60)
        shown: dict[str, float] = {}
        for frame, at in zip(screen.frames, screen.came_at, strict=True):
            if frame["kind"] == "alert.raised":
                shown.setdefault(frame["alert"]["event_id"], at)
    return {
        "POST to 202": [1000 * (accepted[name] - sent[name]) for name in sent],
        "202 to screen": [1000 * max(0.0, shown[name] - accepted[name]) for name in sent],
        "POST to screen": [1000 * (shown[name] - sent[name]) for name in sent],
    }


def proportional(system: LiveSystem) -> dict[str, float]:
    """Megabytes of each process, shared pages divided among those who share them."""
    found: dict[str, float] = {}
    for pid, line in sorted(system.processes().items()):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        size = next(int(row.split()[1]) for row in rollup if row.startswith("Pss:"))
        words = [os.path.basename(word) for word in line.split()]
        marks = ("valkey-server", "daphne", "worker", "beat", "flower", "up")
        name = next((mark for mark in marks if any(mark in word for word in words)), words[0])
        found[f"{name} ({pid})"] = size / 1024
    return found


def report(asked: argparse.Namespace, ready_after: float, timings: Timings, memory: dict[str, float]) -> None:
    spread: dict[str, Any] = {
        name: {"p50": statistics.median(values), "p99": statistics.quantiles(values, n=100)[98], "most": max(values)}
        for name, values in timings.items()
    }
    if asked.json:
        told = {"database": asked.database, "alerts": asked.alerts, "rate": asked.rate, "first_start": ready_after}
        print(json.dumps({**told, "milliseconds": spread, "megabytes": memory}))
        return
    table = Table(title=f"{asked.alerts} alerts, {asked.rate:g} a second, on {asked.database}", title_justify="left")
    for heading in ("milliseconds", "p50", "p99", "most"):
        table.add_column(heading, justify="left" if heading == "milliseconds" else "right")
    for name, figures in spread.items():
        table.add_row(name, *(f"{figures[key]:.0f}" for key in ("p50", "p99", "most")))
    console = Console()
    console.print(table)
    console.print(f"first start {ready_after:.1f} s; memory in MB, shared pages divided:")
    for name, size in memory.items():
        console.print(f"  {name}: {size:.0f}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
