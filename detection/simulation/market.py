"""A marketplace's and a wallet's own days: sellers are paid out, second steps are asked for, things go back. Honest
people do all of it; so do thieves."""

from __future__ import annotations

from datetime import datetime

from detection.simulation import places
from detection.simulation.campaign import Campaign, Case, Level
from detection.simulation.people import Member, gadget
from detection.simulation.places import AGENTS, COUNTRIES
from detection.simulation.shopping import browse, order, sign_in
from detection.simulation.takeovers import enter, rob, thief
from detection.simulation.tape import Hand, Tape


def payout_fraud(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """A seller's account is entered, another bank account is named, and what was earned leaves for it."""
    rng, member, campaign = tape.rng, members[0], Campaign("payout-fraud", level)
    hand = thief(tape, member, level)
    at = enter(tape, campaign, hand, at)
    to = f"r_{rng.getrandbits(40):010x}"
    campaign.did(tape.put(at, "beneficiary.added", hand, recipient_id=to), victim=member.member_id)
    at = tape.soon(at, *{"easy": (60, 600), "medium": (1800, 7200), "hard": (4 * 3600, 16 * 3600)}[level])
    for _ in range(1 if level == "hard" else rng.randint(1, 3)):
        amount = f"{member.usual * member.country.per_euro * rng.uniform(2, 9):.2f}"
        taken = tape.put(at, "payout.requested", hand, amount=amount, currency=member.country.currency, recipient_id=to)
        campaign.did(taken, victim=member.member_id, loss=[taken])
        at = tape.soon(at, 120, 900)
    return campaign


def second_step(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """The password is known; the second step is knocked at until its owner gives in, then it is switched off."""
    rng, member, campaign = tape.rng, members[0], Campaign("second-step", level)
    hand = thief(tape, member, level)
    knocks, pause = {"easy": (rng.randint(14, 25), 20), "medium": (rng.randint(8, 12), 60), "hard": (6, 240)}[level]
    for _ in range(knocks):
        campaign.did(tape.put(at, "mfa.failed", hand), victim=member.member_id)
        at = tape.soon(at, pause * 0.5, pause * 1.5)
    campaign.did(tape.put(at, "mfa.succeeded", hand), victim=member.member_id)
    at = enter(tape, campaign, hand, tape.soon(at, 1, 3))
    if level != "hard":
        campaign.did(tape.put(at, "mfa.disabled", hand), victim=member.member_id)
    rob(tape, campaign, member, hand, tape.soon(at, 60, 900))
    return campaign


def data_theft(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """Everything kept about a member is carried away; no money moves."""
    campaign = Campaign("data-theft", level)
    for member in members[: {"easy": 3, "medium": 2, "hard": 1}[level]]:
        hand = thief(tape, member, level)
        at = enter(tape, campaign, hand, at)
        campaign.did(tape.put(at, "data.exported", hand), victim=member.member_id)
        at = tape.soon(at, 300, 3600)
    return campaign


def card_ring(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """One stolen card is spent through several young accounts, each on a device and a line of its own."""
    rng, campaign = tape.rng, Campaign("card-ring", level)
    card, country = f"pm_{rng.getrandbits(48):012x}", COUNTRIES[rng.choice(places.HOMES)]
    count, pause = {"easy": (8, 900), "medium": (6, 3600), "hard": (5, 20 * 3600)}[level]
    for number in range(count):
        name = f"n{rng.getrandbits(36):09x}"
        hand = Hand(country.address(rng), rng.choice(AGENTS["phone"]), tape.name(), tape.name(), name)
        campaign.did(tape.put(at, "account.created", hand.changed(email=f"{name}@example.net")))
        campaign.did(tape.put(at := tape.soon(at, 10, 40), "login.succeeded", hand))
        amount = f"{rng.uniform(60, 250) * country.per_euro:.2f}"
        made = order(tape, hand, at, amount=amount, currency=country.currency, card=card)
        # Two accounts with one card are a couple: it shows from the third on.
        campaign.did(*made.events, loss=[made.paid] if made.paid and number >= 2 else [])
        at = tape.soon(made.over, pause * 0.5, pause * 1.5)
    return campaign


def refund_fraud(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """Somebody orders, keeps it, and asks for the money back, order after order."""
    rng, campaign = tape.rng, Campaign("refund-fraud", level)
    country, name = COUNTRIES[rng.choice(places.HOMES)], f"n{rng.getrandbits(36):09x}"
    hand = Hand(country.address(rng), rng.choice(AGENTS["desk"]), tape.name(), tape.name(), name)
    campaign.did(tape.put(at, "account.created", hand.changed(email=f"{name}@example.net")))
    asked = 0
    for number in range({"easy": 12, "medium": 9, "hard": 8}[level]):
        at = enter(tape, campaign, hand.changed(session_id=tape.name()), tape.soon(at, 600, 12 * 3600))
        amount = f"{rng.uniform(30, 150) * country.per_euro:.2f}"
        made = order(tape, hand, at, amount=amount, currency=country.currency, card=f"pm_{name}")
        campaign.did(*made.events)
        if level == "easy" or number % 4:
            back = {"amount": amount, "currency": country.currency}
            taken = tape.put(at := tape.soon(made.over, 1800, 6 * 3600), "refund.requested", hand, **back)
            asked += 1  # four things may not have fitted anybody
            campaign.did(taken, loss=[taken] if asked >= 5 else [])
    campaign.victims.clear()  # the account is the swindler's own
    return campaign


def mailbox_flood(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """New passwords are asked for, account after account, to learn who has one."""
    rng, campaign = tape.rng, Campaign("mailbox-flood", level)
    count, pause = {"easy": (120, 2), "medium": (40, 30), "hard": (24, 1500)}[level]
    address = places.data_centre(rng) if level == "easy" else COUNTRIES[rng.choice(places.HOMES)].address(rng)
    hand = Hand(address, rng.choice(AGENTS["desk"]))
    for _ in range(count):
        name = rng.choice(members[4:]).member_id
        campaign.did(tape.put(at, "password.reset_requested", hand.changed(member_id=name)))
        at = tape.soon(at, pause * 0.5, pause * 1.5)
    return campaign


def seller_paid(tape: Tape, member: Member, at: datetime) -> Case:
    """A seller is paid out, now and then to a bank account opened last week, mostly on a device of theirs."""
    rng = tape.rng
    own = gadget(rng, tape.name(), mobile=True) if rng.random() < 0.1 else None
    hand = member.hand(rng, at, tape.name(), own)
    at, seen = sign_in(tape, hand, at)
    to = f"r_{rng.getrandbits(40):010x}"
    if rng.random() < 0.3:
        seen.append(tape.put(at, "beneficiary.added", hand, recipient_id=to))
        at = tape.soon(at, 60, 3600)
    amount = f"{member.usual * member.country.per_euro * rng.uniform(2, 12):.2f}"
    paid = tape.put(at, "payout.requested", hand, amount=amount, currency=member.country.currency, recipient_id=to)
    return Case("seller-paid", [*seen, paid])


def thick_fingers(tape: Tape, member: Member, at: datetime) -> Case:
    """A code is mistyped, comes too late, is mistyped again, and fits."""
    rng, seen = tape.rng, []
    hand = member.hand(rng, at, tape.name(), gadget(rng, tape.name(), mobile=True) if rng.random() < 0.2 else None)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        seen.append(tape.put(at, "mfa.failed", hand))
        at = tape.soon(at, 10, 60)
    seen.append(tape.put(at, "mfa.succeeded", hand))
    at, more = sign_in(tape, hand, tape.soon(at, 1, 3))
    return Case("thick-fingers", [*seen, *more, *browse(tape, hand, at, rng.randint(1, 8))[1]])


def did_not_fit(tape: Tape, member: Member, at: datetime) -> Case:
    """Some of what was ordered goes back."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    money = {"currency": member.country.currency, "card": member.cards[0]}
    for _ in range(rng.randint(2, 4)):
        amount = member.amount(rng)
        made = order(tape, hand, at, amount=amount, **money)
        seen += made.events
        at = made.over
        if rng.random() < 0.6:
            later = tape.soon(at, 86400, 3 * 86400)
            back = {"amount": amount, "currency": member.country.currency}
            seen.append(tape.put(later, "refund.requested", hand.changed(session_id=tape.name()), **back))
    return Case("did-not-fit", seen)


def own_data(tape: Tape, member: Member, at: datetime) -> Case:
    """Somebody wants to see what is kept about them."""
    hand = member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    return Case("own-data", [*seen, tape.put(at, "data.exported", hand)])


def family_card(tape: Tape, member: Member, at: datetime) -> Case:
    """Mother, father and a grown-up child pay with one card, each in an account of their own."""
    rng, seen = tape.rng, []
    for name in (member.member_id, *(f"n{rng.getrandbits(36):09x}" for _ in range(rng.choice((1, 1, 2))))):
        hand = member.hand(rng, at, tape.name()).changed(member_id=name)
        at, more = sign_in(tape, hand, at)
        money = {"amount": member.amount(rng), "currency": member.country.currency, "card": member.cards[0]}
        made = order(tape, hand, at, **money)
        seen += [*more, *made.events]
        at = tape.soon(made.over, 86400, 2 * 86400)
    return Case("family-card", seen)


ATTACKS = {
    "payout-fraud": payout_fraud,
    "second-step": second_step,
    "data-theft": data_theft,
    "card-ring": card_ring,
    "refund-fraud": refund_fraud,
    "mailbox-flood": mailbox_flood,
}
#: Each hardship and how many of 1,000 members have it on a day.
HARDSHIPS = {seller_paid: 12.0, thick_fingers: 6.0, did_not_fit: 4.0, own_data: 1.5, family_card: 1.5}
