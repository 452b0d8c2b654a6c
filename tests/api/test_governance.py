from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from detection.audit import ledger
from detection.models import ApiKey, AuditEntry, AuditPending, RuleSetting
from tests.api.conftest import Caller
from tests.api.test_events import problem


def test_a_key_is_shown_once_and_kept_as_a_digest(ada: Caller) -> None:
    response = ada.post("api-keys/", {"app": "till", "scopes": ["events:write", "events:read"]})
    assert response.status_code == 201, response.content
    text = response.json()["key"]
    kept = ApiKey.objects.get()
    assert kept.digest == hashlib.sha256(text.encode()).hexdigest()
    assert kept.prefix == response.json()["id"]
    assert text not in ada.get("api-keys/").content.decode()
    assert Caller(key=text).get("ping/").json()["scopes"] == ["events:read", "events:write"]
    actions = list(AuditPending.objects.values_list("entry__action", flat=True))
    assert "api_key.created" in actions
    assert text not in str(list(AuditPending.objects.values_list("entry", flat=True)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"app": "till"},
        {"app": "till", "scopes": []},
        {"app": "till", "scopes": ["everything"]},
        {"app": "", "scopes": ["events:write"]},
        {"app": "till", "scopes": ["events:write"], "trust": "total"},
        {"app": "till", "scopes": ["events:write"], "trust": "high"},
        {"app": "till", "scopes": ["events:write"], "prefix": "mine"},
        {"app": "till", "scopes": "events:write"},
    ],
)
def test_a_fault_in_a_key_is_400(ada: Caller, body: Any) -> None:
    problem(ada.post("api-keys/", body), 400)
    assert ApiKey.objects.count() == 0


def test_keys_are_made_and_revoked_only_soon_after_a_sign_in(ada: Caller) -> None:
    key = ada.post("api-keys/", {"app": "till", "scopes": ["events:write"]}).json()["id"]
    session = ada.browser.session
    session["signed_in_at"] = time.time() - 301
    session.save()
    again = [ada.post("api-keys/", {"app": "till", "scopes": ["events:write"]}), ada("DELETE", f"api-keys/{key}/")]
    assert [(answer.status_code, answer.json()["code"]) for answer in again] == [(403, "sign-in-again")] * 2
    assert ApiKey.objects.get().revoked_at is None


def test_revoking_twice_changes_nothing_more(ada: Caller) -> None:
    made = ada.post("api-keys/", {"app": "till", "scopes": ["events:write"]}).json()
    for _ in range(2):
        assert ada("DELETE", f"api-keys/{made['id']}/").status_code == 204
    assert AuditPending.objects.filter(entry__action="api_key.revoked").count() == 1
    problem(ada("DELETE", "api-keys/none/"), 404)


def test_the_trail_is_read_newest_first_and_the_reading_is_in_it(ada: Caller) -> None:
    ada.post("api-keys/", {"app": "till", "scopes": ["events:write"]})
    ledger.sequence_all()
    content = ada.get("audit/").json()
    assert content["results"][0]["action"] == "api_key.created"
    assert content["results"][0]["actor"]["label"] == "ada"
    ledger.sequence_all()
    assert AuditEntry.objects.order_by("-seq").values_list("action", flat=True).first() == "audit.read"
    assert [entry["action"] for entry in ada.get("audit/?action=api_key.created").json()["results"]] == [
        "api_key.created"
    ]
    problem(ada.get("audit/?colour=red"), 400)


def test_the_trail_is_paged(ada: Caller) -> None:
    for number in range(5):
        ada.post("api-keys/", {"app": f"till {number}", "scopes": ["events:write"]})
    ledger.sequence_all()
    first = ada.get("audit/?limit=3").json()
    second = ada.get(first["next"]).json()
    assert [entry["seq"] for entry in first["results"] + second["results"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None
    assert second["previous"]


def test_rules_are_listed_with_what_was_changed_about_them(ada: Caller) -> None:
    RuleSetting.objects.create(rule_id="failed-login-burst", state="shadow", parameters={"limit": 9})
    rules = {rule["id"]: rule for rule in ada.get("rules/").json()["results"]}
    assert len(rules) >= 10
    burst = rules["failed-login-burst"]
    assert (burst["state"], burst["parameters"]["limit"], burst["severity"]) == ("shadow", 9, "medium")
    assert burst["parameters"]["window"] == 600.0
    assert {"id", "title", "severity", "state", "parameters"} <= set(burst)


def test_models_are_listed(ada: Caller) -> None:
    assert ada.get("models/").json()["results"] == []
