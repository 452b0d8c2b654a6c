"""Webhook endpoints at the programs' door."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import Role
from detection.models import AuditPending, WebhookDelivery, WebhookEndpoint
from detection.response.webhooks import endpoints, signing
from tests.api.conftest import Caller, staff_user
from tests.api.test_events import problem

SHOP = {"url": "https://shop.example.com/hooks", "name": "orders", "kinds": ["member.locked", "alert.raised"]}


@pytest.fixture
def auditor(db: None) -> Caller:
    return Caller(user=staff_user("auditor", Role.AUDITOR))


def made(ada: Caller) -> dict[str, Any]:
    answer = ada.post("webhook-endpoints/", SHOP)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_secret_is_shown_when_it_is_made_and_never_again(ada: Caller) -> None:
    endpoint = made(ada)
    secret = endpoint.pop("secret")
    assert secret == signing.secret(WebhookEndpoint.objects.get())
    assert endpoint["kinds"] == ["alert.raised", "member.locked"]
    assert endpoint["state"] == "active"
    read = ada.get(f"webhook-endpoints/{endpoint['id']}/")
    assert read.json() == endpoint
    assert ada.get("webhook-endpoints/").json()["results"] == [endpoint]
    assert secret not in read.content.decode()


def test_a_new_secret_leaves_the_old_one_a_day(ada: Caller) -> None:
    endpoint = made(ada)
    rotated = ada.post(f"webhook-endpoints/{endpoint['id']}/rotate/").json()
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["secret_generation"] == 2
    assert rotated["previous_secret_until"] is not None


def test_an_endpoint_is_changed_switched_off_and_removed(ada: Caller) -> None:
    where = f"webhook-endpoints/{made(ada)['id']}/"
    changed = ada("PATCH", where, {"kinds": ["decision.updated"], "enabled": False}).json()
    assert (changed["kinds"], changed["state"]) == (["decision.updated"], "disabled")
    assert changed["disabled_why"] == "switched off by ada"
    assert problem(ada.post(where + "test/"), 409)["code"] == "disabled"
    assert ada("PATCH", where, {"enabled": True}).json()["state"] == "active"
    assert ada("DELETE", where).status_code == 204
    problem(ada.get(where), 404)
    assert {row.entry["action"] for row in AuditPending.objects.all()} >= {
        "webhook_endpoint.created",
        "webhook_endpoint.changed",
        "webhook_endpoint.removed",
    }


def test_a_test_is_put_on_its_way_and_stands_in_the_log(ada: Caller) -> None:
    where = f"webhook-endpoints/{made(ada)['id']}/"
    sent = ada.post(where + "test/")
    assert sent.status_code == 202
    assert (sent.json()["kind"], sent.json()["state"]) == ("webhook.test", "waiting")
    assert ada.get(where + "deliveries/?state=waiting").json()["results"] == [sent.json()]
    assert ada.get(where + "deliveries/?state=delivered").json()["results"] == []
    problem(ada.get(where + "deliveries/?state=lost"), 400)


def test_what_was_given_up_is_said_again_all_or_some(ada: Caller, auditor: Caller) -> None:
    endpoint = made(ada)
    where = f"webhook-endpoints/{endpoint['id']}/"
    ids = [ada.post(where + "test/").json()["id"] for _ in range(3)]
    WebhookDelivery.objects.update(failed_at="2026-01-01T00:00:00Z")
    assert {row["state"] for row in auditor.get(where + "deliveries/").json()["results"]} == {"given_up"}
    assert ada.post(where + "replay/", {"deliveries": ids[:1]}).json() == {"replayed": 1}
    assert ada.post(where + "replay/", {}).json() == {"replayed": 2}
    assert ada.post(where + "replay/", {"deliveries": [str(uuid4())]}).json() == {"replayed": 0}
    assert problem(auditor.post(where + "replay/", {}), 403)


def test_another_endpoints_delivery_is_not_replayed(ada: Caller) -> None:
    one = endpoints.create("https://one.example.com/", ["alert.raised"], actor=SYSTEM).endpoint
    assert one is not None
    theirs = endpoints.test(one, actor=SYSTEM)
    mine = made(ada)
    replayed = ada.post(f"webhook-endpoints/{mine['id']}/replay/", {"deliveries": [str(theirs.pk)]})
    assert replayed.json() == {"replayed": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://shop.example.com/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://shop.example.com:8443/"},
        {"url": "https://a:b@shop.example.com/"},
        {"url": 5},
        {"kinds": []},
        {"kinds": ["alert.changed"]},
        {"secret": "whsec_mine"},
    ],
)
def test_a_fault_is_400_with_a_pointer(ada: Caller, change: dict[str, Any]) -> None:
    faulty = problem(ada.post("webhook-endpoints/", {**SHOP, **change}), 400)
    assert faulty["errors"][0]["pointer"].startswith(f"/{next(iter(change))}")
    assert not WebhookEndpoint.objects.exists()
