"""How good: what a run over a labelled world found, how early, and whom it troubled for nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil, inf
from typing import Any

from detection.backtest.reading import record_of
from detection.backtest.running import Backtest, Step
from detection.catalog import Duty
from detection.kernel.incidents import worth_an_alert
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import BROWSING, SPENDING, Action, EventType, Outcome
from detection.kernel.words import PER_EURO
from detection.simulation import Campaign, World

CHALLENGE_SHARE = 0.005  # of ordinary member-days may be challenged where something is held to it
ONE_A_THOUSAND = 1.0  # alerts for 1,000 members a day
HUNDRED = 100 / 1.5  # alerts for 1,000 members a day
#: What is told after the fact or costs nothing to try: asking for proof there stops nobody.
STOPS_NOTHING = BROWSING | {
    EventType.LOGIN_FAILED,
    EventType.PAYMENT_FAILED,
    EventType.TRANSACTION_SUCCEEDED,
    EventType.PASSWORD_RESET_REQUESTED,
}


@dataclass(slots=True)
class Judged:
    """One event as it was judged: its place in the run, its score, and what would have been done."""

    place: int
    score: int
    outcome: Outcome
    locked: bool
    worth: bool
    kind: str
    detectors: tuple[str, ...]

    @property
    def challenged(self) -> bool:
        return self.outcome is not Outcome.ALLOW


@dataclass(slots=True)
class Said:
    """One alert at its worst."""

    score: int = 0
    action: Action = Action.NONE
    detectors: tuple[str, ...] = ()
    true: bool = False
    cases: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Run:
    """A world judged by a roster."""

    world: World
    judged: dict[str, Judged] = field(default_factory=dict)
    alerts: dict[str, Said] = field(default_factory=dict)
    bad: set[str] = field(init=False)
    case_of: dict[str, str] = field(init=False)
    victims: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.bad = {e["event_id"] for campaign in self.world.campaigns for e in campaign.events}
        self.case_of = {e["event_id"]: case.kind for case in self.world.cases for e in case.events if "event_id" in e}
        self.victims = {name for campaign in self.world.campaigns for name in campaign.victims}

    @property
    def thousand_days(self) -> float:
        return len(self.world.members) * self.world.days / 1000


def records(world: World) -> Iterator[EventRecord]:
    """A world's events as a back-test reads them."""
    top = {"event_id", "type", "occurred_at", "member_id"}
    for number, event in enumerate(world.events, 1):
        body = {name: value for name, value in event.items() if name not in top}
        at = datetime.fromisoformat(event["occurred_at"])
        name = event.get("member_id")
        yield record_of(number, event_id=event["event_id"], kind=event["type"], at=at, member_id=name, body=body)


def judge_world(world: World, duty: Duty, backtest: Backtest | None = None) -> Iterator[tuple[Run, Step]]:
    """The run as it grows, with each step: for progress, and for who wants to look closer."""
    run = Run(world)
    for place, step in enumerate((backtest or Backtest(duty)).run(records(world))):
        verdict = step.verdict
        run.judged[verdict.event.event_id] = Judged(
            place,
            verdict.risk_score,
            verdict.outcome,
            verdict.action is Action.LOCK and verdict.event.member_id is not None,
            worth_an_alert(verdict),
            verdict.event.type,
            tuple(signal.detector for signal in verdict.signals),
        )
        if step.line is not None:
            said = run.alerts.setdefault(step.line["id"], Said())
            said.score, said.action = step.line["risk_score"], Action(step.line["action"])
            said.detectors = tuple(step.line["detectors"])
            said.true = said.true or any(name in run.bad for name in step.line["event_ids"])
            said.cases |= {run.case_of[name] for name in step.line["event_ids"] if name in run.case_of}
        yield run, step


def euros(event: dict[str, Any]) -> Decimal:
    return Decimal(event["amount"]) / Decimal(str(PER_EURO[event["currency"]]))


def affordable_score(run: Run) -> float:
    """From which score on challenges trouble at most half a percent of the days on which an honest member came."""
    days: dict[tuple[str, str], int] = defaultdict(int)
    for event in run.world.events:
        name = event.get("member_id")
        if name is None or event["event_id"] in run.bad:
            continue
        judged = run.judged[event["event_id"]]
        day = (name, event["occurred_at"][:10])
        days[day] = max(days[day], judged.score if judged.challenged else 0)
    allowed = int(len(days) * CHALLENGE_SHARE)
    worst = sorted((score for score in days.values() if score), reverse=True)
    return worst[allowed] + 1 if len(worst) > allowed else 0


def table(run: Run) -> dict[str, float]:
    """The rows of the yardstick, in percent or plain numbers. NaN where there was nothing to measure."""
    least = affordable_score(run)
    accounts = [victim for campaign in run.world.campaigns for victim in campaign.victims.values() if victim.losses]
    first = [_first_challenge(run, victim.events, least) for victim in accounts]
    found = sum(place < inf for place in first)
    in_time = sum(_before(run, place, v.losses[0]) for place, v in zip(first, accounts, strict=True))
    campaigns = [campaign_facts(run, campaign) for campaign in run.world.campaigns]
    hard = [facts for facts in campaigns if facts["level"] == "hard"]
    stopped, lost = _money(run, least)
    orders, hindered, blocked = _orders(run)
    false = sum(not said.true for said in run.alerts.values())
    return {
        "robbed accounts found": _percent(found, len(accounts)),
        "… before the first loss": _percent(in_time, len(accounts)),
        "precision at 1 alert per 1,000 a day": _precision(run, ONE_A_THOUSAND),
        "precision at 100 alerts a day": _precision(run, HUNDRED),
        "good orders hindered": _percent(hindered, orders),
        "good orders blocked": _percent(blocked, orders),
        "fraud amount stopped": _percent(float(stopped), float(stopped + lost)),
        "campaigns found": _percent(sum(facts["found"] for facts in campaigns), len(campaigns)),
        "… in time": _percent(sum(facts["in_time"] for facts in campaigns), len(campaigns)),
        "hard campaigns found": _percent(sum(facts["found"] for facts in hard), len(hard)),
        "false alerts per 1,000 a day": false / run.thousand_days,
        "wrong locks per 1,000 member-days": len(_wrong_locks(run)) / run.thousand_days,
        "events until seen, p90": _percentile(_delays(run), 0.9),
    }


def campaign_facts(run: Run, campaign: Campaign) -> dict[str, Any]:
    """Whether an attack was spoken of, and whether by the time it mattered."""
    places = [run.judged[e["event_id"]].place for e in campaign.events if run.judged[e["event_id"]].worth]
    first = min(places, default=inf)
    speakers = {name for e in campaign.events for name in run.judged[e["event_id"]].detectors}
    found = first < inf
    in_time = found and _before(run, first, campaign.due, told=True)
    return {
        "kind": campaign.kind,
        "level": campaign.level,
        "found": found,
        "in_time": in_time,
        "detectors": sorted(speakers),
    }


def case_facts(run: Run) -> dict[str, dict[str, float]]:
    """For each honest hardship: how many there were, and the share alerted and challenged."""
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for case in run.world.cases:
        judged = [run.judged[event["event_id"]] for event in case.events if "event_id" in event]
        if judged:
            found[case.kind].append((any(j.worth for j in judged), any(j.challenged for j in judged)))
    return {
        kind: {
            "count": len(rows),
            "alerted": _percent(sum(alerted for alerted, _ in rows), len(rows)),
            "challenged": _percent(sum(asked for _, asked in rows), len(rows)),
        }
        for kind, rows in sorted(found.items())
    }


def false_speakers(run: Run) -> dict[str, int]:
    """How often each detector was part of an alert about nobody bad."""
    counts: dict[str, int] = defaultdict(int)
    for said in run.alerts.values():
        if not said.true:
            for name in said.detectors:
                counts[name] += 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _first_challenge(
    run: Run, events: list[dict[str, Any]], least: float, useless: frozenset[str] = frozenset()
) -> float:
    """The place of the first of these events that was challenged with at least that score, where it was of use."""
    for event in events:
        judged = run.judged[event["event_id"]]
        if judged.challenged and judged.score >= least and judged.kind not in useless:
            return judged.place
    return inf


def _before(run: Run, place: float, event: dict[str, Any], *, told: bool = False) -> bool:
    """Whether something was said before this event happened, or at it while it still could be refused or is no loss."""
    at = run.judged[event["event_id"]].place
    could_refuse = event["type"] in SPENDING or (told and event["type"] not in STOPS_NOTHING - BROWSING)
    return place < at or (place == at and could_refuse)


def _money(run: Run, least: float) -> tuple[Decimal, Decimal]:
    """What attackers tried to take: stopped because they were asked for proof by then, and lost."""
    stopped = lost = Decimal(0)
    for campaign in run.world.campaigns:
        by_subject: dict[str, float] = {}
        for event in campaign.events:
            subject = event.get("member_id") or event.get("device_id") or event.get("email") or event.get("ip") or ""
            if subject not in by_subject:
                mine = [
                    e for e in campaign.events if subject in (e.get("member_id"), e.get("device_id"), e.get("email"))
                ]
                by_subject[subject] = _first_challenge(run, mine, least, STOPS_NOTHING)
        for loss in campaign.losses:
            subject = loss.get("member_id") or loss.get("device_id") or loss.get("email") or ""
            if _before(run, by_subject.get(subject, inf), loss):
                stopped += euros(loss)
            else:
                lost += euros(loss)
    return stopped, lost


def _orders(run: Run) -> tuple[int, int, int]:
    """Ordinary orders, how many of them were challenged or blocked, and how many blocked."""
    orders: dict[str, tuple[bool, bool]] = {}
    for event in run.world.events:
        name = event.get("order_id")
        if name is None or event["event_id"] in run.bad:
            continue
        judged = run.judged[event["event_id"]]
        asked, blocked = orders.get(name, (False, False))
        denied = judged.outcome is Outcome.DENY or judged.locked
        orders[name] = (asked or judged.challenged, blocked or denied)
    return len(orders), sum(asked for asked, _ in orders.values()), sum(blocked for _, blocked in orders.values())


def _precision(run: Run, each: float) -> float:
    """Of so many alerts for 1,000 members a day, the gravest first, how many were about somebody bad."""
    most = max(1, ceil(each * run.thousand_days))
    ranked = sorted(run.alerts.values(), key=lambda s: (-s.score, -s.action.rank, -len(s.detectors)))[:most]
    return _percent(sum(said.true for said in ranked), len(ranked))


def _wrong_locks(run: Run) -> set[str]:
    """Members locked for what they did themselves, who were nobody's victim."""
    return {
        event["member_id"]
        for event in run.world.events
        if event["event_id"] not in run.bad
        and run.judged[event["event_id"]].locked
        and event["member_id"] not in run.victims
    }


def _delays(run: Run) -> list[float]:
    """How many of an attacker's events on an account it took until something was said, where something was."""
    delays = []
    for campaign in run.world.campaigns:
        for victim in campaign.victims.values():
            if victim.losses:
                worth = (n for n, e in enumerate(victim.events, 1) if run.judged[e["event_id"]].worth)
                delays.append(next(worth, None))
    return [float(delay) for delay in delays if delay is not None]


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else float("nan")


def _percentile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)] if ranked else float("nan")
