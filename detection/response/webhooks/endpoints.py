"""Endpoints as admins set them up: which address hears what, its secret, a test, and saying something again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.utils import timezone

from detection import conf
from detection.announcements import WebhooksWaiting, announce
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import WebhookKind
from detection.models import WebhookDelivery, WebhookEndpoint, WebhookMessage
from detection.response.webhooks import addresses
from detection.response.webhooks.signing import secret
from detection.work import unit_of_work

TEST = "webhook.test"
MOST = 50


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint with its new secret, which is shown this once. ``faults`` says why there is none."""

    endpoint: WebhookEndpoint | None = None
    secret: str = ""
    faults: tuple[str, ...] = ()


def create(url: str, kinds: Collection[str], *, actor: Actor, name: str = "") -> Made:
    """A new endpoint. Every address is looked at again each time something is sent there."""
    faults = addresses.faults(url, loopback=conf.current().webhooks_to_loopback)
    if WebhookEndpoint.objects.count() >= MOST:
        faults.append(f"There are {MOST} endpoints already.")
    if faults:
        return Made(faults=tuple(faults))
    with unit_of_work(actor) as work:
        endpoint = WebhookEndpoint.objects.create(url=url, name=name, kinds=_sorted(kinds))
        work.audit("webhook_endpoint.created", target=_target(endpoint), host=_host(url), kinds=endpoint.kinds)
    return Made(endpoint, secret(endpoint))


def change(
    endpoint: WebhookEndpoint,
    *,
    actor: Actor,
    url: str | None = None,
    name: str | None = None,
    kinds: Collection[str] | None = None,
    enabled: bool | None = None,
) -> Made:
    """Set it otherwise. Enabling forgets its failures; disabled, it is told nothing and misses what happens."""
    if url is not None:
        faults = addresses.faults(url, loopback=conf.current().webhooks_to_loopback)
        if faults:
            return Made(faults=tuple(faults))
        endpoint.url = url
    endpoint.name = endpoint.name if name is None else name
    endpoint.kinds = endpoint.kinds if kinds is None else _sorted(kinds)
    if enabled is False and endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_why = timezone.now(), f"switched off by {actor.label}"[:200]
    if enabled or url is not None:
        endpoint.failures, endpoint.failing_since, endpoint.open_until = 0, None, None
    if enabled:
        endpoint.disabled_at, endpoint.disabled_why = None, ""
    with unit_of_work(actor) as work:
        endpoint.save()
        state = "disabled" if endpoint.disabled_at else "enabled"
        work.audit(
            "webhook_endpoint.changed",
            target=_target(endpoint),
            host=_host(endpoint.url),
            kinds=endpoint.kinds,
            state=state,
        )
    return Made(endpoint)


def remove(endpoint: WebhookEndpoint, *, actor: Actor) -> None:
    """Take it away, with its log."""
    with unit_of_work(actor) as work:
        work.audit("webhook_endpoint.removed", target=_target(endpoint), host=_host(endpoint.url))
        endpoint.delete()


def rotate(endpoint: WebhookEndpoint, *, actor: Actor) -> Made:
    """A new secret. For a day messages carry the signatures of both, so receivers change over without a gap."""
    with unit_of_work(actor) as work:
        held = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        held.generation += 1
        held.previous_until = timezone.now() + conf.WEBHOOK_SECRETS_OVERLAP
        held.save(update_fields=["generation", "previous_until"])
        work.audit("webhook_endpoint.secret_rotated", target=_target(held), generation=held.generation)
    return Made(held, secret(held))


def test(endpoint: WebhookEndpoint, *, actor: Actor) -> WebhookDelivery:
    """Put a message of no meaning on its way there, like any other; its log tells what became of it."""
    now = timezone.now()
    with unit_of_work(actor) as work:
        message = WebhookMessage.saying(TEST, {"endpoint_id": str(endpoint.pk), "asked_by": actor.label}, now)
        message.save(force_insert=True)
        delivery = WebhookDelivery.to(endpoint, message, now)
        delivery.save(force_insert=True)
        work.audit("webhook_endpoint.tested", target=_target(endpoint))
        announce(WebhooksWaiting(1))
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(open_until=None)
    return delivery


def replay(endpoint: WebhookEndpoint, *, actor: Actor, deliveries: Sequence[UUID] | None = None) -> int:
    """Say again what is named, or everything that was given up; how many. The id of a message stays the same."""
    now = timezone.now()
    chosen = WebhookDelivery.objects.filter(endpoint=endpoint)
    chosen = chosen.exclude(failed_at=None) if deliveries is None else chosen.filter(pk__in=deliveries)
    with unit_of_work(actor) as work:
        moved = chosen.update(sent_at=None, failed_at=None, tries=0, due_at=now, until=now + conf.WEBHOOK_RETRIED_FOR)
        if moved:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(open_until=None)
            work.audit("webhook_endpoint.replayed", target=_target(endpoint), count=moved)
            announce(WebhooksWaiting(moved))
    return moved


def wire(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """As admins and auditors see it; never its secret."""
    return {
        "id": str(endpoint.pk),
        "url": endpoint.url,
        "name": endpoint.name,
        "kinds": endpoint.kinds,
        "state": state(endpoint),
        "failures": endpoint.failures,
        "failing_since": iso(endpoint.failing_since),
        "disabled_at": iso(endpoint.disabled_at),
        "disabled_why": endpoint.disabled_why,
        "secret_generation": endpoint.generation,
        "previous_secret_until": iso(endpoint.previous_until),
        "created_at": iso(endpoint.created_at),
    }


def state(endpoint: WebhookEndpoint) -> str:
    if endpoint.disabled_at:
        return "disabled"
    return "failing" if endpoint.failures else "active"


def delivery_wire(delivery: WebhookDelivery) -> dict[str, Any]:
    """A delivery with its attempts, oldest first. Reads ``message`` and ``log``: fetch them with it."""
    return {
        "id": str(delivery.pk),
        "webhook_id": delivery.message.webhook_id,
        "kind": delivery.message.kind,
        "state": delivery_state(delivery),
        "attempts": delivery.attempts,
        "created_at": iso(delivery.created_at),
        "sent_at": iso(delivery.sent_at),
        "next_at": None if delivery.sent_at or delivery.failed_at else iso(delivery.due_at),
        "log": [
            {"at": iso(each.at), "status": each.status, "error": each.error or None, "duration_ms": each.duration_ms}
            for each in delivery.log.all()
        ],
    }


def delivery_state(delivery: WebhookDelivery) -> str:
    if delivery.sent_at:
        return "delivered"
    return "given_up" if delivery.failed_at else "waiting"


def _sorted(kinds: Collection[str]) -> list[str]:
    return [kind.value for kind in WebhookKind if kind.value in kinds]


def _target(endpoint: WebhookEndpoint) -> str:
    return f"webhook:{endpoint.pk}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
