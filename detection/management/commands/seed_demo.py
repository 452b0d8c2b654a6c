"""Fill the demo: its people, its keys and an ordinary month."""

from __future__ import annotations

import json
import os
import random
import secrets
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from detection import conf
from detection.enrich import additions
from detection.kernel.ids import id_at
from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import EventState, EventType, KeyScope, Outcome, Role, Severity
from detection.management import month
from detection.models import ApiKey, Client, Contact, Device, Event, Member, ModelVersion, Receipt
from detection.response import accounts, clients

SHOP, SIMULATOR = "shop", "simulator"
SIMULATOR_SCOPES = [scope.value for scope in KeyScope if scope.value.endswith((":write", ":import"))]
DAYS = 30
JUDGED_CALM = (EventState.PROCESSED, Outcome.ALLOW, 0, Severity.LOW)
KNOWN_SINCE = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Habit:
    """How one of the demo's members lives: one device, one place, small purchases."""

    name: str
    device: str
    ip: str
    agent: str
    hour: int
    spends: tuple[int, int]


HABITS = (
    Habit(
        "mia",
        "mia-phone",
        "81.2.69.142",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.5 Mobile/15E148 Safari/604.1",
        18,
        (20, 60),
    ),
    Habit(
        "sam",
        "sam-laptop",
        "81.2.69.160",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
        8,
        (30, 80),
    ),
)
STAFF = (("olga", Role.ANALYST), ("ada", Role.ADMIN))


class Command(BaseCommand):
    help = (
        "Fill the demo with its people, its keys and an ordinary month. Safe to run again: what is there stays. "
        "Passwords are random for each installation and kept, with the keys, in demo.json in the data folder. "
        "Refused without DEMO=1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what is missing and make nothing")
        parser.add_argument(
            "--month",
            action="store_true",
            help="tell a busy month of a made-up shop too and teach the models with it, once: it takes a minute",
        )
        parser.add_argument("--json", action="store_true", help="print sign-ins and keys as JSON")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        if not conf.current().demo:
            raise CommandError("This is not a demo. Accounts with printed passwords are made under DEMO=1 only.")
        path = conf.current().data_dir / "demo.json"
        if dry_run:
            names = [name for name, _ in STAFF] + [habit.name for habit in HABITS]
            there = set(get_user_model().objects.filter(username__in=names).values_list("username", flat=True))
            self.stdout.write("Missing: " + (", ".join(name for name in names if name not in there) or "nothing"))
            return
        kept = _read(path)
        with transaction.atomic():
            told = _seed(kept)
        if told != kept:
            _write(path, told)
        if options["month"]:
            month.tell(Client.objects.get(name=SHOP))
            if not ModelVersion.objects.exists():
                call_command("train_models", stdout=self.stderr)
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        for user in told["users"]:
            self.stdout.write(f"{user['role']:<8} {user['username']:<6} {user['password']}")
        self.stdout.write(f"API key  {told['api_key']}")


def _seed(kept: dict[str, Any]) -> dict[str, Any]:
    """Make what is missing; what the sign-ins and keys are now."""
    accounts.ensure_groups()
    passwords = {user["username"]: user["password"] for user in kept.get("users", [])}
    users = [{"role": role.value, **_user(name, passwords, role)} for name, role in STAFF]
    users += [{"role": "member", **_user(habit.name, passwords, None)} for habit in HABITS]
    keys = {
        "api_key": _key(SHOP, [scope.value for scope in KeyScope], kept.get("api_key")),
        "simulator_key": _key(SIMULATOR, SIMULATOR_SCOPES, kept.get("simulator_key")),
    }
    now = timezone.now()
    shop = Client.objects.get(name=SHOP)
    for habit in HABITS:
        member = _member(habit, now)
        _live(habit, member, shop, now)
    return {"users": users, **keys}


def _user(name: str, passwords: dict[str, str], role: Role | None) -> dict[str, str]:
    """The user with the password we kept. A user whose password was lost with the file gets a new one."""
    password = passwords.get(name) or secrets.token_urlsafe(12)
    admin = role is Role.ADMIN
    user, new = get_user_model().objects.get_or_create(
        username=name, defaults={"email": f"{name}@example.com", "is_staff": admin, "is_superuser": admin}
    )
    if new or name not in passwords:
        user.set_password(password)
        user.save()
    if role is not None:
        user.groups.add(Group.objects.get(name=role.value))
    return {"username": name, "password": password}


def _key(client: str, scopes: list[str], kept: str | None) -> str:
    known = ApiKey.objects.matching(kept) if kept else None
    if kept and known is not None and known.client.name == client:
        return kept
    return clients.issue_key(client, scopes, actor=SYSTEM)[1]


def _member(habit: Habit, now: datetime) -> Member:
    user = get_user_model().objects.get(username=habit.name)
    member, _ = Member.objects.get_or_create(
        member_id=habit.name, defaults={"joined_at": now - KNOWN_SINCE, "created_at": now - KNOWN_SINCE}
    )
    if member.user_id is None:
        member.user = user
        member.save(update_fields=["user"])
    Contact.objects.get_or_create(
        member=member,
        kind=Contact.EMAIL,
        value=f"{habit.name}@example.com",
        defaults={"verified_at": now - KNOWN_SINCE, "added_at": now - KNOWN_SINCE},
    )
    return member


def _live(habit: Habit, member: Member, shop: Client, now: datetime) -> None:
    """An ordinary month up to yesterday, as events that were judged long ago. Lived once."""
    if Receipt.objects.filter(client=shop, event_id=f"demo-{habit.name}-1").exists():
        return
    events: list[Event] = []
    draw = random.Random(habit.name)  # noqa: S311 - the same month for everybody
    for day in range(DAYS, 0, -1):
        moment = (now - timedelta(days=day)).replace(hour=habit.hour, minute=draw.randrange(60), second=0)
        for kind, facts in _visit(habit, draw):
            moment += timedelta(seconds=draw.randrange(20, 200))
            body = {
                "session_id": f"demo-{habit.name}-{day}",
                "device_id": habit.device,
                "ip": habit.ip,
                "user_agent": habit.agent,
                **facts,
                "metadata": {"demo": True},
            }
            event = Event(id=id_at(moment, len(events)), client=shop, member=member, received_at=now, judged_at=now)
            event.event_id = f"demo-{habit.name}-{len(events) + 1}"
            event.subject = f"member:{habit.name}"
            event.type, event.occurred_at, event.body = kind, moment, body
            event.state, event.outcome, event.risk_score, event.severity = JUDGED_CALM
            events.append(event)
    events[0].enriched = additions(events[0].record(habit.name))
    for event in events:
        event.enriched = events[0].enriched
    Event.objects.bulk_create(events)
    Receipt.objects.bulk_create(
        Receipt(client=shop, event_id=e.event_id, digest=_digest(e), event=e.pk, received_at=now) for e in events
    )
    Device.objects.get_or_create(
        member=member,
        device_id=habit.device,
        defaults={
            "agent": events[0].enriched.get("agent", ""),
            "country": events[0].enriched.get("country", ""),
            "first_seen_at": events[0].occurred_at,
            "last_seen_at": events[-1].occurred_at,
        },
    )


def _visit(habit: Habit, draw: random.Random) -> list[tuple[EventType, dict[str, Any]]]:
    """One evening: sign in, look around, most days buy something."""
    visit: list[tuple[EventType, dict[str, Any]]] = [(EventType.LOGIN_SUCCEEDED, {})]
    visit += [
        (EventType.PAGE_VIEWED, {"path": f"/products/{draw.randrange(1, 400)}", "http_status": 200})
        for _ in range(draw.randrange(1, 5))
    ]
    if draw.random() < 0.7:
        cents = draw.randrange(habit.spends[0] * 100, habit.spends[1] * 100)
        money = {"amount": f"{cents / 100:.2f}", "currency": "EUR", "payment_method_id": f"{habit.name}-card"}
        visit.append((EventType.CHECKOUT_STARTED, {}))
        visit.append((EventType.TRANSACTION_SUCCEEDED, money))
    if draw.random() < 0.4:
        visit.append((EventType.LOGOUT, {}))
    return visit


def _digest(event: Event) -> str:
    return sha256(json.dumps(event.body, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, told: dict[str, Any]) -> None:
    """Only the owner may read it, and a crash leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(told, file, indent=2)
        file.write("\n")
    fresh.replace(path)
