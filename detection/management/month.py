"""A month of a made-up shop for the demo, judged by the real engine in event time, and what its staff made of it.

Everything of it carries its mark: events begin with ``month-``, members with ``demo-``. The same day makes the same
month. It is written a handful at a time, so that nobody waits for it; a month that was cut short is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from detection import catalog
from detection.backtest.running import Backtest
from detection.enrich import additions
from detection.intake.references import references
from detection.kernel.features import TEACHES
from detection.kernel.ids import first_id, id_at
from detection.kernel.records import Verdict, subject_of
from detection.kernel.vocabulary import Action, EventState, EventType, Outcome, Truth
from detection.management import aftermath
from detection.models import Alert, Client, Contact, Device, Event, EventReference, Label, Member, Receipt
from detection.models.label import ORDER
from detection.recording import plain
from detection.response.folding import fold
from detection.simulation import World, build
from detection.simulation.player import ASKED, FOLLOWS

EVENTS, MEMBERS = "month-", "demo-"
DAYS, LAST_DAYS, PEOPLE, ATTACKS, SEED = 31, 10, 50, 20, 11
LEFT_ALONE = timedelta(hours=2)  # before now, so that what is measured live is measured on what is live
KNOWN_SINCE = timedelta(days=300)
AT_ONCE = 400
LAST = f"{EVENTS}told"  # its receipt says that the month is whole


@dataclass
class Month:
    """The month as it is written."""

    client: Client
    world: World
    members: dict[str, Member] = field(default_factory=dict)
    rows: dict[str, Event] = field(default_factory=dict)
    alerts: set[UUID] = field(default_factory=set)
    locked: list[tuple[Verdict, UUID]] = field(default_factory=list)
    devices: dict[tuple[int, str], Device] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)  # orders that were refused: nothing followed
    bad: frozenset[str] = frozenset()


def tell(client: Client, *, now: datetime | None = None, people: int = PEOPLE, attacks: int = ATTACKS) -> int:
    """Write the month; how many events it has, none when it is there already."""
    if Receipt.objects.filter(client=client, event_id=LAST).exists():
        return 0
    _forget(client)
    until = (now or timezone.now()) - LEFT_ALONE
    world = _world(until, people, attacks)
    month = Month(client, world)
    month.bad = frozenset(event["event_id"] for campaign in world.campaigns for event in campaign.events)
    with transaction.atomic():
        _meet(month)
    told = 0
    for handful in _handfuls(month):
        with transaction.atomic():
            told += _write(month, handful)
    with transaction.atomic():
        Device.objects.bulk_create(month.devices.values(), ignore_conflicts=True)
        aftermath.settle(month.alerts, month.locked, bad=month.bad, until=until, rng=Random(SEED))  # noqa: S311
        _label(month, until)
        Receipt.objects.create(client=client, event_id=LAST, digest="", event=first_id(until), received_at=until)
    return told


def _world(until: datetime, people: int, attacks: int) -> World:
    """A month with an attack now and then, and a last day that gives the staff something to do."""
    past = build(
        SEED, members=people, days=DAYS, until=until, attacks=attacks, calm_days=4, prefix=f"{EVENTS}a", names=MEMBERS
    )
    last = build(
        SEED + 1,
        members=people // 2,
        days=LAST_DAYS,
        until=until,
        attacks=max(attacks // 3, 2),
        calm_days=LAST_DAYS - 0.9,
        prefix=f"{EVENTS}b",
        names=f"{MEMBERS}1",
    )
    return World(
        sorted([*past.events, *last.events], key=lambda event: event["occurred_at"]),
        [*past.campaigns, *last.campaigns],
        [*past.cases, *last.cases],
        [*past.members, *last.members],
        past.since,
        until,
    )


def _forget(client: Client) -> None:
    """Take away what an interrupted telling left, and nothing else."""
    mine = Event.objects.filter(client=client, event_id__startswith=EVENTS)
    alerts = list(mine.exclude(alert_id=None).order_by().values_list("alert_id", flat=True).distinct())
    EventReference.objects.filter(client=client, value__startswith=EVENTS).delete()
    mine.delete()
    Alert.objects.filter(pk__in=alerts).delete()
    Member.objects.filter(member_id__startswith=MEMBERS).delete()


def _meet(month: Month) -> None:
    """The members, as the shop told of them long ago."""
    long_ago = month.world.since - KNOWN_SINCE
    born = {e["member_id"]: e["occurred_at"] for e in month.world.events if e["type"] == "account.created"}
    names = sorted({e["member_id"] for e in month.world.events if e.get("member_id")})
    known = {person.member_id: person for person in month.world.members}
    made = Member.objects.bulk_create(
        Member(member_id=_marked(name), created_at=at, joined_at=at)
        for name in names
        if (at := datetime.fromisoformat(born[name]) if name in born else long_ago)
    )
    month.members = {member.member_id: member for member in made}
    Contact.objects.bulk_create(
        Contact(
            member=month.members[name],
            kind=Contact.EMAIL,
            value=person.email,
            verified_at=long_ago,
            added_at=long_ago,
        )
        for name, person in known.items()
        if name in month.members
    )


def _marked(name: str) -> str:
    """Accounts the attackers made up carry the mark, too."""
    return name if name.startswith(MEMBERS) else f"{MEMBERS}{name}"


def _handfuls(month: Month) -> Iterator[list[Verdict]]:
    handful: list[Verdict] = []
    rows = (_row(month, number, event) for number, event in enumerate(month.world.events))
    records = (row.record(row.member.member_id if row.member else None) for row in rows)
    for step in Backtest(catalog.on_duty()).run(records):
        handful.append(step.verdict)
        if len(handful) == AT_ONCE:
            yield handful
            handful = []
    yield handful


def _row(month: Month, number: int, event: dict[str, object]) -> Event:
    """An event as intake would have stored it then. Its id sorts by its time."""
    at = datetime.fromisoformat(str(event["occurred_at"]))
    name = event.get("member_id")
    member = month.members[_marked(str(name))] if name else None
    top = {"event_id", "type", "occurred_at", "member_id"}
    body = {key: value for key, value in event.items() if key not in top} | {"metadata": {"demo": True}}
    row = Event(
        id=id_at(at, number), client=month.client, event_id=str(event["event_id"]), type=str(event["type"]), body=body
    )
    row.occurred_at = row.judged_at = at  # received now, which is true: nothing is measured by it
    row.member = member
    facts = (body.get(name) for name in ("device_id", "email", "payment_method_id", "session_id", "ip"))
    row.subject = subject_of(member.member_id if member else None, *facts, month.client.pk)  # type: ignore[arg-type]
    row.enriched = additions(row.record(member.member_id if member else None))
    month.rows[str(row.pk)] = row
    return row


def _write(month: Month, verdicts: list[Verdict]) -> int:
    """A handful: its events, their alerts, the devices that were seen."""
    happened = [verdict for verdict in verdicts if not _never_happened(month, verdict)]
    folded = fold(happened, month.members, timezone.now())
    rows = []
    for verdict in happened:
        row = month.rows[verdict.event.id]
        alert = folded.by_event.get(verdict.event.id)
        row.state, row.outcome, row.risk_score, row.severity = (
            EventState.PROCESSED,
            verdict.outcome,
            verdict.risk_score,
            verdict.severity,
        )
        row.signals = [signal.wire() for signal in (*verdict.signals, *verdict.trust, *verdict.shadows)]
        row.seen = plain(verdict.seen)
        row.alert_id = alert.pk if alert else None
        rows.append(row)
        if alert is not None:
            month.alerts.add(alert.pk)
            month.locked += [(verdict, alert.pk)] if verdict.action is Action.LOCK and alert.member else []
        _device(month, row, verdict)
    for alert in folded.raised:
        alert.created_at = alert.first_seen_at
    Alert.objects.bulk_update(folded.raised, ["created_at"])
    Event.objects.bulk_create(rows)
    EventReference.objects.bulk_create(name for row in rows for name in references(row))  # type: ignore[arg-type]
    return len(rows)


def _never_happened(month: Month, verdict: Verdict) -> bool:
    """Whether it would have followed from an order that was refused. A thief cannot pass a challenge, a member can."""
    event, order = verdict.event, verdict.event.order_id
    if order in month.stopped and event.type in FOLLOWS:
        return True
    refused = verdict.outcome is Outcome.DENY or (verdict.outcome is Outcome.CHALLENGE and event.event_id in month.bad)
    if order and refused and event.type in ASKED:
        month.stopped.add(order)
    return False


def _device(month: Month, row: Event, verdict: Verdict) -> None:
    if row.member is None or not verdict.event.device_id or row.type not in TEACHES:
        return
    if verdict.outcome is not Outcome.ALLOW:
        return
    device = month.devices.setdefault(
        (row.member.pk, verdict.event.device_id),
        Device(member=row.member, device_id=verdict.event.device_id, first_seen_at=row.occurred_at),
    )
    device.last_seen_at = row.occurred_at
    device.agent, device.country = (verdict.event.agent or "")[:120], verdict.event.country or ""


def _label(month: Month, until: datetime) -> None:
    """What the shop heard from its bank: some days after a loss or a refusal, and that most other orders were fine."""
    rng = Random(SEED)  # noqa: S311 - the same month for everybody
    labels = []
    for row in month.rows.values():
        order, bad = row.body.get("order_id"), row.event_id in month.bad
        paid = row.type == EventType.TRANSACTION_SUCCEEDED
        if not (order and row.outcome and (paid or (bad and order in month.stopped and row.type in ASKED))):
            continue
        truth = Truth.LEGITIMATE if not bad else Truth.CHARGEBACK if paid else Truth.FRAUD
        at = row.occurred_at + timedelta(days=rng.uniform(1, 6) if bad else rng.uniform(6, 9))
        if at < until:
            labels.append(_word(row, str(order), truth, at))
    Label.objects.bulk_create(labels, ignore_conflicts=True)


def _word(row: Event, order: str, truth: Truth, at: datetime) -> Label:
    return Label(
        client=row.client,
        kind=ORDER,
        value=order,
        label=truth.value,
        source="bank",
        decided_at=at,
        received_at=at,
        event=row.pk,
        event_at=row.occurred_at,
        alert=row.alert_id,
        due_at=at,
    )
