"""Registers the app."""

from __future__ import annotations

from django.apps import AppConfig


class FrontendTemplatesConfig(AppConfig):
    """The people's door."""

    name = "frontend_templates"
