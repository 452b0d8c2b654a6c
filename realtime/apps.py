"""Registers the app and its listeners."""

from __future__ import annotations

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """The live door."""

    name = "realtime"

    def ready(self) -> None:
        from realtime import receivers

        receivers.connect()
