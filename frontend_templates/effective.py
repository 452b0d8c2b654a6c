"""What this installation is set to, in plain words: what counts now, whether somebody set it, and never a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from api.permissions import RENEWED_WITHIN
from detection import conf
from frontend_templates import wording

HIDDEN = "•••••• (kept secret)"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its variable where it has one, what counts, what that means, and whether somebody set it."""

    name: str
    value: str
    text: str
    variable: str = ""

    @property
    def is_set(self) -> bool:
        own = os.environ.get("CHOSEN_BY_RUNNER", "").split(",")
        names = [name.strip() for name in self.variable.split(",")]
        return any(os.environ.get(name) for name in names if name not in own)


def groups() -> list[tuple[str, list[Setting]]]:
    """Every setting, by what it is about."""
    return [(title, list(make())) for title, make in GROUPS]


def _what_it_does() -> Iterable[Setting]:
    now = conf.current()
    yield Setting(
        "Mode",
        "Live" if now.enforcing else "Shadow",
        "Locks are placed and people are told."
        if now.enforcing
        else "Everything is computed and shown; nothing is enforced or sent.",
        "MODE",
    )
    yield Setting(
        "Demo",
        _switch(now.demo),
        "Known sign-ins, invented data, this computer only." if now.demo else "Real people, real data.",
        "DEMO",
    )
    detectors = ", ".join(f"{kind}: {name}" for kind, name in now.model_detectors.items())
    yield Setting(
        "Models are made with", detectors or "the usual detectors", "Which detector each model uses.", "MODEL_DETECTORS"
    )
    yield Setting(
        "Places",
        "city by city" if now.geoip_city_db else "by country",
        "Read from the city database you named." if now.geoip_city_db else "Name a city database to see cities.",
        "GEOIP_CITY_DB",
    )


def _who_is_told() -> Iterable[Setting]:
    now = conf.current()
    backend = settings.EMAIL_BACKEND.rpartition(".")[0].rpartition(".")[2]
    ways = {"smtp": f"by {getattr(settings, 'EMAIL_HOST', '')}", "filebased": "into the outbox on this computer"}
    yield Setting(
        "Mail goes out", ways.get(backend, f"by {backend}"), f"From {settings.DEFAULT_FROM_EMAIL}.", "EMAIL_URL"
    )
    yield Setting("Mail to staff", now.staff_email, "Where alerts go that staff should hear of.", "STAFF_EMAIL")
    yield Setting(
        "Text messages",
        _service(now.sms_url) if now.sms_url else "none",
        "Members may have codes and warnings by text." if now.sms_url else "Codes and warnings go by mail.",
        "SMS_URL",
    )
    told = ", ".join(_service(url) for url in now.notify_urls)
    yield Setting(
        "Further ways to staff", told or "none", "When each of them speaks is set under Messages.", "NOTIFY_URLS"
    )
    yield Setting(
        "Webhooks to this machine",
        _switch(now.webhooks_to_loopback),
        "For trying things out." if now.webhooks_to_loopback else "Webhooks go to addresses the whole world can reach.",
        "WEBHOOKS_TO_LOOPBACK",
    )


def _where_it_runs() -> Iterable[Setting]:
    now = conf.current()
    yield Setting("Address in mails", now.public_url, "What links to these pages begin with.", "PUBLIC_URL")
    hosts = [host for host in settings.ALLOWED_HOSTS if host]
    yield Setting("Answers to", ", ".join(hosts), "Other names are refused.", "ALLOWED_HOSTS")
    proxies = settings.TRUSTED_PROXIES
    yield Setting(
        "Proxies in front",
        str(proxies),
        "Their word on where a call comes from is believed." if proxies else "Nobody’s word on that is believed.",
        "TRUSTED_PROXIES",
    )
    engine = "SQLite, in the data folder" if settings.ON_SQLITE else "PostgreSQL"
    advice = "For one machine." if settings.ON_SQLITE else "For several machines, with events in monthly parts."
    yield Setting("Database", engine, advice, "DATABASE_URL")
    redis = os.environ.get("REDIS_URL", "")
    own = not redis or "REDIS_URL" in os.environ.get("CHOSEN_BY_RUNNER", "").split(",")
    yield Setting(
        "Valkey or Redis",
        "the one that comes along" if own else _host(redis),
        "Started and stopped with everything else." if own else "A server of yours.",
        "REDIS_URL",
    )
    yield Setting(
        "Worker processes", str(settings.CELERY_WORKER_CONCURRENCY), "How many judge events side by side.", "WORKERS"
    )
    yield Setting("Data folder", str(now.data_dir), "Database, keys, models, logs of the demo’s mails.", "DATA_DIR")
    yield Setting("Log", settings.ENVIRONMENT.log_level.lower(), "Keys, codes and cards are masked in it.", "LOG_LEVEL")
    yield Setting("Debugging", _switch(settings.DEBUG), "On shows faults in full: never outside.", "DEBUG")


def _secrets() -> Iterable[Setting]:
    uses = {
        "SECRET_KEY": "Signs sessions and links.",
        "OTP_KEY": "One-time codes are derived from it.",
        "MODEL_KEY": "Signs the models on disk.",
        "AUDIT_KEY": "Seals the audit trail.",
        "DEVICE_KEY": "Names devices.",
        "WEBHOOK_KEY": "Webhook secrets are derived from it.",
    }
    for name, use in uses.items():
        mark = settings.KEY_IDS.get(name, "")
        text = (
            use[0].upper()
            + use[1:]
            + "."
            + (f" Its mark is {mark}: several machines must show the same." if mark else "")
        )
        yield Setting(name.replace("_", " ").capitalize(), HIDDEN, text, f"{name}, {name}_FILE")


def _fixed() -> Iterable[Setting]:
    span = wording.span
    yield Setting("A lock lasts", span(conf.LOCK_FOR), "Unless staff or the member end it sooner.")
    codes = f"{conf.CODE_TRIES} tries; a new one after {span(conf.CODE_RESEND_AFTER)}."
    yield Setting("A code lives", span(conf.CODE_LIVES), codes)
    yield Setting("An alert folds", span(conf.FOLD_FOR), "What happens again within this time joins the same alert.")
    yield Setting("Undo", span(conf.UNDO_FOR), "How long a step of staff can be taken back.")
    yield Setting("Staff are signed out", span(settings.STAFF_SESSION_IDLE), "after doing nothing for this long.")
    yield Setting("The password again", span(RENEWED_WITHIN), "after this long, before what can hurt many.")
    yield Setting(
        "Locks one app may cause",
        f"{conf.CLIENT_LOCK_CAP} in {span(conf.CLIENT_LOCK_WINDOW)}",
        "More become questions, and staff look at them under Storms.",
    )
    yield Setting("Two people decide", f"above {conf.ALONE_UP_TO} members", "when many are locked or released at once.")


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _service(url: str) -> str:
    """Which service an address is of; what follows is a secret."""
    scheme = url.partition("://")[0]
    return wording.CARRIERS.get(scheme, scheme)


def _host(url: str) -> str:
    """The machine an address names, without user, password and path."""
    return urlsplit(url).hostname or "a server"


GROUPS: tuple[tuple[str, Callable[[], Iterable[Setting]]], ...] = (
    ("What it does", _what_it_does),
    ("Who is told, and how", _who_is_told),
    ("Where it runs", _where_it_runs),
    ("Secrets", _secrets),
    ("Fixed limits", _fixed),
)
