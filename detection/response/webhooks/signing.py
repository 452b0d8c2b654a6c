"""Secrets and signatures. A secret is derived from our key, the endpoint and its generation, so none is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from standardwebhooks.webhooks import Webhook

from detection import conf
from detection.models import WebhookEndpoint, WebhookMessage


def secret(endpoint: WebhookEndpoint, generation: int | None = None) -> str:
    """The secret of a generation, the newest unless told otherwise. Shown when it is made, and never again."""
    said = f"webhook|{endpoint.pk}|{generation or endpoint.generation}"
    digest = hmac.new(conf.current().webhook_key, said.encode(), hashlib.sha256).digest()
    return "whsec_" + base64.b64encode(digest).decode()


def headers(endpoint: WebhookEndpoint, message: WebhookMessage, now: datetime) -> dict[str, str]:
    """The three headers of the standard; while secrets overlap the message is signed with both."""
    generations = [endpoint.generation]
    if endpoint.previous_until and endpoint.previous_until > now and endpoint.generation > 1:
        generations.append(endpoint.generation - 1)
    moment = now.replace(microsecond=0)
    signed = [
        Webhook(secret(endpoint, generation)).sign(message.webhook_id, moment, message.body)
        for generation in generations
    ]
    return {
        "webhook-id": message.webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signed),
    }
