"""Carrying webhooks: at least once, for a day, one at a time to each endpoint, and never long to one that hangs."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Min, Q
from django.utils import timezone

from detection import conf
from detection.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from detection.response import notifications
from detection.response.webhooks import signing
from detection.response.webhooks.post import Answer, post
from detection.work import unit_of_work

#: After try 1, 2, … a message waits about so long; together a day.
WAITS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800))
JITTER = 0.2
#: An endpoint that failed is left alone, twice as long each time in a row, up to a bound.
PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
HELD_FOR = timedelta(seconds=30)
HANDFUL = 50
GONE = 410

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Delivered:
    sent: int = 0
    failed: int = 0


def deliver_due(*, seconds: float = 10.0, now: datetime | None = None) -> Delivered:
    """Carry what is due, the endpoint that waits longest first. Never call it inside a transaction: it talks to
    strangers. Two at once never serve the same endpoint."""
    now = now or timezone.now()
    done = Delivered()
    if not conf.current().enforcing:
        return done
    _give_up(now)
    until = time.monotonic() + seconds
    for endpoint in _ready(now):
        if time.monotonic() >= until:
            break
        if not _hold(endpoint, now):
            continue
        try:
            _serve(endpoint, done, until, now)
        finally:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(held_until=None)
    return done


def _ready(now: datetime) -> list[WebhookEndpoint]:
    due = Q(deliveries__sent_at=None, deliveries__failed_at=None, deliveries__due_at__lte=now)
    waiting = WebhookEndpoint.objects.filter(_free(now), due, disabled_at=None)
    return list(waiting.annotate(oldest=Min("deliveries__due_at")).order_by("oldest"))


def _free(now: datetime) -> Q:
    return (Q(held_until=None) | Q(held_until__lte=now)) & (Q(open_until=None) | Q(open_until__lte=now))


def _hold(endpoint: WebhookEndpoint, now: datetime) -> bool:
    return bool(WebhookEndpoint.objects.filter(_free(now), pk=endpoint.pk).update(held_until=now + HELD_FOR))


def _serve(endpoint: WebhookEndpoint, done: Delivered, until: float, now: datetime) -> None:
    """Messages to one endpoint, oldest first, until one fails or the time is up."""
    due = WebhookDelivery.objects.filter(endpoint=endpoint, sent_at=None, failed_at=None, due_at__lte=now)
    for delivery in due.select_related("message").order_by("due_at", "id")[:HANDFUL]:
        if time.monotonic() >= until:
            return
        if not _claim(delivery, now):
            continue
        message = delivery.message
        answer = post(
            endpoint.url,
            body=message.body.encode(),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                **signing.headers(endpoint, message, timezone.now()),
            },
            loopback=conf.current().webhooks_to_loopback,
        )
        WebhookAttempt.objects.create(
            delivery=delivery, status=answer.status, error=answer.error, duration_ms=answer.duration_ms
        )
        if not answer.taken:
            done.failed += 1
            _failed(endpoint, answer, now)
            return
        done.sent += 1
        WebhookDelivery.objects.filter(pk=delivery.pk).update(sent_at=timezone.now())
        if endpoint.failures:
            endpoint.failures = 0
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures=0, failing_since=None, open_until=None)


def _claim(delivery: WebhookDelivery, now: datetime) -> bool:
    """Count the attempt and set the next date before the message goes out, on condition that nobody else did."""
    wait = _jittered(WAITS[min(delivery.tries, len(WAITS) - 1)])
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, sent_at=None, failed_at=None)
    return bool(mine.update(attempts=F("attempts") + 1, tries=F("tries") + 1, due_at=now + wait))


def _failed(endpoint: WebhookEndpoint, answer: Answer, now: datetime) -> None:
    """Leave it alone for a while; one that is gone, or has failed for days, is switched off and staff are told."""
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    pause = _jittered(min(PAUSE * 2 ** min(endpoint.failures - 1, 10), LONGEST_PAUSE))
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    rows.update(failures=endpoint.failures, failing_since=endpoint.failing_since, open_until=now + pause)
    logger.info("webhook.not_taken", endpoint=str(endpoint.pk), answer=answer.words, failures=endpoint.failures)
    days = conf.WEBHOOK_DISABLED_AFTER.days
    if answer.status == GONE:
        _switch_off(endpoint, "it answered that it is gone (410)", now)
    elif endpoint.failing_since <= now - conf.WEBHOOK_DISABLED_AFTER:
        _switch_off(endpoint, f"it failed for {days} days without one success", now)


def _switch_off(endpoint: WebhookEndpoint, why: str, now: datetime) -> None:
    with unit_of_work() as work:
        if WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None).update(disabled_at=now, disabled_why=why):
            work.audit("webhook_endpoint.disabled", target=f"webhook:{endpoint.pk}", why=why)
            notifications.to_staff(work, "webhook.disabled", context=_words(endpoint, why=why))


def _give_up(now: datetime) -> None:
    """What has been on its way for a day is given up, and said."""
    late = WebhookDelivery.objects.filter(sent_at=None, failed_at=None, until__lte=now)
    first = late.select_related("endpoint").first()
    if first is None:
        return
    with unit_of_work() as work:
        count = late.update(failed_at=now)
        work.audit("webhook.given_up", target=f"webhook:{first.endpoint_id}", count=count)
        notifications.page_once("webhook.lost", context=_words(first.endpoint, count=count))


def _words(endpoint: WebhookEndpoint, **more: object) -> dict[str, object]:
    page = notifications.letters.page(f"/admin_dashboard/webhooks/{endpoint.pk}/")
    return {"endpoint": endpoint.name or endpoint.url.split("?")[0], "endpoint_page": page, **more}


def _jittered(wait: timedelta) -> timedelta:
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
