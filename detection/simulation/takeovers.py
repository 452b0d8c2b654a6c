"""Attacks that end in somebody else's account: how they get in, and what they take."""

from __future__ import annotations

from datetime import datetime, timedelta

from detection.simulation import places
from detection.simulation.campaign import Campaign, Level
from detection.simulation.people import Member
from detection.simulation.places import AGENTS, COUNTRIES, NEIGHBOURS, Country
from detection.simulation.shopping import browse, order
from detection.simulation.tape import Hand, Tape


def thief(tape: Tape, member: Member, level: Level) -> Hand:
    """Somebody with a member's name: from afar, from next door, or from the same country on a household's line."""
    rng = tape.rng
    if level == "easy":
        code = rng.choice([code for code in places.AFAR if code != member.country.code])
        address = places.data_centre(rng) if rng.random() < 0.5 else COUNTRIES[code].address(rng)
    elif level == "medium":
        address = COUNTRIES[NEIGHBOURS[member.country.code]].address(rng)
    else:
        address = member.country.address(rng)
    agent = rng.choice(AGENTS["desk" if rng.random() < 0.6 else "phone"])
    return Hand(address, agent, tape.name(), tape.name(), member.member_id)


def enter(tape: Tape, campaign: Campaign, hand: Hand, at: datetime) -> datetime:
    """The sign-in that works."""
    campaign.did(tape.put(at, "login.succeeded", hand), victim=hand.member_id)
    return tape.soon(at, 20, 120)


def rob(tape: Tape, campaign: Campaign, member: Member, hand: Hand, at: datetime, *, to: str | None = None) -> datetime:
    """Buy what sells again: much more than the member would when it has to be quick, little more when it is to last."""
    rng = tape.rng
    times = {"easy": rng.uniform(5, 12), "medium": rng.uniform(2.5, 6), "hard": rng.uniform(1.2, 3)}[campaign.level]
    if campaign.level != "easy":
        at, pages = browse(tape, hand, at, rng.randint(2, 8), pace=12)
        campaign.did(*pages, victim=member.member_id)
    card = member.cards[0] if rng.random() < 0.75 else f"pm_{rng.getrandbits(48):012x}"
    if card not in member.cards:
        added = tape.put(at, "payment_method.added", hand, payment_method_id=card)
        campaign.did(added, victim=member.member_id)
        at = tape.soon(at, 30, 120)
    for _ in range({"easy": rng.randint(2, 4), "medium": rng.randint(1, 3), "hard": rng.randint(1, 2)}[campaign.level]):
        amount = f"{member.usual * member.country.per_euro * times * rng.uniform(0.8, 1.2):.2f}"
        money = {"amount": amount, "currency": member.country.currency, "card": card, "recipient_id": to}
        made = order(tape, hand, at, **money)
        campaign.did(*made.events, victim=member.member_id, loss=[made.paid] if made.paid else [])
        pause = {"easy": (60, 300), "medium": (600, 2400), "hard": (3600, 5 * 3600)}[campaign.level]
        at = tape.soon(made.over, *pause)
    return at


def fail(tape: Tape, campaign: Campaign, hand: Hand, at: datetime, *, exists: bool = True) -> None:
    """One wrong password. Whether it was a member's name, the app knows."""
    tried = hand.changed(session_id=None) if exists else hand.changed(session_id=None, member_id=None)
    if not exists:
        tried = tried.changed(email=f"{tape.rng.getrandbits(40):010x}@example.net")
    event = tape.put(at, "login.failed", tried, account_exists=exists)
    campaign.did(event, victim=hand.member_id if exists and hand.member_id in campaign.victims else None)


def password_guessing(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """One member's password is guessed until it fits."""
    rng, member, campaign = tape.rng, members[0], Campaign("password-guessing", level)
    hand = thief(tape, member, level)
    count, pause = {"easy": (rng.randint(25, 50), 8), "medium": (rng.randint(9, 18), 90), "hard": (6, 1200)}[level]
    for _ in range(count):
        moved = hand.changed(ip=member.country.address(rng)) if level == "hard" else hand
        fail(tape, campaign, moved, at)
        at = tape.soon(at, pause * 0.5, pause * 1.5)
    rob(tape, campaign, member, hand, enter(tape, campaign, hand, at))
    return campaign


def credential_stuffing(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """A leaked list of names and passwords is tried from few places; a few fit, and those are robbed."""
    rng, campaign = tape.rng, Campaign("credential-stuffing", level)
    tries, sources, pause = {"easy": (240, 1, 2.5), "medium": (120, 3, 40), "hard": (90, 25, 700)}[level]
    everywhere = COUNTRIES[rng.choice(places.HOMES)]
    addresses = [places.data_centre(rng) if level != "hard" else everywhere.address(rng) for _ in range(sources)]
    agent = rng.choice(AGENTS["machine"] if level == "easy" else AGENTS["desk"])
    hits = set(rng.sample(range(tries // 4, tries), {"easy": 4, "medium": 3, "hard": 2}[level]))
    others = members[len(hits) :]
    for number in range(tries):
        hand = Hand(rng.choice(addresses), agent, tape.name() if level == "hard" else None)
        if number in hits:
            member = members[len(campaign.victims)]
            inside = hand.changed(member_id=member.member_id, session_id=tape.name(), device_id=tape.name())
            later = enter(tape, campaign, inside, at) + timedelta(seconds=rng.uniform(0, 4 * 3600))
            buyer = thief(tape, member, level).changed(session_id=tape.name())
            campaign.did(tape.put(later, "login.succeeded", buyer), victim=member.member_id)
            rob(tape, campaign, member, buyer, tape.soon(later, 20, 90))
        else:
            known = rng.random() < 0.3
            name = rng.choice(others).member_id if known else None
            fail(tape, campaign, hand.changed(member_id=name), at, exists=known)
        at = tape.soon(at, pause * 0.4, pause * 1.6)
    return campaign


def password_spray(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """A few common passwords, many members, many addresses: nobody is tried often."""
    rng, campaign = tape.rng, Campaign("password-spray", level)
    tries, sources, pause = {"easy": (150, 10, 12), "medium": (90, 25, 60), "hard": (70, 60, 500)}[level]
    country: Country = COUNTRIES[rng.choice(places.AFAR)] if level == "easy" else COUNTRIES[rng.choice(places.HOMES)]
    addresses = [country.address(rng) for _ in range(sources)]
    agent = rng.choice(AGENTS["desk"])
    hits = set(rng.sample(range(tries // 3, tries), 2))
    others = members[2:]
    for number in range(tries):
        hand = Hand(rng.choice(addresses), agent)
        if number in hits:
            member = members[len(campaign.victims)]
            inside = hand.changed(member_id=member.member_id, session_id=tape.name(), device_id=tape.name())
            rob(tape, campaign, member, inside, enter(tape, campaign, inside, at))
        else:
            fail(tape, campaign, hand.changed(member_id=rng.choice(others).member_id), at)
        at = tape.soon(at, pause * 0.4, pause * 1.6)
    return campaign


def stolen_password(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """The password was phished: nothing fails, only the place and the device are not the member's."""
    member, campaign = members[0], Campaign("stolen-password", level)
    hand = thief(tape, member, level)
    rob(tape, campaign, member, hand, enter(tape, campaign, hand, at))
    return campaign


def session_hijack(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """The member signs in; minutes later the same session is somebody else's."""
    rng, member, campaign = tape.rng, members[0], Campaign("session-hijack", level)
    gadget, session = member.gadgets[0], tape.name()
    own = Hand(member.home, gadget.user_agent, gadget.device_id, session, member.member_id)
    tape.put(at, "login.succeeded", own)
    left, _ = browse(tape, own, tape.soon(at, 5, 20), rng.randint(3, 8))
    hand = thief(tape, member, level).changed(session_id=session)
    if level == "hard":
        hand = hand.changed(device_id=None, user_agent=gadget.user_agent)
    at = tape.soon(left, 60, {"easy": 300, "medium": 900, "hard": 5400}[level])
    at, pages = browse(tape, hand, at, rng.randint(1, 5), pace=10)
    campaign.did(*pages, victim=member.member_id)
    rob(tape, campaign, member, hand, at)
    return campaign


def account_takeover(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """The member's mailbox is lost: the password is reset, the contacts are changed, then money moves."""
    rng, member, campaign = tape.rng, members[0], Campaign("account-takeover", level)
    hand, victim = thief(tape, member, level), members[0].member_id
    before = hand.changed(session_id=None)
    campaign.did(tape.put(at, "password.reset_requested", before), victim=victim)
    campaign.did(tape.put(at := tape.soon(at, 40, 200), "password.reset", before), victim=victim)
    at = enter(tape, campaign, hand, tape.soon(at, 10, 40))
    if level != "hard":
        changed = ["email"] if level == "medium" else ["email", "phone"]
        contact = {"changed": changed, "email": f"{rng.getrandbits(40):010x}@example.net"}
        campaign.did(tape.put(at, "profile.changed", hand, **contact), victim=victim)
    wait = {"easy": (60, 400), "medium": (600, 3000), "hard": (2 * 3600, 8 * 3600)}[level]
    rob(tape, campaign, member, hand, tape.soon(at, *wait))
    return campaign


def gift_card_drain(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """What is on members' gift cards goes to one mule, account after account."""
    rng, campaign = tape.rng, Campaign("gift-card-drain", level)
    mule = f"r_{rng.getrandbits(40):010x}"
    for member in members[: {"easy": 4, "medium": 3, "hard": 2}[level]]:
        hand = thief(tape, member, level)
        at = enter(tape, campaign, hand, at)
        for _ in range(rng.randint(3, 6) if level == "easy" else rng.randint(1, 3)):
            euros = rng.choice((25, 50, 100) if level == "hard" else (50, 100, 150, 200))
            amount = f"{euros * member.country.per_euro:.2f}"
            money = {"amount": amount, "currency": member.country.currency, "recipient_id": mule}
            taken = tape.put(at, "gift_card.redeemed", hand, **money)
            campaign.did(taken, victim=member.member_id, loss=[taken])
            at = tape.soon(at, 20, {"easy": 90, "medium": 400, "hard": 2400}[level])
        at = tape.soon(at, 60, {"easy": 600, "medium": 3600, "hard": 8 * 3600}[level])
    return campaign
