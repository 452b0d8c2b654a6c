"""Registers the app."""

from __future__ import annotations

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """The live door."""

    name = "realtime"
