"""Registers the app."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The programs' door."""

    name = "api"
