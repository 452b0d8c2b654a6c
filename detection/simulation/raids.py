"""Attacks on the shop itself: stolen cards, machines that read or probe, accounts made up by the dozen."""

from __future__ import annotations

from datetime import datetime

from detection.simulation import places
from detection.simulation.campaign import Campaign, Level
from detection.simulation.people import Member, guest
from detection.simulation.places import AGENTS, COUNTRIES
from detection.simulation.shopping import GOODS, SHELVES, browse, order
from detection.simulation.tape import Hand, Tape

HOLES = (
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/wp-admin/setup-config.php",
    "/phpmyadmin/index.php",
    "/admin/config.php",
    "/backup.zip",
    "/server-status",
    "/actuator/env",
    "/cgi-bin/test.cgi",
    "/.aws/credentials",
    "/config.json",
    "/debug",
    "/console",
    "/xmlrpc.php",
    "/shell.php",
)


def card_testing(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """A list of stolen cards is tried with small orders; the few that work are spent later."""
    rng, campaign = tape.rng, Campaign("card-testing", level)
    tries, pause = {"easy": (rng.randint(40, 70), 15), "medium": (rng.randint(18, 30), 200), "hard": (14, 1500)}[level]
    country = COUNTRIES[rng.choice(places.HOMES)]
    address = places.data_centre(rng) if level == "easy" else country.address(rng)
    hand = guest(rng, country).changed(ip=address, device_id=tape.name())
    for number in range(tries):
        if level == "hard" or (level == "medium" and number % 4 == 0):
            hand = guest(rng, country).changed(ip=address, device_id=tape.name())
        money = {
            "amount": f"{rng.uniform(1, 12) * country.per_euro:.2f}",
            "currency": country.currency,
            "payment_method_id": f"pm_{rng.getrandbits(48):012x}",
            "order_id": f"o{tape.name()[:10]}",
            "payment": {"funding": "credit"},
        }
        campaign.did(tape.put(at, "checkout.started", hand, **_priced(money)))
        at = tape.soon(at, 2, 10)
        campaign.did(tape.put(at, "transaction.attempted", hand, **money))
        at = tape.soon(at, 1, 3)
        if rng.random() < 0.85:
            refused = {**money, "payment": {"funding": "credit", "decline_code": "stolen_card"}}
            campaign.did(tape.put(at, "payment.failed", hand, **refused))
        else:
            paid = tape.put(at, "transaction.succeeded", hand, **money)
            campaign.did(paid, loss=[paid] if number > tries // 3 else [])
        at = tape.soon(at, pause * 0.5, pause * 1.5)
    return campaign


def _priced(money: dict[str, object]) -> dict[str, object]:
    return {name: money[name] for name in ("amount", "currency", "order_id")}


def scraping(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """A machine reads the whole shop, one even step after the other."""
    rng, campaign = tape.rng, Campaign("scraping", level)
    pages, sources, pause = {"easy": (600, 1, 0.8), "medium": (360, 1, 4.0), "hard": (480, 8, 3.0)}[level]
    country = COUNTRIES[rng.choice(places.HOMES)]
    addresses = [places.data_centre(rng) if level == "easy" else country.address(rng) for _ in range(sources)]
    agent = rng.choice(AGENTS["machine"] if level == "easy" else AGENTS["desk"])
    devices = [tape.name() if level == "hard" else None for _ in addresses]
    for number in range(pages):
        at = tape.soon(at, pause * 0.9, pause * 1.1)
        source = number % sources
        hand = Hand(addresses[source], agent, devices[source])
        path = f"/shelf/{number % SHELVES}" if number < SHELVES else f"/goods/{number % GOODS}"
        campaign.did(tape.put(at, "page.viewed", hand, path=path, http_status=200))
    return campaign


def path_probing(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """Somebody looks for doors left open."""
    rng, campaign = tape.rng, Campaign("path-probing", level)
    tries, pause = {"easy": (80, 0.7), "medium": (30, 12), "hard": (16, 150)}[level]
    address = places.data_centre(rng) if level != "hard" else COUNTRIES[rng.choice(places.HOMES)].address(rng)
    agent = rng.choice(AGENTS["machine"] if level == "easy" else AGENTS["desk"])
    hand = Hand(address, agent)
    if level == "hard":
        at, seen = browse(tape, hand, at, 3)
        campaign.did(*seen)
    for number in range(tries):
        path = rng.choice(HOLES) if level != "hard" or number % 2 else f"/goods/{GOODS + rng.randrange(9000)}"
        status = rng.choices((404, 403, 400, 500), weights=(80, 12, 4, 4))[0]
        campaign.did(tape.put(at, "page.viewed", hand, path=path, http_status=status))
        at = tape.soon(at, pause * 0.5, pause * 1.5)
    return campaign


def fake_accounts(tape: Tape, level: Level, at: datetime, members: list[Member]) -> Campaign:
    """Accounts are made up for their welcome coupons and spent with cards of others."""
    rng, campaign = tape.rng, Campaign("fake-accounts", level)
    count, pause = {"easy": (14, 60), "medium": (8, 900), "hard": (5, 4 * 3600)}[level]
    country = COUNTRIES[rng.choice(places.HOMES)]
    address, device = country.address(rng), tape.name()
    for number in range(count):
        if level == "hard":
            device = tape.name()
        name = f"n{rng.getrandbits(36):09x}"
        hand = Hand(address, rng.choice(AGENTS["phone"]), device, tape.name(), name)
        campaign.did(tape.put(at, "account.created", hand.changed(email=f"{name}@example.net")))
        campaign.did(tape.put(at := tape.soon(at, 10, 40), "login.succeeded", hand))
        campaign.did(tape.put(at := tape.soon(at, 10, 60), "coupon.redeemed", hand))
        amount = f"{rng.uniform(120, 400) * country.per_euro:.2f}"
        card = f"pm_{rng.getrandbits(48):012x}"
        made = order(tape, hand, at, amount=amount, currency=country.currency, card=card, fails=rng.randint(0, 1))
        # One or two are anybody's: it hurts from the third on, when it shows.
        campaign.did(*made.events, loss=[made.paid] if made.paid and number >= 2 else [])
        at = tape.soon(made.over, pause * 0.5, pause * 1.5)
    return campaign
