"""Registers the app."""

from __future__ import annotations

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The queue's door."""

    name = "tasks"
