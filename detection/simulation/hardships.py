"""Honest people on days that look odd. Each deserves a quiet story."""

from __future__ import annotations

from datetime import datetime, timedelta

from detection.simulation import places
from detection.simulation.campaign import Case
from detection.simulation.people import Member, gadget, guest
from detection.simulation.places import AGENTS, COUNTRIES
from detection.simulation.shopping import GOODS, browse, order, sign_in
from detection.simulation.tape import Hand, Tape


def retry_storm(tape: Tape, member: Member, at: datetime) -> Case:
    """An app keeps trying the old password in a breath, then its owner types the new one."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name(), member.gadgets[0])
    seen = []
    for _ in range(rng.randint(8, 18)):
        seen.append(tape.put(at, "login.failed", hand.changed(session_id=None), account_exists=True))
        at = tape.soon(at, 0.3, 4)
    at, more = sign_in(tape, hand, tape.soon(at, 30, 200))
    return Case("retry-storm", seen + more)


def forgotten_password(tape: Tape, member: Member, at: datetime) -> Case:
    """Some tries, a reset by mail, and back to shopping; now and then on a phone bought yesterday."""
    rng, own = tape.rng, member.gadgets[0]
    if rng.random() < 0.2:
        own = gadget(rng, tape.name(), mobile=True)
        member.gadgets[0] = own
    hand = member.hand(rng, at, tape.name(), own)
    seen = []
    for _ in range(rng.randint(3, 7)):
        seen.append(tape.put(at, "login.failed", hand.changed(session_id=None), account_exists=True))
        at = tape.soon(at, 8, 40)
    seen.append(tape.put(at, "password.reset_requested", hand.changed(session_id=None)))
    seen.append(tape.put(at := tape.soon(at, 60, 300), "password.reset", hand.changed(session_id=None)))
    at, more = sign_in(tape, hand, tape.soon(at, 5, 30))
    seen += more
    if rng.random() < 0.6:
        amount = member.amount(rng)
        made = order(tape, hand, at, amount=amount, currency=member.country.currency, card=member.cards[0])
        seen += made.events
    return Case("forgotten-password", seen)


def traveller(tape: Tape, member: Member, at: datetime) -> Case:
    """A journey: the phone goes along, the hotel lends an address, something is bought from there."""
    rng = tape.rng
    there = COUNTRIES[rng.choice([code for code in places.HOLIDAYS if code != member.country.code])]
    member.away.append((at, at + timedelta(days=rng.uniform(3, 8)), there.code, there.address(rng)))
    case = Case("traveller")
    for _ in range(rng.randint(1, 3)):
        at = tape.soon(at, 6 * 3600, 30 * 3600)
        own = member.gadgets[0] if rng.random() < 0.85 else gadget(rng, tape.name(), mobile=True)
        hand = member.hand(rng, at, tape.name(), own)
        now, seen = sign_in(tape, hand, at, fails=rng.choice((0, 0, 1)))
        now, pages = browse(tape, hand, now, rng.randint(2, 8))
        case.events += seen + pages
        if rng.random() < 0.5:
            amount = member.amount(rng)
            made = order(tape, hand, now, amount=amount, currency=member.country.currency, card=member.cards[0])
            case.events += made.events
    return case


def expired_card(tape: Tape, member: Member, at: datetime) -> Case:
    """The card ran out: it is tried a few times before another one is found."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    money = {"amount": member.amount(rng), "currency": member.country.currency}
    refused = order(tape, hand, at, card=member.cards[0], fails=rng.randint(1, 3), ends=False, **money)
    card = f"pm_{rng.getrandbits(48):012x}"
    added = tape.put(refused.over, "payment_method.added", hand, payment_method_id=card)
    made = order(tape, hand, tape.soon(refused.over, 60, 200), card=card, **money)
    member.cards[0] = card
    return Case("expired-card", [*seen, *refused.events, added, *made.events])


def gift_giver(tape: Tape, member: Member, at: datetime) -> Case:
    """Presents for everybody: several orders, each to somebody else."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    for _ in range(rng.randint(3, 6)):
        at, pages = browse(tape, hand, at, rng.randint(2, 6))
        to = f"r_{rng.getrandbits(40):010x}"
        money = {"amount": member.amount(rng, 1.3), "currency": member.country.currency, "card": member.cards[0]}
        made = order(tape, hand, at, recipient_id=to, **money)
        seen += [*pages, *made.events]
        at = made.over
    return Case("gift-giver", seen)


def spree(tape: Tape, member: Member, at: datetime) -> Case:
    """A sale: one order after the other."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    for _ in range(rng.randint(5, 9)):
        at, pages = browse(tape, hand, at, rng.randint(1, 3), pace=15)
        money = {"amount": member.amount(rng, 0.9), "currency": member.country.currency, "card": member.cards[0]}
        made = order(tape, hand, at, **money)
        seen += [*pages, *made.events]
        at = made.over
    return Case("spree", seen)


def new_phone(tape: Tape, member: Member, at: datetime) -> Case:
    """A large purchase on the phone unpacked an hour ago, mostly on the sofa."""
    rng = tape.rng
    own = gadget(rng, tape.name(), mobile=True)
    member.gadgets[0] = own
    hand = member.hand(rng, at, tape.name(), own)
    if rng.random() < 0.75:
        hand = hand.changed(ip=member.home)
    at, seen = sign_in(tape, hand, at, fails=rng.choice((0, 1, 2)))
    at, pages = browse(tape, hand, at, rng.randint(4, 14))
    amount = member.amount(rng, rng.uniform(2, 6))
    made = order(tape, hand, at, amount=amount, currency=member.country.currency, card=member.cards[0])
    return Case("new-phone", [*seen, *pages, *made.events])


def careful_member(tape: Tape, member: Member, at: datetime) -> Case:
    """A new password and a second step, because the news said so, details put right; then an order."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name(), member.gadgets[-1])
    at, seen = sign_in(tape, hand, at)
    seen.append(tape.put(at, "password.changed", hand))
    seen.append(tape.put(at := tape.soon(at, 40, 200), "mfa.enabled", hand))
    if rng.random() < 0.5:
        details = {"changed": rng.choice((["address"], ["email"], ["phone", "address"]))}
        contact = {"email": f"{member.member_id}.new@example.com"} if "email" in details["changed"] else {}
        seen.append(tape.put(at := tape.soon(at, 20, 90), "profile.changed", hand, **details, **contact))
    if rng.random() < 0.5:
        money = {"amount": member.amount(rng), "currency": member.country.currency, "card": member.cards[0]}
        seen += order(tape, hand, tape.soon(at, 60, 900), **money).events
    return Case("careful-member", seen)


def bookworm(tape: Tape, member: Member, at: datetime) -> Case:
    """Somebody who compares everything before buying nothing."""
    hand = member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    return Case("bookworm", seen + browse(tape, hand, at, tape.rng.randint(70, 140), pace=9)[1])


def crawler(tape: Tape, member: Member, at: datetime) -> Case:
    """A search engine reads the shop, as it should."""
    rng, case = tape.rng, Case("crawler")
    hand = Hand(places.crawler(rng), AGENTS["crawler"][0])
    for number in range(250):
        at = tape.soon(at, 1, 6)
        path = f"/goods/{(number * 7) % GOODS}"
        case.events.append(tape.put(at, "page.viewed", hand, path=path, http_status=404 if number % 40 == 0 else 200))
    return case


def new_member(tape: Tape, member: Member, at: datetime) -> Case:
    """Somebody joins, takes the welcome coupon and orders."""
    rng = tape.rng
    name = f"n{rng.getrandbits(36):09x}"
    hand = guest(rng, member.country).changed(device_id=tape.name(), email=None, member_id=name)
    at, seen = browse(tape, hand.changed(member_id=None), at, rng.randint(2, 9))
    seen.append(tape.put(at, "account.created", hand.changed(email=f"{name}@example.com")))
    seen.append(tape.put(at := tape.soon(at, 5, 30), "login.succeeded", hand))
    if rng.random() < 0.5:
        seen.append(tape.put(at := tape.soon(at, 20, 60), "coupon.redeemed", hand))
    money = {"amount": member.amount(rng), "currency": member.country.currency, "card": f"pm_{tape.name()[:12]}"}
    return Case("new-member", seen + order(tape, hand, tape.soon(at, 10, 90), **money).events)


def gift_card_owner(tape: Tape, member: Member, at: datetime) -> Case:
    """A gift card from an aunt is spent."""
    rng, hand = tape.rng, member.hand(tape.rng, at, tape.name())
    at, seen = sign_in(tape, hand, at)
    amount = f"{rng.choice((25, 50, 100)) * member.country.per_euro:.2f}"
    seen.append(tape.put(at, "gift_card.redeemed", hand, amount=amount, currency=member.country.currency))
    return Case("gift-card-owner", seen)


#: Each hardship and how many of 1,000 members have it on a day.
HARDSHIPS = {
    retry_storm: 1.5,
    forgotten_password: 4.0,
    traveller: 1.5,
    expired_card: 2.5,
    gift_giver: 1.5,
    spree: 1.0,
    new_phone: 2.0,
    careful_member: 2.0,
    bookworm: 2.0,
    crawler: 1.0,
    new_member: 5.0,
    gift_card_owner: 3.0,
}
