from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import OperationalError
from django.test import RequestFactory

from api import errors, schema
from api.addresses import client_ip, from_this_machine
from tests.api.conftest import Caller
from tests.api.test_events import BROWSED, problem

PAGE = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v1/events", "/api/v2/events/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_an_address_that_is_none_is_a_problem_for_everybody(stranger: Caller, method: str, path: str) -> None:
    problem(stranger(method, path), 404)


def test_a_method_that_is_none_is_405_for_who_may_come_in(shop: Caller, stranger: Caller) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        problem(shop(method, "events/"), 405)
        problem(stranger(method, "events/"), 401)


def test_a_host_that_is_not_ours_is_a_problem(shop: Caller) -> None:
    problem(shop.get("ping/", Host="evil.example"), 400)


def test_no_accept_header_can_break_a_door(shop: Caller) -> None:
    for accept in ("text/html", "nonsense", "*/*;q=zero", ""):
        assert shop.get("ping/", Accept=accept)["Content-Type"] == "application/json"
    problem(shop.get("ping/?format=xml"), 400)


def test_a_database_out_of_reach_is_503_with_a_time_to_come_back() -> None:
    request = RequestFactory().get("/api/v1/ping/")
    try:
        raise OperationalError("could not connect to server at 10.0.0.1")
    except OperationalError:
        response = errors.server_error(request)
    assert response.status_code == 503
    assert int(response["Retry-After"]) >= 1
    assert b"10.0.0.1" not in response.content
    inside = errors.exception_handler(OperationalError("disk full"), {})
    assert inside.status_code == 503
    assert "Retry-After" in inside


def test_a_fault_of_ours_says_nothing_about_itself() -> None:
    response = errors.exception_handler(RuntimeError("secret path /etc"), {})
    assert response.status_code == 500
    assert response.content_type == errors.CONTENT_TYPE
    assert "secret" not in str(response.data)


def test_a_page_keeps_its_own_error_page(stranger: Caller) -> None:
    response = stranger.get("/no-such-page/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_the_committed_schema_is_the_one_the_doors_tell() -> None:
    assert PAGE.read_text() == schema.as_yaml(), "run: python manage.py spectacular --file docs/openapi.yaml"


def test_the_schema_is_3_1_and_every_call_has_a_name_a_summary_and_its_problems() -> None:
    page: dict[str, Any] = yaml.safe_load(PAGE.read_text())
    assert page["openapi"].startswith("3.1")
    for path, calls in page["paths"].items():
        for method, call in calls.items():
            assert {"summary", "operationId"} <= set(call), (path, method)
            assert "application/problem+json" in call["responses"]["401"]["content"], (path, method)


def test_the_schema_and_its_page_are_open_and_load_nothing_from_outside(stranger: Caller) -> None:
    assert stranger.get("/api/schema/").content.startswith(b"openapi: 3.1")
    assert stranger.get("/api/schema/?format=json").json()["openapi"].startswith("3.1")
    page = stranger.get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert not re.findall(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|//[a-z]", text)
    assert all(source.startswith("/static/") for source in re.findall(r'src="([^"]+)"', text))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "seen"),
    [
        (0, "1.1.1.1", "9.9.9.9", "9.9.9.9"),
        (1, "1.1.1.1", "10.0.0.1", "1.1.1.1"),
        (1, "6.6.6.6, 1.1.1.1", "10.0.0.1", "1.1.1.1"),
        (2, "6.6.6.6, 1.1.1.1, 10.0.0.2", "10.0.0.1", "1.1.1.1"),
        (2, "1.1.1.1", "10.0.0.1", "1.1.1.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "nonsense", "10.0.0.1", "10.0.0.1"),
        (1, "[2001:db8::1]:443", "10.0.0.1", "2001:db8::1"),
        (1, "1.1.1.1:5000", "10.0.0.1", "1.1.1.1"),
        (0, "", "::ffff:9.9.9.9", "9.9.9.9"),
    ],
)
def test_only_as_many_forwarders_count_as_there_are_proxies_of_ours(
    settings: Any, proxies: int, forwarded: str, peer: str, seen: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_ip(request) == seen


def test_metrics_tell_what_waits(stranger: Caller, shop: Caller) -> None:
    shop.post("events/", BROWSED)
    assert b"secureretail_inbox_pending 1.0" in stranger.get("/metrics").content


def test_metrics_are_for_this_machine_and_staff(stranger: Caller, olga: Caller, mia: Caller) -> None:
    assert stranger.get("/metrics").status_code == 200
    far = {"X_Forwarded_For": "127.0.0.1"}
    assert stranger.get("/metrics", **far).status_code == 403
    assert mia.get("/metrics", **far).status_code == 403
    assert olga.get("/metrics", **far).status_code == 200
    assert not from_this_machine(RequestFactory().get("/", REMOTE_ADDR="10.0.0.1"))


def test_the_system_tells_how_it_is_part_by_part(stranger: Caller) -> None:
    assert stranger.get("/healthz").status_code == 200
    assert stranger.get("/readyz").status_code == 200
    response = stranger.get("/status")
    parts = response.json()["parts"]
    assert {"database", "valkey", "worker", "beat", "inbox", "models", "geo", "texts"} == set(parts)
    assert parts["database"]["ok"]
    assert parts["inbox"]["ok"]
    assert parts["geo"]["networks_age_days"] >= 0
    whole = all(parts[name]["ok"] for name in ("database", "valkey", "worker", "beat", "inbox"))
    assert response.status_code == (200 if whole else 503)
    assert not parts["worker"]["ok"]
    assert response["Retry-After"]


def test_every_answer_to_a_key_is_kept_out_of_caches(shop: Caller) -> None:
    assert "no-store" in shop.post("events/", BROWSED)["Cache-Control"]
