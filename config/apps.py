"""Makes the composition an app, so that its commands are found, and notes when someone signed in."""

from __future__ import annotations

import time
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class ConfigConfig(AppConfig):
    """The composition: settings, addresses, the queue's app and the runner."""

    name = "config"

    def ready(self) -> None:
        user_logged_in.connect(note_sign_in, dispatch_uid="config.note_sign_in")


def note_sign_in(request: Any = None, user: Any = None, **_: Any) -> None:
    """Start the clocks of a session: ``signed_in_at`` says how fresh a sign-in is."""
    if request is not None and hasattr(request, "session"):
        from config.middleware import touch

        now = time.time()
        request.session["signed_in_at"] = now
        touch(request, user, now)
