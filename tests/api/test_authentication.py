from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from api import authentication, throttling
from detection.kernel.vocabulary import Role, Trust
from detection.models import ApiKey, Event
from tests.api.conftest import Caller, key_of, staff_user

BROWSED = {"event_id": "e-1", "type": "page.viewed", "ip": "81.2.69.142"}


def signature(key: str, method: str, path: str, body: bytes, *, at: float | None = None) -> str:
    stamp = int(at if at is not None else time.time())
    made = hmac.new(key.encode(), f"{stamp}.{method}.{path}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={made}"


def sent(key: str, header: str | None, body: bytes = json.dumps(BROWSED).encode()) -> Any:
    headers = {"X_Signature": header} if header is not None else {}
    return Caller(key=key).post("events/", body, **headers)


@pytest.mark.parametrize(
    "key", ["", "sk_", "sk_a_b", "nonsense", "sk_0000000000_" + "x" * 43, "sk_\x01_y", "sk_é_" + "x" * 30, "x" * 5000]
)
def test_what_is_no_key_is_401(db: None, key: str) -> None:
    response = Caller().get("ping/", Authorization=f"Bearer {key}")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_key_learns_who_it_is(db: None) -> None:
    assert Caller(key=key_of("shop", "events:write")).get("ping/").json() == {"app": "shop", "scopes": ["events:write"]}


def test_a_key_revoked_elsewhere_opens_nothing_within_five_seconds(db: None) -> None:
    caller = Caller(key=key_of("shop"))
    assert caller.get("ping/").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())  # as another process would: nothing here is told
    revoked = time.monotonic()
    while caller.get("ping/").status_code == 200:
        assert time.monotonic() - revoked < 5
        time.sleep(0.05)
    assert caller.get("ping/").status_code == 401


def test_a_key_revoked_here_is_refused_at_once(ada: Caller) -> None:
    made = ada.post("api-keys/", {"app": "till", "scopes": ["events:write"]}).json()
    till = Caller(key=made["key"])
    assert till.post("events/", BROWSED).status_code == 202
    assert ada("DELETE", f"api-keys/{made['id']}/").status_code == 204
    assert till.get("ping/").status_code == 401


def test_a_key_ends_when_it_was_to_end(db: None) -> None:
    caller = Caller(key=key_of("shop"))
    assert caller.get("ping/").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    authentication.verified_keys.forget()
    assert caller.get("ping/").status_code == 401


def test_a_busy_key_costs_one_query_now_and_then(db: None, django_assert_num_queries: Any) -> None:
    caller = Caller(key=key_of("shop"))
    caller.get("ping/")
    with django_assert_num_queries(0):
        caller.get("ping/")
    assert ApiKey.objects.get().last_used_at is not None


def test_a_signature_of_this_very_request_holds_and_makes_a_high_key_high(db: None) -> None:
    key = key_of("shop", trust=Trust.HIGH, signed=True)
    body = json.dumps(BROWSED).encode()
    assert sent(key, signature(key, "POST", "/api/v1/events/", body), body).status_code == 202
    assert Event.objects.get().trust == Trust.HIGH


def test_one_of_several_signatures_is_enough_while_keys_rotate(db: None) -> None:
    key = key_of("shop", signed=True)
    body = json.dumps(BROWSED).encode()
    header = signature(key, "POST", "/api/v1/events/", body)
    assert sent(key, f"{header},v1={'0' * 64}", body).status_code == 202


@pytest.mark.parametrize("signed", [True, False])
def test_a_signature_that_does_not_hold_is_401_whatever_the_key_asks_for(db: None, signed: bool) -> None:
    key = key_of("shop", signed=signed)
    body = json.dumps(BROWSED).encode()
    good = signature(key, "POST", "/api/v1/events/", body)
    bad = [
        "",
        "nonsense",
        good.replace("v1=", "v0="),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        signature(key, "PUT", "/api/v1/events/", body),
        signature(key, "POST", "/api/v1/decisions/", body),
        signature(key, "POST", "/api/v1/events/", body + b" "),
        signature("sk_other", "POST", "/api/v1/events/", body),
        signature(key, "POST", "/api/v1/events/", body, at=time.time() - 302),
        signature(key, "POST", "/api/v1/events/", body, at=time.time() + 302),
    ]
    for header in bad:
        assert sent(key, header, body).status_code == 401, header
    assert Event.objects.count() == 0


def test_a_key_that_asks_for_signatures_is_refused_without_one(db: None) -> None:
    assert sent(key_of("shop", signed=True), None).status_code == 401


def test_a_write_with_a_session_needs_the_token_against_forgery(db: None) -> None:
    olga = Caller(user=staff_user("olga", Role.ANALYST), check_csrf=True)
    refused = olga.post("members/mia/lock/", {"reason": "asked"})
    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"


def test_a_key_needs_no_token_against_forgery(db: None) -> None:
    caller = Caller(key=key_of("shop"), check_csrf=True)
    assert caller.post("events/", BROWSED).status_code == 202


def test_guessing_keys_is_slowed_by_address_and_says_when_to_come_back(db: None, settings: Any) -> None:
    settings.API_RATES = {"address": (1, 3)}
    throttling.forget_everything()
    guesses = [Caller(key=f"sk_aaaaaaaaaa_{'x' * 43}").post("events/", BROWSED) for _ in range(5)]
    assert [guess.status_code for guess in guesses] == [401, 401, 401, 429, 429]
    assert int(guesses[-1]["Retry-After"]) >= 1
    assert guesses[-1]["Content-Type"] == "application/problem+json"


def test_an_app_that_is_known_is_not_held_up_by_guesses_from_its_address(db: None, settings: Any) -> None:
    settings.API_RATES = {"address": (1, 2)}
    caller = Caller(key=key_of("shop"))
    assert caller.get("ping/").status_code == 200
    for _ in range(4):
        Caller().post("events/", BROWSED)
    assert caller.post("events/", BROWSED).status_code == 202


def test_a_key_s_allowance_counts_events_and_is_told(db: None, settings: Any) -> None:
    settings.API_RATES = {"key": (1, 5)}
    caller = Caller(key=key_of("shop"))
    batch = {"events": [{**BROWSED, "event_id": f"e-{n}"} for n in range(20)]}
    first = caller.post("events/", batch)
    assert first.status_code == 202
    assert first["RateLimit-Policy"]
    assert first["RateLimit"]
    second = caller.post("events/", BROWSED)
    assert second.status_code == 429
    assert int(second["Retry-After"]) >= 10


def test_at_an_ordinary_pace_a_refusal_is_never_hidden_behind_a_limit(db: None) -> None:
    caller = Caller(key=key_of("shop"))
    for _ in range(100):
        assert Caller().post("events/", BROWSED).status_code == 401
        assert caller.post("events/", BROWSED, kind="text/plain").status_code == 415
