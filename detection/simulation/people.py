"""Members and guests: where they live, what they use, when they shop and how much they spend."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log
from random import Random

from detection.simulation import places
from detection.simulation.places import AGENTS, COUNTRIES, Country
from detection.simulation.tape import Hand


@dataclass(slots=True)
class Gadget:
    """A device: what it calls itself, and whether it leaves the house."""

    device_id: str
    user_agent: str
    mobile: bool


@dataclass(slots=True)
class Member:
    """A customer with an account and with habits."""

    member_id: str
    country: Country
    home: str
    work: str | None
    gadgets: list[Gadget]
    cards: list[str]
    email: str
    hour: float  # of the local day they like best
    visits: float  # a day
    buys: float  # share of visits that end in an order
    usual: float  # an order's median in euros
    spread: float  # of its logarithm
    roams: float  # share of phone visits over the carrier
    relay: bool = False  # comes out somewhere else every time
    forgets: bool = False  # a browser that keeps nothing: a new device every time
    moves: float = 0.0  # share of days on which the household's address is another
    away: list[tuple[datetime, datetime, str, str]] = field(default_factory=list)  # from, to, country, address
    taken: bool = False  # something is already told about them

    def amount(self, rng: Random, times: float = 1.0) -> str:
        """What an order costs them, in their money."""
        euros = max(4.0, exp(log(self.usual) + rng.gauss(0, self.spread))) * times
        return f"{euros * self.country.per_euro:.2f}"

    def hand(self, rng: Random, at: datetime, session: str, gadget: Gadget | None = None) -> Hand:
        """The member as they come at this time."""
        gadget = gadget or rng.choices(self.gadgets, weights=[3, 2, 1][: len(self.gadgets)])[0]
        if self.forgets and not gadget.mobile:
            gadget = Gadget(f"{rng.getrandbits(64):016x}", gadget.user_agent, mobile=False)
        if rng.random() < self.moves:
            self.home = self.home.rsplit(".", 2)[0] + f".{rng.randint(0, 255)}.{rng.randint(2, 250)}"
            self.home = self.country.address(rng) if rng.random() < 0.1 else self.home
        return Hand(self.address(rng, at, gadget), gadget.user_agent, gadget.device_id, session, self.member_id)

    def address(self, rng: Random, at: datetime, gadget: Gadget) -> str:
        for since, until, country, hotel in self.away:
            if since <= at < until:
                local = COUNTRIES[country]
                return places.carrier(local, rng) if gadget.mobile and rng.random() < 0.5 else hotel
        if self.relay and rng.random() < 0.8:
            return places.relay(rng) if rng.random() < 0.5 else places.data_centre(rng)
        if gadget.mobile and rng.random() < self.roams:
            return places.carrier(self.country, rng)
        weekday_noon = at.weekday() < 5 and 8 <= (at.hour + self.country.clock) % 24 < 17
        return self.work if self.work and weekday_noon and not gadget.mobile else self.home

    def moments(self, rng: Random, day: datetime) -> list[datetime]:
        """When they come on a day, mostly around their hour."""
        count = 0
        chance = self.visits * (1.25 if day.weekday() >= 5 else 0.9)
        while rng.random() < chance / (1 + chance) and count < 5:
            count += 1
        hours = [(rng.gauss(self.hour, 2.6) - self.country.clock) % 24 for _ in range(count)]
        return sorted(day + timedelta(hours=hour) for hour in hours)


def gadget(rng: Random, name: str, *, mobile: bool) -> Gadget:
    return Gadget(name, rng.choice(AGENTS["phone" if mobile else "desk"]), mobile)


def populate(rng: Random, count: int, prefix: str = "m") -> list[Member]:
    """So many members, the same for the same generator; their names begin with ``prefix``."""
    families = rng.sample(range(count), count // 12)
    offices = {
        code: [COUNTRIES[code].address(rng) for _ in range(max(1, count // 150))] for code in sorted(set(places.HOMES))
    }
    people = [_member(rng, f"{prefix}{number:05}", offices) for number in range(1, count + 1)]
    for number in families:  # two of a household share a computer and a line
        one, other = people[number], people[number - 1]
        other.home, other.country, other.work = one.home, one.country, one.work
        other.gadgets[-1] = one.gadgets[0]
    return people


def _member(rng: Random, name: str, offices: dict[str, list[str]]) -> Member:
    country = COUNTRIES[rng.choice(places.HOMES)]
    mobiles = [True, False, False] if rng.random() < 0.65 else [False, True, True]
    owned = rng.choices((1, 2, 3), weights=(40, 45, 15))[0]
    return Member(
        member_id=name,
        country=country,
        home=country.address(rng),
        work=rng.choice(offices[country.code]) if rng.random() < 0.35 else None,
        gadgets=[gadget(rng, f"{rng.getrandbits(64):016x}", mobile=mobile) for mobile in mobiles[:owned]],
        cards=[f"pm_{rng.getrandbits(48):012x}" for _ in range(rng.choice((1, 1, 1, 2)))],
        email=f"{name}@example.com",
        hour=rng.choice((9.0, 12.5, 18.0, 20.0, 20.5, 21.5)),
        visits=min(2.0, exp(rng.gauss(log(0.35), 0.7))),
        buys=rng.uniform(0.15, 0.5),
        usual=exp(rng.gauss(log(45), 0.6)),
        spread=rng.uniform(0.3, 0.8),
        roams=rng.choice((0.1, 0.4, 0.8)),
        relay=rng.random() < 0.03,
        forgets=rng.random() < 0.04,
        moves=rng.choice((0.0, 0.0, 0.05, 0.3)),
    )


def guest(rng: Random, country: Country) -> Hand:
    """Somebody without an account, as the shop sees them once."""
    mobile = rng.random() < 0.6
    made = gadget(rng, f"{rng.getrandbits(64):016x}", mobile=mobile)
    address = places.carrier(country, rng) if mobile and rng.random() < 0.4 else country.address(rng)
    email = f"g{rng.getrandbits(40):010x}@example.org"
    device = made.device_id if rng.random() < 0.9 else None
    return Hand(address, made.user_agent, device, f"{rng.getrandbits(64):016x}", None, email)
