"""The suite: dev on a throw-away data folder and servers of its own, with a cheap password hash."""

from __future__ import annotations

from tests import services

services.start()  # before the next import reads any address

from config.settings.base import DATA_DIR, DATABASES, ON_SQLITE
from config.settings.dev import *  # noqa: F403

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if ON_SQLITE:
    # A real file: threads, sockets and workers of the same test must see one database, with WAL and its locks.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
