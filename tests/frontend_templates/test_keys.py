"""The page of API keys."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.records import SYSTEM
from detection.models import ApiKey, AuditPending
from detection.response import clients
from tests.cast import shop
from tests.frontend_templates.conftest import text_of

pytestmark = pytest.mark.django_db

PAGE = "/admin_dashboard/keys/"
TILL = {"app": "till", "scopes": ["events:write", "decisions:write"], "trust": "normal", "days": "90"}


def made(**fields: object) -> ApiKey:
    return ApiKey.issue(shop(), ["events:write"], **fields)[0]  # type: ignore[arg-type]


def audited() -> list[str]:
    return [row.entry["action"] for row in AuditPending.objects.order_by("id")]


def test_a_new_key_is_shown_once_in_a_curl_that_works(ada: Browser) -> None:
    page = ada.post(PAGE + "new/", TILL)
    text = re.findall(r"sk_[a-f0-9]{10}_[\w-]{20,}", text_of(page))[0]
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.matching(text)
    assert key is not None
    assert key.client.name == "till"
    assert key.scopes == ["decisions:write", "events:write"]
    assert timedelta(days=89) < key.expires_at - timezone.now() < timedelta(days=91)
    assert f"Bearer {text}" in text_of(page)
    sent = Browser().post(
        "/api/v1/events/",
        {"type": "login.failed", "member_id": "mia", "ip": "81.2.69.142"},
        "application/json",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert sent.status_code in (200, 201, 202)
    again = text_of(ada.get(PAGE))
    assert text not in again
    assert str(key) in again
    assert "api_key.created" in audited()


def test_what_cannot_be_taken_comes_back_as_it_was_typed(ada: Browser) -> None:
    page = ada.post(PAGE + "new/", {**TILL, "scopes": []})
    assert page.status_code == 400
    assert "at least one thing" in text_of(page)
    assert 'value="till"' in text_of(page)
    assert not ApiKey.objects.exists()


def test_a_key_of_high_trust_has_to_sign(ada: Browser) -> None:
    ada.post(PAGE + "new/", {**TILL, "trust": "high"})
    assert ApiKey.objects.get().requires_signature


def test_a_replaced_key_works_for_one_more_day_and_no_longer_than_it_would_have(ada: Browser) -> None:
    lasting, ending = made(), made(expires_at=timezone.now() + timedelta(hours=2))
    for old, most in ((lasting, timedelta(days=1)), (ending, timedelta(hours=2))):
        page = ada.post(f"{PAGE}{old.prefix}/rotate/")
        assert "sk_" in text_of(page)
        old.refresh_from_db()
        assert old.expires_at <= timezone.now() + most
        assert ApiKey.objects.live().filter(pk=old.pk).exists()
    assert audited().count("api_key.rotated") == 2
    clients.revoke(lasting, actor=SYSTEM)
    assert ada.post(f"{PAGE}{lasting.prefix}/rotate/").status_code == 302
    assert ApiKey.objects.count() == 4


def test_a_revoked_key_opens_nothing_and_the_step_is_taken_back_within_half_a_minute(ada: Browser) -> None:
    key = made()
    said = ada.post(f"{PAGE}{key.prefix}/revoke/", headers={"X-Page": "live"}).json()
    assert not ApiKey.objects.live().exists()
    assert ada.post(said["undo"], headers={"X-Page": "live"}).json()["message"] == "The key works again."
    assert ApiKey.objects.live().exists()
    assert audited()[-2:] == ["api_key.revoked", "api_key.restored"]
    ApiKey.objects.update(revoked_at=timezone.now() - timedelta(seconds=40))
    assert ada.post(said["undo"], headers={"X-Page": "live"}).status_code == 409
    assert not ApiKey.objects.live().exists()


def test_each_key_says_how_it_is(ada: Browser) -> None:
    now = timezone.now()
    for fields, words in (
        ({}, "Not used yet"),
        ({"last_used_at": now}, "In use"),
        ({"last_used_at": now - timedelta(days=100)}, "Not used for long"),
        ({"expires_at": now + timedelta(days=3)}, "Ends soon"),
        ({"expires_at": now - timedelta(days=3)}, "ended"),
        ({"revoked_at": now}, "revoked"),
    ):
        ApiKey.objects.all().delete()
        ApiKey.objects.filter(pk=made().pk).update(**fields)
        assert words in text_of(ada.get(PAGE))


def test_who_only_reads_sees_no_forms(auditor: Browser) -> None:
    made()
    shown = text_of(auditor.get(PAGE)).split("<main")[1].split("</main>")[0]
    assert "<form" not in shown
    assert "shop" in shown


def test_an_apps_name_is_only_text(ada: Browser) -> None:
    ada.post(PAGE + "new/", {**TILL, "app": "<img src=x onerror=alert(1)>"})
    assert "<img src=x" not in text_of(ada.get(PAGE))
