"""The bell: what was announced wakes the tasks that attend to it.

Losing a ring costs only latency, for beat rings too. So ringing never holds or fails whoever announces: it happens on
a courier's thread, equal rings that wait are one, and a queue that holds enough rings for every worker gets no more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog
from celery import current_app
from django.conf import settings

from detection.announcements import (
    AuditWaiting,
    EventsAccepted,
    OutboxFilled,
    TrainingAsked,
    TrialAsked,
    WebhooksWaiting,
    announced,
)
from tasks.breaker import Breaker
from tasks.courier import Courier
from tasks.queues import queue_of

logger = structlog.get_logger(__name__)

DRAIN, DELIVER, SEQUENCE = "tasks.events.drain", "tasks.notices.deliver", "tasks.upkeep.sequence_audit"
BACKTEST = "tasks.rules.backtest"
TRAIN = "tasks.learning.train_now"
TELL_SHOP = "tasks.webhooks.deliver"
#: A ring is of no use once the sweeper has been by several times.
STALE_RING = 60

_breaker = Breaker()


def connect() -> None:
    """Listen to what is announced in this process."""
    announced.connect(_on_events, sender=EventsAccepted, dispatch_uid="tasks.bell.events")
    announced.connect(_on_outbox, sender=OutboxFilled, dispatch_uid="tasks.bell.outbox")
    announced.connect(_on_audit, sender=AuditWaiting, dispatch_uid="tasks.bell.audit")
    announced.connect(_on_webhooks, sender=WebhooksWaiting, dispatch_uid="tasks.bell.webhooks")
    announced.connect(_on_trial, sender=TrialAsked, dispatch_uid="tasks.bell.trial")
    announced.connect(_on_training, sender=TrainingAsked, dispatch_uid="tasks.bell.training")


def wake(name: str) -> None:
    """Ring for a task by name, soon and at most once while the ring waits."""
    (_slow_bell if name == SEQUENCE else _bell).post(name)


def _on_events(**_: Any) -> None:
    wake(DRAIN)


def _on_outbox(**_: Any) -> None:
    wake(DELIVER)


def _on_webhooks(**_: Any) -> None:
    wake(TELL_SHOP)


def _on_audit(**_: Any) -> None:
    wake(SEQUENCE)


def _on_trial(**_: Any) -> None:
    wake(BACKTEST)


def _on_training(**_: Any) -> None:
    wake(TRAIN)


def _ring(names: Sequence[str]) -> None:
    """Publish, and keep trying while the broker is away: new rings meanwhile fold into those that wait."""
    left = list(dict.fromkeys(names))
    while left:
        try:
            _publish(left[0])
        except Exception as error:  # noqa: BLE001 - a broker can be away in many ways, and none may end the thread
            if not _breaker.troubled:
                logger.warning("bell.broker_away", error=type(error).__name__)
            time.sleep(_breaker.failed())
        else:
            if _breaker.troubled:
                logger.info("bell.broker_back")
            _breaker.worked()
            left.pop(0)


def _publish(name: str) -> None:
    with current_app.producer_or_acquire() as producer:
        if not _rung_enough(producer, queue_of(name)):
            current_app.send_task(name, producer=producer, retry=False, expires=STALE_RING)


def _rung_enough(producer: Any, queue: str) -> bool:
    """Whether as many rings wait as there are workers: each of them will look when it is free, and sees what is there
    by then."""
    return bool(producer.channel.client.llen(queue) >= settings.CELERY_WORKER_CONCURRENCY)


_bell: Courier[str] = Courier("bell", _ring, every=0.005, once=True)
_slow_bell: Courier[str] = Courier("slow-bell", _ring, every=0.4, once=True)
