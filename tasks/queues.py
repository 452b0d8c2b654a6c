"""Which queue a task waits in: judging never waits behind a mail server, nor mail behind the training of a model."""

from __future__ import annotations

from celery import current_app

EVENTS, NOTICES, UPKEEP = QUEUES = ("events", "notices", "upkeep")

ROUTES = {
    "tasks.events.*": {"queue": EVENTS},
    "tasks.notices.*": {"queue": NOTICES},
    "tasks.webhooks.*": {"queue": NOTICES},
    "tasks.*": {"queue": UPKEEP},
}


def connect() -> None:
    """Give every task of this process's app its queue."""
    current_app.conf.task_routes = ROUTES
    current_app.amqp.flush_routes()


def queue_of(task: str) -> str:
    """The queue of a task by name."""
    return str(current_app.amqp.router.route({}, task)["queue"].name)
