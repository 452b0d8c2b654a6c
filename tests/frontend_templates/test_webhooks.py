"""The webhooks' pages."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from detection.kernel.records import SYSTEM
from detection.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from detection.response.webhooks import endpoints, signing
from frontend_templates.views import webhooks

pytestmark = pytest.mark.django_db

SHOP = {"url": "https://shop.example.com/hooks", "name": "Orders", "kinds": ["alert.raised", "member.locked"]}


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    made = endpoints.create(**SHOP, actor=SYSTEM)
    assert made.endpoint is not None
    return made.endpoint


def at(endpoint: WebhookEndpoint, route: str = "webhook") -> str:
    return reverse(f"pages:{route}", args=[endpoint.pk])


def test_the_secret_of_a_new_endpoint_is_on_the_page_that_makes_it_and_on_no_other(ada) -> None:
    page = ada.post(reverse("pages:create_webhook"), SHOP)
    endpoint = WebhookEndpoint.objects.get()
    assert signing.secret(endpoint) in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    for place in (at(endpoint), reverse("pages:webhooks")):
        shown = ada.get(place).content.decode()
        assert "Orders" in shown
        assert "whsec_" not in shown


def test_what_cannot_be_taken_comes_back_as_it_was_typed_with_the_reason(ada) -> None:
    page = ada.post(reverse("pages:create_webhook"), {**SHOP, "url": "http://shop.example.com/x"})
    text = page.content.decode()
    assert page.status_code == 400
    assert "It has to begin with https://." in text
    assert 'value="http://shop.example.com/x"' in text
    page = ada.post(reverse("pages:create_webhook"), {"url": SHOP["url"]})
    assert "Choose at least one thing to be told." in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_delivery_is_told_with_its_tries_and_sent_again_with_one_button(ada, endpoint) -> None:
    delivery = endpoints.test(endpoint, actor=SYSTEM)
    WebhookAttempt.objects.create(delivery=delivery, status=503, duration_ms=12)
    WebhookAttempt.objects.create(delivery=delivery, error="no answer within 5 s", duration_ms=5003)
    WebhookDelivery.objects.update(failed_at=timezone.now(), attempts=2)
    text = re.sub(r"<[^>]+>", "", ada.get(at(endpoint)).content.decode())
    assert "Given up" in text
    assert "answered 503, 12 ms" in text
    assert "no answer within 5 s, 5003 ms" in text
    assert ada.post(at(endpoint, "replay_webhook"), {"delivery": str(delivery.pk)}).status_code == 302
    assert WebhookDelivery.objects.get().failed_at is None
    assert ada.post(at(endpoint, "replay_webhook"), {"delivery": "nonsense"}).status_code == 302


def test_it_is_tested_changed_switched_off_and_on_and_removed(ada, endpoint) -> None:
    ada.post(at(endpoint, "test_webhook"))
    assert WebhookDelivery.objects.count() == 1
    ada.post(at(endpoint, "change_webhook"), {"switch": "off"})
    assert "Switch on" in ada.get(at(endpoint)).content.decode()
    ada.post(at(endpoint, "test_webhook"))
    assert WebhookDelivery.objects.count() == 1
    ada.post(at(endpoint, "change_webhook"), {"switch": "on"})
    ada.post(at(endpoint, "change_webhook"), {**SHOP, "kinds": ["session.revoked"]})
    assert WebhookEndpoint.objects.get().kinds == ["session.revoked"]
    assert signing.secret(WebhookEndpoint.objects.get(), 2) in ada.post(at(endpoint, "rotate_webhook")).content.decode()
    ada.post(at(endpoint, "remove_webhook"))
    assert not WebhookEndpoint.objects.exists()


def test_who_only_reads_sees_no_buttons(auditor, endpoint) -> None:
    for place in (at(endpoint), reverse("pages:webhooks")):
        shown = auditor.get(place).content.decode().split("<main")[1].split("</main>")[0]
        assert "<form" not in shown


def test_older_deliveries_are_a_page_further_back_and_none_is_shown_twice(ada, endpoint, monkeypatch) -> None:
    monkeypatch.setattr(webhooks, "DELIVERIES", 2)
    sent = [endpoints.test(endpoint, actor=SYSTEM).message.webhook_id for _ in range(5)]
    seen, where = [], at(endpoint)
    while where:
        page = ada.get(where).content.decode()
        seen += re.findall(r'small break">(\w+)', page)
        older = re.search(r'rel="next" href="([^"#]+)', page)
        where = at(endpoint) + older[1] if older else ""
    assert seen == sent[::-1]
    assert "Nothing yet." not in ada.get(f"{at(endpoint)}?before=nonsense").content.decode()
