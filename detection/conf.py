"""Typed settings: the only place the house reads Django's settings from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Conf:
    data_dir: Path
    demo: bool
    enforcing: bool  # False in MODE=shadow: everything is computed, nothing enforced or sent
    redis_features_url: str
    otp_key: bytes
    webhook_key: bytes
    model_key: bytes
    model_key_before: bytes  # empty when there is none
    model_detectors: dict[str, str]
    staff_email: str
    geoip_city_db: str | None
    public_url: str
    webhooks_to_loopback: bool  # plain HTTP to this very machine: for trying things out
    sms_url: str
    sms_countries: frozenset[str]  # where texts may go; empty: anywhere
    notify_urls: tuple[str, ...]


def current() -> Conf:
    """The settings as they are now; cheap, and honest under ``override_settings``."""
    return Conf(
        data_dir=Path(settings.DATA_DIR),
        demo=bool(settings.DEMO),
        enforcing=settings.MODE != "shadow",
        redis_features_url=settings.REDIS_FEATURES_URL,
        otp_key=_bytes(settings.OTP_KEY),
        webhook_key=_bytes(settings.WEBHOOK_KEY),
        model_key=_bytes(settings.MODEL_KEY),
        model_key_before=_bytes(getattr(settings, "MODEL_KEY_BEFORE", "")),
        model_detectors=dict(getattr(settings, "MODEL_DETECTORS", {})),
        staff_email=settings.STAFF_EMAIL,
        geoip_city_db=settings.GEOIP_CITY_DB or None,
        public_url=getattr(settings, "PUBLIC_URL", ""),
        webhooks_to_loopback=bool(settings.WEBHOOKS_TO_LOOPBACK),
        sms_url=settings.SMS_URL or "",
        sms_countries=frozenset(settings.SMS_COUNTRIES),
        notify_urls=tuple(settings.NOTIFY_URLS),
    )


def _bytes(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else key.encode()


# Queue
LEASE = timedelta(seconds=9)  # a dead worker's work is taken up within 15 s; the token fences off one that only slept
LEASE_AT_MOST = timedelta(seconds=40)  # a living one keeps its lease this long, past every time limit of a task
ATTEMPTS = 5
BACKOFF = (1, 4, 16, 60)  # seconds after attempt 1, 2, 3, 4
BATCH = 200
STALE_AFTER = timedelta(seconds=10)

# Live intake takes events from a day back to two minutes ahead; older ones come by import.
OLDEST = timedelta(hours=24)
NEWEST = timedelta(minutes=2)

# Alerts
FOLD_FOR = timedelta(hours=24)
UNDO_FOR = timedelta(seconds=30)

# Locks
LOCK_FOR = timedelta(hours=24)
SAFE_CONTACT_AFTER = timedelta(hours=72)
CONTACTS_FROZEN_FOR = timedelta(hours=24)  # after a lock ends
CLIENT_LOCK_CAP = 20  # automatic locks a client at normal trust may cause …
CLIENT_LOCK_WINDOW = timedelta(minutes=10)  # … in this time; the rest become restricted
RULE_LOCK_CAP = 100  # automatic locks one rule may cause in the same time, over all clients
SOURCE_LOCKS_PER_MINUTE = 5
SOURCE_LOCKS_PER_HOUR = 100

# Webhooks out
WEBHOOK_RETRIED_FOR = timedelta(days=1)
WEBHOOK_DISABLED_AFTER = timedelta(days=3)  # of failures without one success
WEBHOOK_SECRETS_OVERLAP = timedelta(days=1)
ALONE_UP_TO = 20  # members one administrator may lock or release together within ten minutes; more takes two
ALONE_WITHIN = timedelta(minutes=10)

# Codes
CODE_DIGITS = 8
CODE_LIVES = timedelta(minutes=5)
CODE_TRIES = 5
CODE_RESEND_AFTER = timedelta(seconds=60)
CODES_PER_DAY = 5
CODES_PER_SOURCE = 10  # an hour
TEXTS_PER_NUMBER = 3  # a day
TEXTS_UNNAMED = 100  # texts a day to one calling code, while SMS_COUNTRIES names no country
TRIES_PER_DAY = 20
APP_TRIES_PER_DAY = 6  # of them at codes of the app: six digits, and …
APP_CODES_THAT_FIT = 3  # … so many of them right at any moment, because a clock may be half a minute off
CONSECUTIVE_FAILURES = 100
