"""Registers the app and its listeners."""

from __future__ import annotations

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The queue's door."""

    name = "tasks"

    def ready(self) -> None:
        from tasks import queues, receivers, worker

        queues.connect()
        receivers.connect()
        worker.connect()
