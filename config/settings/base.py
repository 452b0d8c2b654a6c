"""What holds everywhere. Nothing here is read from the environment but through config.env."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.settings import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 - settings are read by name
from config import addresses, env, logs, secret_keys

ENVIRONMENT = env.read(os.environ)
BASE_DIR = env.ROOT
DATA_DIR: Path = ENVIRONMENT.data_dir
RUN_DIR = DATA_DIR / "run"
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
RUN_DIR.mkdir(exist_ok=True, mode=0o700)

DEMO = ENVIRONMENT.demo
MODE = ENVIRONMENT.mode
DEBUG = ENVIRONMENT.debug
WORKERS = ENVIRONMENT.workers
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
STAFF_EMAIL = ENVIRONMENT.staff_email
SMS_URL = ENVIRONMENT.sms_url
SMS_COUNTRIES = ENVIRONMENT.sms_countries
NOTIFY_URLS = ENVIRONMENT.notify_urls
WEBHOOKS_TO_LOOPBACK = ENVIRONMENT.webhooks_to_loopback
MODEL_DETECTORS = ENVIRONMENT.model_detectors
GEOIP_CITY_DB = str(ENVIRONMENT.geoip_city_db) if ENVIRONMENT.geoip_city_db else None
PUBLIC_URL = ENVIRONMENT.public_url or f"http://127.0.0.1:{ENVIRONMENT.port}"

# --- keys -------------------------------------------------------------------------------------------------
_keys = secret_keys.load(DATA_DIR, ENVIRONMENT.keys)
SECRET_KEY = _keys["SECRET_KEY"]
OTP_KEY = _keys["OTP_KEY"]
MODEL_KEY = _keys["MODEL_KEY"]
MODEL_KEY_BEFORE = _keys.get("MODEL_KEY_BEFORE", "")
AUDIT_KEY = _keys["AUDIT_KEY"]
DEVICE_KEY = _keys["DEVICE_KEY"]
WEBHOOK_KEY = _keys["WEBHOOK_KEY"]
KEY_IDS = {name: secret_keys.key_id(_keys[name]) for name in secret_keys.KEYS}

# --- apps -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "django_structlog",
    "django_htmx",
    "detection",
    "tasks",
    "api",
    "realtime",
    "frontend_templates",
    "config",
]

# The last one is synchronous only, which keeps the whole chain on one thread; a chain of mixed kinds
# would change threads at every step.
MIDDLEWARE = [
    "config.middleware.RequestIds",
    "config.middleware.Headers",
    "config.middleware.FramedCookies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.SessionLimits",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database ---------------------------------------------------------------------------------------------
#: True in the web process: its requests each run on a thread of their own, so connections come from a pool.
WEB = os.environ.get("SECURERETAIL_PART") == "web"


def _database() -> dict[str, Any]:
    found = dict(ENVIRONMENT.database or {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "db.sqlite3")})
    found.setdefault("OPTIONS", {})
    if found["ENGINE"].endswith("sqlite3"):
        found["ENGINE"] = "config.sqlite3"
        found["OPTIONS"] |= {
            # Without IMMEDIATE a read-then-write transaction fails at once when another one wrote in between.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000;"
            ),
        }
        return found
    found["OPTIONS"].setdefault("connect_timeout", 5)
    found["CONN_HEALTH_CHECKS"] = True
    if WEB:
        found["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 20, "timeout": 5}
    else:
        found["CONN_MAX_AGE"] = 600
    return found


DATABASES = {"default": _database()}
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")

# --- Redis ------------------------------------------------------------------------------------------------
#: Written by the runner, so that every command on the same data folder finds the running server.
EMBEDDED_REDIS_FILE = RUN_DIR / "valkey.url"


def _redis_url() -> str:
    if ENVIRONMENT.redis_url:
        return ENVIRONMENT.redis_url
    try:
        return EMBEDDED_REDIS_FILE.read_text().strip() or addresses.NOBODY_LISTENS_HERE
    except OSError:
        return addresses.NOBODY_LISTENS_HERE


_redis = addresses.redis_settings(_redis_url(), ENVIRONMENT.redis_urls)
REDIS_URL: str = _redis["REDIS_URL"]
REDIS_BROKER_URL: str = _redis["REDIS_BROKER_URL"]
REDIS_CHANNELS_URL: str = _redis["REDIS_CHANNELS_URL"]
REDIS_FEATURES_URL: str = _redis["REDIS_FEATURES_URL"]
CELERY_BROKER_URL: str = _redis["CELERY_BROKER_URL"]
CHANNEL_LAYERS: dict[str, Any] = _redis["CHANNEL_LAYERS"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "secureretail"}}

# --- Celery -----------------------------------------------------------------------------------------------
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,  # above the hard time limit, or a slow task would be handed out twice
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # safe: an attempt is counted in the database before the work starts
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 30
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_TASK_DEFAULT_QUEUE = "events"
CELERY_TASK_ROUTES = {
    "tasks.events.*": {"queue": "events"},
    "tasks.notices.*": {"queue": "notices"},
    "tasks.expiry.*": {"queue": "upkeep"},
    "tasks.learning.*": {"queue": "upkeep"},
    "tasks.upkeep.*": {"queue": "upkeep"},
}
WORKER_QUEUES = ("events",)  # of the worker that judges …
CHORES_QUEUES = ("notices", "upkeep")  # … and of the one for everything that may hang or take long
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = min(WORKERS or 2, 2) if ON_SQLITE else (WORKERS or max(2, os.cpu_count() or 2))
CHORES_CONCURRENCY = 2  # one at a hanging mail server, one for the rest
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 10_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000  # kilobytes
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# Celery asks for this one under its full name.
CELERY_CELERY_DB_REUSE_MAX = CELERY_DB_REUSE_MAX = 1000
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "tasks.schedule:PulseScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(RUN_DIR / "beat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = DJANGO_STRUCTLOG_CELERY_TASK_SUCCESS_LOG_LEVEL = 10

# --- people -----------------------------------------------------------------------------------------------
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

SESSION_IDLE = timedelta(minutes=30)
SESSION_ABSOLUTE = timedelta(hours=12)
STAFF_SESSION_IDLE = timedelta(minutes=15)
STAFF_SESSION_ABSOLUTE = timedelta(hours=8)
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE.total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

#: No request body may be larger; the doors have smaller limits of their own.
LARGEST_BODY = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_BODY
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# --- mail -------------------------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.email_from
EMAIL_TIMEOUT = 10
OUTBOX_DIR = DATA_DIR / "outbox"
if ENVIRONMENT.email:
    globals().update(ENVIRONMENT.email)
elif DEMO:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(OUTBOX_DIR)
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# --- static files, words, time ----------------------------------------------------------------------------
STATIC_URL = "/static/"
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- logs -------------------------------------------------------------------------------------------------
LOGGING = logs.configuration(level=ENVIRONMENT.log_level, json=False)
logs.configure_structlog()
