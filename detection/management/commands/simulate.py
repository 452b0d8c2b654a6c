"""Realistic shop traffic and attacks against the running system, through its public API, and what was caught."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from detection import conf, inbox
from detection.intake import accept
from detection.kernel.vocabulary import Trust
from detection.models import Alert, ApiKey, Client, Event, Receipt
from detection.simulation import Campaign, World, build
from detection.simulation.player import Api, Player, Score, Unreachable, amounts

HISTORY = 500  # events taken in at once
LEARN_WITHIN = 60.0  # seconds the system gets to learn the members' past …
JUDGE_WITHIN = 30.0  # … and to judge the last events


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of one attack."""

    campaign: Campaign
    alerts: list[Alert]
    stopped: Any

    def row(self) -> dict[str, Any]:
        worst = max(self.alerts, key=lambda alert: (alert.severity_rank, alert.risk_score), default=None)
        return {
            "attack": self.campaign.kind,
            "level": self.campaign.level,
            "events": len(self.campaign.events),
            "alerts": len(self.alerts),
            "severity": worst.severity if worst else None,
            "title": worst.title if worst else None,
            "action_taken": worst.action_taken if worst else None,
            "stopped_eur": str(self.stopped),
        }


class Command(BaseCommand):
    help = (
        "Play members, guests and attacks against the running system through its public API, and say what was caught. "
        "Members' pasts are imported first. Results on stdout, progress on stderr."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="where the system runs (default: the one running on this data folder)")
        parser.add_argument("--key", help="an API key (default: SECURERETAIL_KEY, then the demo's own)")
        parser.add_argument("--seconds", type=float, default=75, help="how long the playing takes (default 75)")
        parser.add_argument("--fast", action="store_true", help="as fast as the system takes it")
        parser.add_argument("--members", type=int, default=100, help="how many members there are (default 100)")
        parser.add_argument("--attacks", type=int, default=11, help="how many attacks (default 11, one of a kind)")
        parser.add_argument("--hours", type=float, default=10, help="how many hours of the shop's day (default 10)")
        parser.add_argument("--seed", type=int, help="repeat the world of a run (default: a new one)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, send nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (5 <= options["members"] <= 5000 and 1 <= options["hours"] <= 22 and 0 <= options["attacks"] <= 500):
            raise CommandError("Use 5 to 5000 members, 1 to 22 hours and at most 500 attacks.")
        seed = secrets.randbelow(90_000) + 10_000 if options["seed"] is None else options["seed"]
        world, edge = _world(seed, options)
        past = [event for event in world.events if event["occurred_at"] < edge]
        fresh = [event | {"metadata": {"simulated": True}} for event in world.events if event["occurred_at"] >= edge]
        if options["dry_run"]:
            self._say({"seed": seed, "dry_run": True, "history": len(past), "events": len(fresh)}, options)
            return
        if not fresh:
            raise CommandError("Nothing happens in this world's last hours: use more --members or --hours.")
        url, key = options["url"] or _url(), options["key"] or _key()
        learned = self._teach(past, key)
        bad = frozenset(event["event_id"] for campaign in world.campaigns for event in campaign.events)
        player = Player(Api(url, key), bad)
        seconds = 0.0 if options["fast"] else max(options["seconds"], 0.0)
        began = time.monotonic()
        try:
            with _bar() as bar:
                task = bar.add_task(f"Playing {len(fresh):,} events to {url}", total=len(fresh))
                seen = lambda number: bar.update(task, completed=number)  # noqa: E731
                score = player.play(fresh, seconds=seconds, total=len(fresh), seen=seen)
        except Unreachable as error:
            raise CommandError(f"{str(error).removesuffix('.')}. Is the system running there (make run)?") from error
        took = time.monotonic() - began
        waited = _wait(JUDGE_WITHIN, "Judging the last ones")
        found = _found(world, key, player)
        facts = {"seed": seed, "url": url, "history": learned, "seconds": round(took, 1), "all_judged": waited}
        self._report(facts, score, found, options)
        if score.rejected:
            raise CommandError(f"{score.rejected} events were rejected: {'; '.join(score.errors)}")

    def _teach(self, past: list[dict[str, Any]], key: str) -> int:
        """The members' past, as history. A key this database does not know belongs to a system elsewhere."""
        known = ApiKey.objects.matching(key)
        if known is None:
            self.stderr.write("The key is not of this database: the members come without a past.")
            return 0
        with _bar() as bar:
            task = bar.add_task("Importing the members' past", total=len(past))
            for start in range(0, len(past), HISTORY):
                batch = past[start : start + HISTORY]
                accept(batch, client=known.client, trust=Trust.NORMAL, historic=True)
                bar.update(task, advance=len(batch))
        _wait(LEARN_WITHIN, "Learning from it")
        return len(past)

    def _report(self, facts: dict[str, Any], score: Score, found: _Found, options: dict[str, Any]) -> None:
        rows = [caught.row() for caught in found.caught]
        told = {
            **facts,
            "sent": score.sent,
            "rejected": score.rejected,
            "decisions": dict(score.answers),
            "honest_payments": score.honest,
            "honest_payments_hindered": score.hindered,
            "attacks": rows,
            "attacks_caught": sum(bool(row["alerts"]) for row in rows),
            "fraud_eur": str(found.at_stake),
            "fraud_stopped_eur": str(sum(caught.stopped for caught in found.caught)),
            "alerts_on_honest_people": found.false_alerts,
        }
        self._say(told, options)

    def _say(self, told: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(told, default=str))
            return
        if told.get("dry_run"):
            self.stdout.write(
                f"Seed {told['seed']}: {told['history']:,} events of history, {told['events']:,} to play."
            )
            return
        table = Table(
            "attack", "level", "events", "alerts", "worst", "what was done", "stopped", title="What was caught"
        )
        for row in told["attacks"]:
            worst = f"{row['severity']}: {row['title']}" if row["title"] else "not seen"
            numbers = (str(row["events"]), str(row["alerts"]))
            done, stopped = row["action_taken"] or "", f"{float(row['stopped_eur']):,.0f} EUR"
            table.add_row(row["attack"], row["level"], *numbers, worst, done, stopped)
        Console(file=self.stdout._out, width=120 if not sys.stdout.isatty() else None).print(table)
        self.stdout.write(
            f"Seed {told['seed']}: {told['history']:,} events of history, {told['sent']:,} events sent in "
            f"{told['seconds']:g} s. {told['attacks_caught']} of {len(told['attacks'])} attacks caught, "
            f"{told['fraud_stopped_eur']} of {told['fraud_eur']} EUR stopped. {told['honest_payments_hindered']} of "
            f"{told['honest_payments']} honest payments hindered, "
            f"{told['alerts_on_honest_people']} alerts on honest people."
        )
        if not told["all_judged"]:
            self.stdout.write("Some events still wait to be judged: the worker is behind or not running.")


@dataclass(frozen=True, slots=True)
class _Found:
    caught: list[Caught]
    at_stake: Any
    false_alerts: int


def _world(seed: int, options: dict[str, Any]) -> tuple[World, str]:
    """A fortnight of which the last hours are played, and the moment they begin."""
    now, days = timezone.now() - timedelta(seconds=5), 15
    lived = timedelta(hours=options["hours"])
    prefix = f"sim{seed}-{int(now.timestamp()):x}"
    world = build(
        seed,
        members=options["members"],
        days=days,
        until=now,
        attacks=options["attacks"],
        calm_days=days - lived / timedelta(days=1),
        prefix=prefix,
        names=f"s{seed}-",
    )
    return world, (now - lived).strftime("%Y-%m-%dT%H:%M:%S")


def _found(world: World, key: str, player: Player) -> _Found:
    """Alerts joined to attacks by the events they were raised or grown on."""
    known = ApiKey.objects.matching(key)
    alerts = _alerts(world, known.client) if known else {}
    bad: set[Any] = set()
    caught = []
    for campaign in world.campaigns:
        mine = {alerts[e["event_id"]].pk: alerts[e["event_id"]] for e in campaign.events if e["event_id"] in alerts}
        bad |= set(mine)
        stopped = [loss for loss in campaign.losses if {loss["event_id"], loss.get("order_id")} & player.score.stopped]
        caught.append(Caught(campaign, list(mine.values()), amounts(stopped)))
    at_stake = amounts([loss for campaign in world.campaigns for loss in campaign.losses])
    return _Found(caught, at_stake, len({alert.pk for alert in alerts.values()} - bad))


def _alerts(world: World, client: Client) -> dict[str, Alert]:
    """The alert of each played event that has one."""
    names = [event["event_id"] for event in world.events]
    found: dict[str, Alert] = {}
    for start in range(0, len(names), HISTORY):
        receipts = Receipt.objects.filter(client=client, event_id__in=names[start : start + HISTORY])
        ours = dict(receipts.values_list("event", "event_id"))
        raised = Event.objects.filter(pk__in=ours, alert_id__isnull=False).values_list("pk", "alert_id")
        joined = dict(raised)
        rows = Alert.objects.in_bulk(set(joined.values()))
        found |= {ours[event]: rows[alert] for event, alert in joined.items() if alert in rows}
    return found


def _wait(seconds: float, doing: str) -> bool:
    """Until the inbox is empty or the time is up; whether it is empty."""
    until = time.monotonic() + seconds
    with _bar() as bar:
        task = bar.add_task(doing, total=None)
        most = waiting = inbox.counts()["pending"]
        while waiting and time.monotonic() < until:
            most = max(most, waiting)
            bar.update(task, total=most, completed=most - waiting)
            time.sleep(0.3)
            waiting = inbox.counts()["pending"]
    return not waiting


def _url() -> str:
    """Where the system on this data folder said it runs, else where one would."""
    try:
        told = json.loads((conf.current().data_dir / "run" / "up.json").read_text())
    except (OSError, ValueError):
        told = {}
    return str(told.get("url") or conf.current().public_url or "http://127.0.0.1:8000")


def _key() -> str:
    found = os.environ.get("SECURERETAIL_KEY", "")
    if found:
        return found
    try:
        told = json.loads((conf.current().data_dir / "demo.json").read_text())
    except (OSError, ValueError):
        told = {}
    key = told.get("simulator_key") or told.get("api_key")
    if not key:
        raise CommandError("No API key: use --key, set SECURERETAIL_KEY, or start the demo with make run.")
    return str(key)


def _bar() -> Progress:
    columns: Iterable[Any] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
