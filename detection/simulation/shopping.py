"""What people do in a shop: look around, sign in, order, pay."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from detection.simulation import places
from detection.simulation.people import Member
from detection.simulation.tape import Hand, Happening, Tape

SHELVES = 40
GOODS = 1500
FUNDING = ("credit", "debit", "debit", "prepaid")


@dataclass(slots=True)
class Order:
    """One order as it went: when it was over, every event, and the ones that moved money."""

    over: datetime
    events: list[Happening] = field(default_factory=list)
    tried: Happening | None = None
    paid: Happening | None = None


def browse(tape: Tape, hand: Hand, at: datetime, pages: int, *, pace: float = 22.0) -> tuple[datetime, list[Happening]]:
    """A person reading: a shelf, some goods, back, a search; pauses of very different lengths."""
    rng, seen = tape.rng, []
    shelf = rng.randrange(SHELVES)
    nameless = hand.changed(email=None)
    for number in range(pages):
        path = f"/shelf/{shelf}" if number % 4 == 0 else f"/goods/{shelf * 37 + rng.randrange(GOODS // SHELVES)}"
        if rng.random() < 0.08:
            seen.append(tape.put(at, "search.performed", nameless, query=rng.choice(("shoes", "lamp", "gift", "coat"))))
        else:
            missing = rng.random() < 0.01
            seen.append(tape.put(at, "page.viewed", nameless, path=path, http_status=404 if missing else 200))
        if rng.random() < 0.1:
            shelf = rng.randrange(SHELVES)
        at = tape.soon(at, 2, 8) if rng.random() < 0.3 else tape.soon(at, pace * 0.4, pace * 2.2)
    return at, seen


def sign_in(tape: Tape, hand: Hand, at: datetime, *, fails: int = 0) -> tuple[datetime, list[Happening]]:
    """Some mistyped passwords, then the right one."""
    seen = []
    for _ in range(fails):
        seen.append(tape.put(at, "login.failed", hand.changed(session_id=None), account_exists=True))
        at = tape.soon(at, 6, 40)
    seen.append(tape.put(at, "login.succeeded", hand))
    return tape.soon(at, 2, 20), seen


def order(
    tape: Tape,
    hand: Hand,
    at: datetime,
    *,
    amount: str,
    currency: str,
    card: str,
    fails: int = 0,
    ends: bool = True,
    **fields: Any,
) -> Order:
    """Check out and pay. The card is refused ``fails`` times first; ``ends=False`` never gets through."""
    rng, number = tape.rng, f"o{tape.name()[:10]}"
    made = Order(at)
    money = {"amount": amount, "currency": currency, "order_id": number}
    payment = {"funding": FUNDING[int(card[-1], 16) % len(FUNDING)]}
    if rng.random() < 0.85:
        made.events.append(tape.put(at, "cart.item_added", hand, path=f"/goods/{rng.randrange(GOODS)}"))
        at = tape.soon(at, 5, 60)
    made.events.append(tape.put(at, "checkout.started", hand, **money))
    at = tape.soon(at, 15, 90)
    for attempt in range(fails + 1):
        details = {**money, "payment_method_id": card, "payment": dict(payment), **fields}
        made.tried = tape.put(at, "transaction.attempted", hand, **details)
        made.events.append(made.tried)
        at = tape.soon(at, 1, 4)
        if attempt < fails or not ends:
            refused = {**details, "payment": {**payment, "decline_code": "do_not_honor"}}
            made.events.append(tape.put(at, "payment.failed", hand, **refused))
            at = tape.soon(at, 12, 60)
        else:
            made.paid = tape.put(at, "transaction.succeeded", hand, **details)
            made.events.append(made.paid)
    made.over = tape.soon(at, 5, 30)
    return made


def ordinary_visit(tape: Tape, member: Member, at: datetime) -> list[Happening]:
    """A member comes, mostly looks, sometimes buys; passwords are mistyped and cards refused as everywhere."""
    rng = tape.rng
    hand = member.hand(rng, at, tape.name())
    seen: list[Happening] = []
    if rng.random() < 0.8:
        fails = rng.choices((0, 1, 2, 3), weights=(86, 9, 4, 1))[0]
        at, seen = sign_in(tape, hand, at, fails=fails)
    else:
        seen.append(tape.put(at, "session.started", hand))  # still signed in
    buys = rng.random() < member.buys
    at, pages = browse(tape, hand, at, min(40, 2 + int(rng.expovariate(1 / 6))))
    seen += pages
    if rng.random() < 0.12 and member.roams > 0.1:  # out of the door, or on to the sofa, in the middle of it
        hand = hand.changed(ip=places.carrier(member.country, rng) if hand.ip == member.home else member.home)
        at, pages = browse(tape, hand, at, rng.randint(1, 6))
        seen += pages
    if buys:
        card = member.cards[0] if rng.random() < 0.9 else member.cards[-1]
        large = rng.choice((3.0, 5.0, 8.0)) if rng.random() < 0.03 else 1.0
        fails = rng.choices((0, 1, 2), weights=(95, 4, 1))[0]
        amount, currency = member.amount(rng, large), member.country.currency
        seen += order(tape, hand, at, amount=amount, currency=currency, card=card, fails=fails).events
    if rng.random() < 0.1:
        seen.append(tape.put(tape.soon(at, 200, 400), "logout", hand))
    return seen
