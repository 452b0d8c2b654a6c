"""The tasks that carry messages and webhooks."""

from __future__ import annotations

import pytest
from django.core import mail

from detection.kernel.records import SYSTEM
from detection.models import WebhookAttempt
from detection.response import notifications
from detection.response.webhooks import endpoints
from tasks import notices, webhooks

pytestmark = pytest.mark.django_db


def test_a_turn_empties_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "HANDFUL", 2)
    for _ in range(5):
        notifications.test("email", actor=SYSTEM)
    assert notices.deliver() == 5
    assert len(mail.outbox) == 5


def test_webhooks_leave_by_their_own_task(settings: pytest.FixtureRequest) -> None:
    made = endpoints.create("https://shop.example.invalid/", ["alert.raised"], actor=SYSTEM)
    assert made.endpoint is not None
    endpoints.test(made.endpoint, actor=SYSTEM)
    assert webhooks.deliver() == 0
    assert WebhookAttempt.objects.get().error.startswith("not asked")
