"""The same events in the same order within a member and a source give the same alerts, however they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detection import catalog, conf
from detection.backtest import Backtest, History, duty_of
from detection.features import connect
from detection.kernel.records import iso
from detection.models import Alert, Event
from tests.cast import judge_all, report

pytestmark = [pytest.mark.django_db, pytest.mark.database]

EARLIER = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=22)
LONGEST = timedelta(hours=21)  # what live intake takes, from EARLIER on

Life = dict[str, str]
Payload = dict[str, Any]


def life_of(member: str, home: str, away: str) -> Life:
    """A member with a telephone at home, a stranger's device and place, and a guest behind the same addresses."""
    names = {"guest": f"{member}s-guest", "phone": f"{member}-phone", "stranger": f"{member}-stranger"}
    return {"member": member, "home": home, "away": away, **names}


#: Two lives that share nothing.
LIVES = (life_of("mia", "81.2.69.142", "2.160.0.1"), life_of("sam", "84.150.3.9", "185.220.101.1"))


def settled(life: Life) -> list[Payload]:
    """The member's ordinary past: one telephone, one home, small purchases."""
    who = {**signed_in(life, "home", "phone"), "payment_method_id": f"{life['phone']}-card"}
    spent = [{"type": "login.succeeded"}, {"type": "transaction.succeeded", "amount": "35.00", "currency": "EUR"}]
    return [
        {**kind, **who, "event_id": f"{life['member']}-past-{day}-{number}"}
        | {"occurred_at": (EARLIER - timedelta(days=day, minutes=-number)).isoformat()}
        for day in range(12, 0, -1)
        for number, kind in enumerate(spent)
    ]


def guesses(life: Life, place: str, device: str, much: int) -> list[Payload]:
    who = {"member_id": life["member"], "device_id": life[device], "ip": life[place]}
    return [{"type": "login.failed", "account_exists": True, **who}] * much


def sign_in(life: Life, place: str, device: str, _much: int) -> list[Payload]:
    return [{"type": "login.succeeded", **signed_in(life, place, device)}]


def purchase(life: Life, place: str, device: str, much: int) -> list[Payload]:
    paid = {"amount": f"{much * 95}.00", "currency": "EUR", "payment_method_id": f"{life[device]}-card"}
    who = signed_in(life, place, device) | paid
    return [{"type": "transaction.attempted", **who}, {"type": "transaction.succeeded", **who}]


def secrets(life: Life, place: str, device: str, much: int) -> list[Payload]:
    who = signed_in(life, place, device)
    kinds = [{"type": "password.changed"}, {"type": "profile.changed", "changed": ["email"]}, {"type": "mfa.disabled"}]
    return [{**kind, **who} for kind in kinds[: 1 + much % 3]]


def cards(life: Life, place: str, device: str, much: int) -> list[Payload]:
    who = {"device_id": f"{life[device]}-till", "ip": life[place], "email": f"{life['guest']}@example.com"}
    paid = {"type": "payment.failed", "amount": "2.50", "currency": "EUR", **who}
    return [{**paid, "payment_method_id": f"{life['guest']}-{number}"} for number in range(much)]


def probing(life: Life, place: str, _device: str, much: int) -> list[Payload]:
    return [{"type": "page.viewed", "ip": life[place], "path": f"/.old/{n}", "http_status": 404} for n in range(much)]


def signed_in(life: Life, place: str, device: str) -> Payload:
    session = f"{life[device]}-session"
    return {"member_id": life["member"], "device_id": life[device], "ip": life[place], "session_id": session}


PAST = [event for life in LIVES for event in settled(life)]


@st.composite
def lives(draw: st.DrawFn) -> list[list[Payload]]:
    """For each life its events in order. Times only grow, and may stand still."""
    told = []
    for life in LIVES:
        parts: list[Callable[..., list[Payload]]] = [guesses, sign_in, purchase, secrets, cards, probing]
        places, devices = st.sampled_from(["home", "away"]), st.sampled_from(["phone", "stranger"])
        deed = st.tuples(st.sampled_from(parts), places, devices, st.integers(1, 12))
        events = [event for part, *how in draw(st.lists(deed, min_size=1, max_size=5)) for event in part(life, *how)]
        pauses = draw(st.lists(st.integers(0, 240) | st.just(3 * 3600), min_size=len(events), max_size=len(events)))
        whens = [min(timedelta(seconds=after), LONGEST) for after in accumulate(pauses)]
        told.append(timed(life, events, whens))
    return told


def timed(life: Life, events: list[Payload], whens: Sequence[timedelta]) -> list[Payload]:
    return [
        {**event, "event_id": f"{life['member']}-{number}", "occurred_at": (EARLIER + when).isoformat()}
        for number, (event, when) in enumerate(zip(events, whens, strict=True))
    ]


def in_time(told: Sequence[list[Payload]]) -> list[Payload]:
    return sorted((event for life in told for event in life), key=lambda event: event["occurred_at"])


def shuffled_together(told: Sequence[list[Payload]], chance: Random) -> list[Payload]:
    """Each life in its own order; which of them comes when is chance: one may come hours late."""
    waiting = [list(reversed(life)) for life in told]
    merged = []
    while any(waiting):
        merged.append(chance.choice([life for life in waiting if life]).pop())
    return merged


def in_handfuls(events: list[Payload], chance: Random) -> list[list[Payload]]:
    handfuls = []
    while events:
        size = chance.randint(1, 25)
        handfuls.append(events[:size])
        events = events[size:]
    return handfuls


def with_repeats(handfuls: list[list[Payload]], chance: Random) -> list[list[Payload]]:
    """Every handful once more later, and now and then twice in a row."""
    told = []
    for handful in handfuls:
        told.append(handful)
        if chance.random() < 0.5:
            told.append([*handful, *chance.choice(told)])
    return told


def live(handfuls: list[list[Payload]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the system says of these requests, and how it judged every event; then it forgets them."""
    connect(conf.current().redis_features_url).flushdb()
    catalog.refresh()
    with transaction.atomic():
        report(*PAST, historic=True)
        for handful in handfuls:
            assert {item.status for item in report(*handful)} <= {"accepted", "duplicate"}
            judge_all()
        alerts = {
            f"{alert.subject} {iso(alert.first_seen_at)}": (
                alert.severity, alert.risk_score, alert.title, tuple(alert.detectors), alert.event_count,
                alert.last_seen_at.isoformat(), tuple(reason["text"] for reason in alert.reasons),
            )
            for alert in Alert.objects.all()
        }  # fmt: skip
        judged = {
            row.event_id: (row.risk_score, sorted(signal["detector"] for signal in row.signals))
            for row in Event.objects.exclude(event_id__contains="-past-")
        }
        transaction.set_rollback(True)
    return alerts, judged


def backtested(events: list[Payload], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a back-test says of the same past and events: its newest line of every alert, and how it judged."""
    path = folder / "history.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in [*PAST, *events]))
    with History.read(path) as history:
        steps = list(Backtest(duty_of()).run(history))
    lines = {line["id"]: line for step in steps if (line := step.line) is not None}
    alerts = {
        f"{line['subject']} {line['first_seen_at']}": (line["severity"], tuple(line["detectors"]))
        for line in lines.values()
    }
    judged = {
        verdict.event.event_id: (verdict.risk_score, sorted(x.detector for x in (*verdict.signals, *verdict.trust)))
        for verdict in (step.verdict for step in steps)
        if "-past-" not in verdict.event.event_id
    }
    return alerts, judged


def delivered_late(events: list[Payload], chance: Random, *, by: int) -> list[Payload]:
    """In the order they arrive when each is up to ``by`` seconds on its way."""

    def arrival(event: Payload) -> datetime:
        return datetime.fromisoformat(event["occurred_at"]) + timedelta(seconds=chance.randint(0, by))

    return sorted(events, key=arrival)


def told_apart(told: Sequence[list[Payload]]) -> list[list[Payload]]:
    """No two at the same moment: which of those came first only their arrival tells."""
    return [
        [
            {
                **event,
                "occurred_at": (datetime.fromisoformat(event["occurred_at"]) + nudge * (2 * n + life)).isoformat(),
            }
            for n, event in enumerate(events)
        ]
        for life, (events, nudge) in enumerate((events, timedelta(milliseconds=20)) for events in told)
    ]


def spoken(alerts: dict[str, Any]) -> set[tuple[str, str]]:
    """Who it was about, and which detectors spoke."""
    return {(name.split()[0], detector) for name, about in alerts.items() for detector in about[3]}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=lives(), chance=st.randoms(use_true_random=False))
def test_the_same_events_give_the_same_alerts(told: list[list[Payload]], chance: Random, tmp_path: Path) -> None:
    events = in_time(told)
    one_by_one = live([[event] for event in events])
    assert live([events]) == one_by_one
    assert live(in_handfuls(events, chance)) == one_by_one
    assert live(with_repeats(in_handfuls(events, chance), chance)) == one_by_one
    assert live(in_handfuls(shuffled_together(told, chance), chance)) == one_by_one
    alerts, judged = backtested(events, tmp_path)
    assert judged == one_by_one[1]
    assert alerts == {name: (severity, detectors) for name, (severity, _, _, detectors, *_) in one_by_one[0].items()}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=lives(), chance=st.randoms(use_true_random=False))
def test_out_of_order_within_the_window_the_same_detectors_speak_of_the_same_people(
    told: list[list[Payload]], chance: Random
) -> None:
    events = in_time(told_apart(told))
    in_order, _ = live([[event] for event in events])
    shuffled, _ = live(in_handfuls(delivered_late(events, chance, by=600), chance))
    assert spoken(shuffled) == spoken(in_order)


def test_what_was_refused_in_a_handful_is_not_believed_by_what_follows_in_it() -> None:
    mia = LIVES[0]
    deeds = [*purchase(mia, "away", "stranger", 12), *purchase(mia, "away", "stranger", 4)]
    events = timed(mia, deeds, [timedelta(minutes=minute) for minute in range(len(deeds))])
    alerts, judged = live([[event] for event in events])
    assert alerts
    assert live([events]) == (alerts, judged)
