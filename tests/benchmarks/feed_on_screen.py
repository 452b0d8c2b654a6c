"""What staff feel at the feed, in a real Chromium over a system of its own: how soon it paints with a year of alerts
behind it, and whether it stays responsive while alerts pour in.

python -m tests.benchmarks.feed_on_screen     100,000 alerts behind it, then 50 a second for a minute
python -m tests.benchmarks.feed_on_screen --behind 100 --seconds 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.conftest import CHROMIUM_FLAGS, chromium
from tests.flows.stage import Shop, anybody, closing, large_payment
from tests.live import ROOT, LiveSystem

LOADS = 11  # the first one warms up and is not counted
LONG_TASK = 100.0  # milliseconds
WATCH = """() => {
  window.tasks = []; window.rows = 0;
  new PerformanceObserver(list => list.getEntries().forEach(task => window.tasks.push(task.duration)))
    .observe({type: "longtask", buffered: false});
  const feed = document.querySelector(".feed");
  new MutationObserver(() => { window.rows = Math.max(window.rows, feed.children.length); })
    .observe(feed, {childList: true});
}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').map(paint => paint.startTime)[0] ?? 0"
SHOWN = "() => [...document.querySelectorAll('.feed > li')].map(row => row.dataset.id)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--behind", type=int, default=100_000, help="alerts of the past year")
    parser.add_argument("--rate", type=int, default=50, help="alerts a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secureretail-") as folder, closing(), sync_playwright() as playwright:
        system = LiveSystem.start(Path(folder) / "data")
        running = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            crowd = [sys.executable, "-m", "tests.benchmarks.crowd", str(asked.behind)]
            subprocess.run(crowd, cwd=ROOT, env=system.environ, check=True)
            page = signed_in(system, running.new_context(viewport={"width": 1440, "height": 900}).new_page())
            figures = {"paint": painted(page, system)} | poured(page, system, rate=asked.rate, seconds=asked.seconds)
        finally:
            running.close()
            system.stop()
    report(asked, figures)
    return 0 if not figures["missing"] and figures["rows"] <= 300 else 1


def signed_in(system: LiveSystem, page: Page) -> Page:
    olga = next(user for user in system.users if user["username"] == "olga")
    page.goto(f"{system.url}/login/")
    page.fill("[name=username]", "olga")
    page.fill("[name=password]", olga["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin_dashboard/**")
    return page


def painted(page: Page, system: LiveSystem) -> list[float]:
    """Milliseconds until the feed's first contentful paint, load after load."""
    paints = []
    for _ in range(LOADS):
        page.goto(f"{system.url}/admin_dashboard/", wait_until="networkidle")
        paints.append(float(page.evaluate(PAINTED)))
    return paints[1:]


def poured(page: Page, system: LiveSystem, *, rate: int, seconds: int) -> dict[str, Any]:
    """Long tasks and rows while alerts come at this rate, and which of the newest are not on the page afterwards."""
    page.goto(f"{system.url}/admin_dashboard/", wait_until="networkidle")
    page.evaluate(WATCH)
    shop, began = Shop(system), time.perf_counter()
    sent = 0
    for second in track(range(seconds), console=Console(stderr=True), description="Alerts"):
        handful = [large_payment(anybody("thief")) for _ in range(rate)]
        shop.post("events/", {"events": handful}).raise_for_status()
        sent += rate
        page.wait_for_timeout(max(0.0, 1000 * (began + second + 1 - time.perf_counter())))
    missing = waited_for(page, system, sent)
    return {
        "alerts": sent,
        "sent": sent,
        "seconds": time.perf_counter() - began,
        "tasks": page.evaluate("() => window.tasks"),
        "rows": page.evaluate("() => window.rows"),
        "missing": missing,
    }


def waited_for(page: Page, system: LiveSystem, sent: int, *, within: float = 240.0) -> int:
    """Once all are judged: how many of the newest do not come to the page within the time. Nobody touches the page."""
    deadline = time.perf_counter() + within
    while True:
        judged = newest_of(system, sent, subject="member:thief-%")
        missing = len(set(judged[:300]) - set(page.evaluate(SHOWN)))
        if len(judged) == sent and (not missing or time.perf_counter() > deadline):
            return missing
        if time.perf_counter() > deadline:
            raise AssertionError(f"{len(judged)} of {sent} alerts were there within {within:g} s")
        page.wait_for_timeout(250)


def newest_of(system: LiveSystem, count: int, *, subject: str = "%") -> list[str]:
    """The newest alerts as the database has them, by the order the feed goes in."""
    import sqlite3
    from uuid import UUID

    with sqlite3.connect(f"file:{system.data_dir / 'db.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT id FROM detection_alert WHERE subject LIKE ? ORDER BY created_at DESC, id DESC LIMIT ?",
            (subject, count),
        ).fetchall()
    return [str(UUID(name)) for (name,) in rows]


def report(asked: argparse.Namespace, figures: dict[str, Any]) -> None:
    paint, tasks = figures["paint"], figures["tasks"]
    long = [task for task in tasks if task > LONG_TASK]
    told = {
        "first contentful paint, median ms": statistics.median(paint),
        "... slowest of ten": max(paint),
        "alerts shown": figures["alerts"],
        "seconds until the last was there": round(figures["seconds"], 1),
        "tasks above 50 ms": len(tasks),
        "... their p95 in ms": statistics.quantiles(tasks, n=20)[18] if len(tasks) > 1 else max(tasks, default=0.0),
        f"tasks above {LONG_TASK:g} ms": len(long),
        "the longest task, ms": max(tasks, default=0.0),
        "rows in the page at most": figures["rows"],
        "of the newest 300 of them not on the page": figures["missing"],
    }
    if asked.json:
        print(json.dumps(told))
        return
    table = Table(title=f"{asked.behind:,} alerts behind it, {asked.rate} a second", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in told.items():
        table.add_row(name, f"{value:,.0f}" if isinstance(value, float) else f"{value:,}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
