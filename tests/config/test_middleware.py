"""What every answer carries, and how long a session lives."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from config.middleware import POLICY


@pytest.fixture
def mia(db: None, client: Client) -> Any:
    """A member signed in through the test client."""
    user = get_user_model().objects.create_user("mia", password="a long enough word")
    client.force_login(user)
    return user


def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")
    assert re.fullmatch(r"[0-9a-f]{32}", first["X-Request-Id"])
    assert first["X-Request-Id"] != second["X-Request-Id"]


def test_a_stranger_does_not_choose_the_request_id(client: Client, settings: Any) -> None:
    sent = "chosen-by-someone-else"
    assert client.get("/healthz", headers={"x-request-id": sent})["X-Request-Id"] != sent
    settings.TRUSTED_PROXIES = 1
    assert client.get("/healthz", headers={"x-request-id": sent})["X-Request-Id"] == sent
    assert client.get("/healthz", headers={"x-request-id": "a\tb<script>"})["X-Request-Id"] != "a\tb<script>"


def test_no_page_may_run_code_that_is_not_ours(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


def test_only_the_api_pages_may_style_from_scripts(client: Client) -> None:
    policy = client.get("/api/docs/")["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy


def _session(client: Client) -> Session:
    return Session.objects.get(session_key=client.cookies["sessionid"].value)


def test_a_session_ends_after_half_an_hour_without_a_word(mia: Any, client: Client, settings: Any) -> None:
    client.get("/healthz")
    left = _session(client).expire_date - timezone.now()
    assert timedelta(minutes=28) < left <= timedelta(minutes=30)


def test_using_a_session_keeps_it_alive(mia: Any, client: Client) -> None:
    session = client.session
    session["touched_at"] = 0
    session.set_expiry(60)
    session.save()
    client.get("/healthz")
    assert _session(client).expire_date - timezone.now() > timedelta(minutes=28)


def test_no_session_lives_longer_than_half_a_day(mia: Any, client: Client) -> None:
    session = client.session
    session["signed_in_at"] -= 12 * 3600 - 90
    session["touched_at"] = 0
    session.save()
    client.get("/healthz")
    assert _session(client).expire_date - timezone.now() <= timedelta(seconds=91)
    session = client.session
    session["signed_in_at"] -= 120
    session.save()
    client.get("/healthz")
    assert "_auth_user_id" not in client.session
