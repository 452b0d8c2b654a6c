"""One machine: nothing needs setting, nothing is reachable from outside."""

from __future__ import annotations

from config.settings.base import *  # noqa: F403
from config.settings.base import ENVIRONMENT

ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts or ["localhost", "127.0.0.1", "[::1]"]

# Static files are served from where they lie; no collecting step can be forgotten.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
