"""Production: starts only when nothing is left at a default that would hurt."""

from __future__ import annotations

from config import logs, secret_keys
from config.env import EnvironmentFault
from config.settings.base import *  # noqa: F403
from config.settings.base import DATA_DIR, ENVIRONMENT, KEY_IDS

_faults = []
if "SECRET_KEY" not in ENVIRONMENT.keys:
    _faults.append(secret_keys.weakness("SECRET_KEY", ""))
_faults += [secret_keys.weakness(name, key) for name, key in ENVIRONMENT.keys.items()]
if len(set(KEY_IDS.values())) < len(KEY_IDS):
    _faults.append("Two of the keys are the same. Give each its own, so that losing one does not lose the others.")
if ENVIRONMENT.debug:
    _faults.append("DEBUG shows secrets to strangers. Leave it out.")
if ENVIRONMENT.demo:
    _faults.append("DEMO makes accounts with known passwords. Leave it out.")
if ENVIRONMENT.webhooks_to_loopback:
    _faults.append("WEBHOOKS_TO_LOOPBACK lets webhooks reach this very machine. Leave it out.")
if not ENVIRONMENT.allowed_hosts or "*" in ENVIRONMENT.allowed_hosts:
    _faults.append("ALLOWED_HOSTS must list the host names this installation answers to, and not *.")
if any(_faults):
    _lines = "\n".join(f"  {fault}" for fault in _faults if fault)
    raise EnvironmentFault(f"This is not safe to run in production:\n{_lines}")

# Health checks come from the machine itself.
ALLOWED_HOSTS = [*ENVIRONMENT.allowed_hosts, "127.0.0.1", "localhost"]
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
PUBLIC_URL = ENVIRONMENT.public_url or f"https://{ENVIRONMENT.allowed_hosts[0].lstrip('.')}"

STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LOGGING = logs.configuration(level=ENVIRONMENT.log_level, json=True)
