"""A hundred answers at once through several real web processes: one success, or five tries, and never more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from config.runner import ports
from config.runner.spawn import kill_group, spawn
from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import AuditPending, CodeAttempt, Contact, LockEvent, Member, OtpChallenge
from detection.response import challenges, codes, locks
from tests.live import ROOT, eventually

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.database]

PROCESSES, ANSWERS = 3, 100
TOKEN = "c" * 32


def _database_url() -> str:
    """Where the test's own database is."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@pytest.fixture
def doors() -> Iterator[list[str]]:
    """The addresses of web processes over the test's database."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DATABASE_URL": _database_url(),
        "DATA_DIR": str(settings.DATA_DIR),
    }
    taken = [ports.free() for _ in range(PROCESSES)]
    running = [
        spawn(
            [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "config.asgi:application"],
            env=environ,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for port in taken
    ]
    addresses = [f"http://127.0.0.1:{port}" for port in taken]
    try:
        for address in addresses:
            eventually(lambda address=address: _lives(address), within=60, every=0.2)
        yield addresses
    finally:
        for process in running:
            kill_group(process)


def _lives(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def mia(db: None) -> Any:
    """A locked member with a session, and the code that opens the lock."""
    member = Member.objects.create(member_id="mia", user=get_user_model().objects.create_user("mia"))
    Contact.objects.create(member=member, kind="email", value="mia@example.com")
    locks.place(member, state=LockState.LOCKED, code="rule", text="A test.", by=ActorKind.SYSTEM, actor=SYSTEM)
    browser = Browser()
    browser.force_login(member.user)
    session = browser.session
    session["signed_in_at"] = time.time()
    session.save()
    made = challenges.issue(member, channel="email", session_key=session.session_key)
    assert isinstance(made, challenges.Issued)
    OtpChallenge.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    return member, session.session_key, OtpChallenge.objects.get()


def _answers(doors: list[str], key: str, challenge: str, code: str) -> Counter[int]:
    """How a hundred answers at once were met."""
    cookies = {"sessionid": key, "csrftoken": TOKEN}
    headers = {"X-CSRFToken": TOKEN, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    limits = httpx.Limits(max_connections=ANSWERS)
    with httpx.Client(headers=headers, timeout=60, trust_env=False, limits=limits) as client:

        def answer(number: int) -> int:
            url = f"{doors[number % len(doors)]}/api/v1/me/unlock/verify/"
            return client.post(url, json={"challenge_id": challenge, "code": code}).status_code

        with ThreadPoolExecutor(50) as crowd:
            return Counter(crowd.map(answer, range(ANSWERS)))


def test_of_a_hundred_right_ones_one_opens_and_of_a_hundred_wrong_ones_five_are_evaluated(
    doors: list[str], mia: Any
) -> None:
    member, key, challenge = mia
    wrong = _answers(doors, key, challenge.pk, "00000000")
    assert wrong[400] == 5, wrong
    assert set(wrong) <= {400, 410, 429}
    assert CodeAttempt.objects.count() == 5
    assert locks.of(member) is not None

    CodeAttempt.objects.all().delete()
    made = challenges.issue(member, channel="email", session_key=key, now=timezone.now() + timedelta(seconds=61))
    assert isinstance(made, challenges.Issued)
    right = _answers(doors, key, made.challenge_id, codes.code_for(OtpChallenge.objects.get(pk=made.challenge_id)))
    assert right[200] == 1, right
    assert set(right) <= {200, 410, 429}
    assert locks.of(member) is None
    assert LockEvent.objects.filter(member=member, after="clear").count() == 1
    opened = [row.entry["action"] for row in AuditPending.objects.all()].count("member.unlocked")
    assert opened == 1
