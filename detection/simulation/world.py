"""The whole world: ordinary days, hard days and attacks on one tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from detection.simulation import hardships, market, places, raids, takeovers
from detection.simulation.campaign import LEVELS, Campaign, Case, Level
from detection.simulation.people import Member, guest, populate
from detection.simulation.places import AGENTS, COUNTRIES
from detection.simulation.shopping import browse, order, ordinary_visit
from detection.simulation.tape import Hand, Happening, Tape

Attack = Callable[[Tape, Level, datetime, list[Member]], Campaign]
Hardship = Callable[[Tape, Member, datetime], Case]

ATTACKS: dict[str, Attack] = {
    "password-guessing": takeovers.password_guessing,
    "credential-stuffing": takeovers.credential_stuffing,
    "password-spray": takeovers.password_spray,
    "stolen-password": takeovers.stolen_password,
    "session-hijack": takeovers.session_hijack,
    "account-takeover": takeovers.account_takeover,
    "gift-card-drain": takeovers.gift_card_drain,
    "card-testing": raids.card_testing,
    "scraping": raids.scraping,
    "path-probing": raids.path_probing,
    "fake-accounts": raids.fake_accounts,
}
#: What each kind of business meets: its attacks and its honest hardships. A marketplace is a shop with sellers.
SHAPES = {
    "shop": (ATTACKS, hardships.HARDSHIPS),
    "marketplace": (market.ATTACKS, hardships.HARDSHIPS | market.HARDSHIPS),
}
#: Campaigns for 1,000 members a day: a shop under fire, and a shop as most are.
RATES = {"dense": 4.9, "life-like": 0.4}
GUEST_SHARE = 0.4  # of ordinary orders
MOST_VICTIMS = 4
MANY = 60  # members an attacker's list names


@dataclass(frozen=True, slots=True)
class World:
    """What happened, in time order, and apart from it who did it. Labels hold the very event objects."""

    events: list[Happening]
    campaigns: list[Campaign]
    cases: list[Case]
    members: list[Member]
    since: datetime
    until: datetime

    @property
    def days(self) -> float:
        return (self.until - self.since) / timedelta(days=1)


def build(
    seed: int,
    *,
    members: int = 1500,
    days: int = 14,
    until: datetime | None = None,
    attacks: int | None = None,
    rate: str = "dense",
    calm_days: float = 3,
    prefix: str = "e",
    names: str = "m",
    shape: str = "shop",
) -> World:
    """The world of this seed: the same arguments make the same events and labels. Attacks begin after ``calm_days``.

    Event ids begin with ``prefix``, members' names with ``names``. ``shape`` is one of ``SHAPES``: a marketplace meets
    its own attacks, a shop's not again.
    """
    rng = Random(seed)  # noqa: S311 - a world that can be repeated, no secret
    until = until or datetime(2026, 10, 1, tzinfo=UTC)
    since = until - timedelta(days=days)
    tape, people = Tape(rng), populate(rng, members, names)
    attacked_by, hard_days = SHAPES[shape]
    cases = _hard_days(tape, people, since, days, hard_days)
    orders = _ordinary_days(tape, people, since, days)
    _guests(tape, since, days, round(orders * GUEST_SHARE / (1 - GUEST_SHARE)))
    _drizzle(tape, people, since, days)
    count = attacks if attacks is not None else max(1, round(RATES[rate] * members / 1000 * days))
    campaigns = _attacks(tape, people, since + timedelta(days=calm_days), until, count=count, attacks=attacked_by)
    events = tape.play(prefix, since=since, until=until, written=_written)
    return World(events, _played(campaigns), cases, people, since, until)


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _ordinary_days(tape: Tape, people: list[Member], since: datetime, days: int) -> int:
    """Everybody's visits; how many ended in an order."""
    orders = 0
    for day in range(days):
        for member in people:
            for moment in member.moments(tape.rng, since + timedelta(days=day)):
                seen = ordinary_visit(tape, member, moment)
                orders += any(event["type"] == "transaction.succeeded" for event in seen)
    return orders


def _guests(tape: Tape, since: datetime, days: int, orders: int) -> None:
    """Orders of people without an account, one in five by somebody who came before, and twice as many who only look."""
    rng, before = tape.rng, list[tuple[Hand, str, float]]()
    for _ in range(orders):
        at = _daytime(rng, since, days)
        country = COUNTRIES[rng.choice(places.HOMES)]
        if before and rng.random() < 0.2:
            hand, card, usual = rng.choice(before)
            hand = hand.changed(session_id=tape.name())
        else:
            hand, card, usual = guest(rng, country), f"pm_{rng.getrandbits(48):012x}", rng.lognormvariate(3.8, 0.7)
            before.append((hand, card, usual))
        at, _ = browse(tape, hand, at, rng.randint(1, 12))
        fails = rng.choices((0, 1, 2, 3), weights=(93, 5, 1.5, 0.5))[0]
        amount = f"{max(4.0, usual * rng.uniform(0.6, 1.6)) * country.per_euro:.2f}"
        order(tape, hand, at, amount=amount, currency=country.currency, card=card, fails=fails)
    for _ in range(orders * 2):
        hand = guest(rng, COUNTRIES[rng.choice(places.HOMES)])
        browse(tape, hand, _daytime(rng, since, days), rng.randint(1, 10))


def _drizzle(tape: Tape, people: list[Member], since: datetime, days: int) -> None:
    """More than half of all sign-ins fail, all day, from everywhere: one try here, two there, mostly of no member."""
    rng = tape.rng
    for _ in range(int(len(people) * 0.25 * days)):
        at = since + timedelta(days=rng.uniform(0, days))
        afar = COUNTRIES[rng.choice(places.AFAR + places.HOLIDAYS)]
        address = places.data_centre(rng) if rng.random() < 0.3 else afar.address(rng)
        hand = Hand(address, rng.choice(AGENTS["desk"]))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if rng.random() < 0.25:
                name = rng.choice(people).member_id
                tape.put(at, "login.failed", hand.changed(member_id=name), account_exists=True)
            else:
                unknown = hand.changed(email=f"{rng.getrandbits(40):010x}@example.net")
                tape.put(at, "login.failed", unknown, account_exists=False)
            at = tape.soon(at, 2, 60)


def _hard_days(
    tape: Tape, people: list[Member], since: datetime, days: int, met: Mapping[Hardship, float]
) -> list[Case]:
    rng, cases = tape.rng, list[Case]()
    for hardship, each in met.items():
        count = each * len(people) / 1000 * days
        for _ in range(int(count) + (rng.random() < count % 1)):
            member = rng.choice([person for person in people if not person.taken] or people)
            member.taken = hardship not in {hardships.crawler, hardships.new_member}
            cases.append(hardship(tape, member, _daytime(rng, since, days)))
    return cases


def _attacks(
    tape: Tape, people: list[Member], since: datetime, until: datetime, *, count: int, attacks: Mapping[str, Attack]
) -> list[Campaign]:
    """Every kind in turn, every level in turn, at any hour."""
    rng, campaigns = tape.rng, list[Campaign]()
    kinds = list(attacks)
    rng.shuffle(kinds)
    span = until - since - min(timedelta(hours=10), (until - since) / 2)
    for number in range(count):
        kind, level = kinds[number % len(kinds)], LEVELS[(number % len(kinds) + number // len(kinds)) % len(LEVELS)]
        free = [person for person in people if not person.taken]
        rng.shuffle(free)
        victims = free[:MOST_VICTIMS]
        others = rng.sample(people, min(MANY, len(people)))
        chosen = (victims + others) if len(victims) == MOST_VICTIMS else people[: MOST_VICTIMS + MANY]
        campaign = attacks[kind](tape, level, since + span * rng.random(), chosen)
        for person in victims:
            person.taken = person.taken or person.member_id in campaign.victims
        campaigns.append(campaign)
    return campaigns


def _played(campaigns: list[Campaign]) -> list[Campaign]:
    """What of each attack happened before the world ended, in time order."""
    for campaign in campaigns:
        for part in (campaign, *campaign.victims.values()):
            part.events = sorted((e for e in part.events if "event_id" in e), key=lambda e: e["event_id"])
            part.losses = sorted((e for e in part.losses if "event_id" in e), key=lambda e: e["event_id"])
        campaign.victims = {name: victim for name, victim in campaign.victims.items() if victim.events}
    return [campaign for campaign in campaigns if campaign.events]


def _daytime(rng: Random, since: datetime, days: int) -> datetime:
    return since + timedelta(days=rng.randrange(days), hours=rng.gauss(15, 4.5) % 24)
