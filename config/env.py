"""The environment, read once and strictly: every fault is named at start, with what to do about it."""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

ROOT = Path(__file__).resolve().parent.parent
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off", ""})
MODES = ("live", "shadow")
LEVELS = ("debug", "info", "warning", "error")
REDIS_SCHEMES = ("redis", "rediss")
DATABASES = ("django.db.backends.postgresql", "django.db.backends.sqlite3")
#: Broker, channel layer and features live in three databases in a row of a server that has sixteen.
LAST_FIRST_DATABASE = 13


class EnvironmentFault(ImproperlyConfigured):
    """Something in the environment cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, with defaults for all it does not say."""

    port: int
    port_is_explicit: bool
    flower_port: int
    flower_port_is_explicit: bool
    host: str
    data_dir: Path
    database: dict[str, Any] | None
    redis_url: str | None
    redis_urls: dict[str, str | None]
    debug: bool
    allowed_hosts: list[str]
    trusted_proxies: int
    workers: int | None
    demo: bool
    demo_month: bool
    mode: str
    email: dict[str, Any] | None
    email_from: str
    staff_email: str
    sms_url: str | None
    sms_countries: list[str]
    notify_urls: list[str]
    webhooks_to_loopback: bool
    geoip_city_db: Path | None
    public_url: str | None
    model_detectors: dict[str, str]
    log_level: str
    keys: dict[str, str] = field(repr=False)

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read(environ: Mapping[str, str]) -> Settings:
    """The settings an environment asks for. Raises EnvironmentFault naming every faulty variable at once."""
    reader = _Reader(environ)
    found = Settings(
        port=reader.take("PORT", _port, 8000),
        port_is_explicit=reader.has("PORT"),
        flower_port=reader.take("FLOWER_PORT", _port, 5555),
        flower_port_is_explicit=reader.has("FLOWER_PORT"),
        host=reader.take("HOST", _host, "127.0.0.1"),
        data_dir=reader.take("DATA_DIR", _folder, ROOT / "var"),
        database=reader.take("DATABASE_URL", _database, None),
        redis_url=reader.take("REDIS_URL", _redis_first, None),
        redis_urls={
            name: reader.take(name, _redis, None)
            for name in ("REDIS_BROKER_URL", "REDIS_CHANNELS_URL", "REDIS_FEATURES_URL")
        },
        debug=reader.take("DEBUG", _switch, False),
        allowed_hosts=reader.take("ALLOWED_HOSTS", _hosts, []),
        trusted_proxies=reader.take("TRUSTED_PROXIES", _between(0, 10), 0),
        workers=reader.take("WORKERS", _between(1, 64), None),
        demo=reader.take("DEMO", _switch, False),
        demo_month=reader.take("DEMO_MONTH", _switch, True),
        mode=reader.take("MODE", _one_of(MODES), "live"),
        email=reader.take("EMAIL_URL", _email, None),
        email_from=reader.take("EMAIL_FROM", str, "SecureRetail <security@example.com>"),
        staff_email=reader.take("STAFF_EMAIL", _address, "staff@example.com"),
        sms_url=reader.take("SMS_URL", _service, None),
        sms_countries=reader.take("SMS_COUNTRIES", _countries, []),
        notify_urls=reader.take("NOTIFY_URLS", _services, []),
        webhooks_to_loopback=reader.take("WEBHOOKS_TO_LOOPBACK", _switch, False),
        geoip_city_db=reader.take("GEOIP_CITY_DB", _file, None),
        public_url=reader.take("PUBLIC_URL", _web, None),
        model_detectors=reader.take("MODEL_DETECTORS", _detectors, {}),
        log_level=reader.take("LOG_LEVEL", _one_of(LEVELS), "info").upper(),
        keys=reader.keys(),
    )
    if found.demo and not found.on_loopback:
        reader.faults.append(
            f"DEMO: the demo has known accounts and may only be bound to loopback, not to HOST={found.host}. "
            "Leave HOST out, or set DEMO=0."
        )
    reader.finish()
    return found


def with_database(url: str, database: int) -> str:
    """The same Redis server, another of its databases."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def first_database(url: str) -> int:
    """The database number a Redis address names; 0 when it names none."""
    return int(urlsplit(url).path.strip("/") or 0)


class _Reader:
    """Takes variables one by one and remembers what was wrong with them."""

    KEYS = ("SECRET_KEY", "OTP_KEY", "MODEL_KEY", "AUDIT_KEY", "DEVICE_KEY", "WEBHOOK_KEY")

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def has(self, name: str) -> bool:
        return bool(self.environ.get(name, "").strip())

    def take(self, name: str, parse: Callable[[str], Any], default: Any) -> Any:
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except (ValueError, KeyError, ImproperlyConfigured, OSError) as fault:
            self.faults.append(f"{name}: {fault}")
            return default

    def keys(self) -> dict[str, str]:
        """The secret keys given outright, or as NAME_FILE naming a file that holds one."""
        found = {}
        for name in (*self.KEYS, "MODEL_KEY_BEFORE"):
            if self.has(f"{name}_FILE"):
                found[name] = self.take(f"{name}_FILE", lambda text: Path(text).read_text().strip(), "")
            elif self.has(name):
                found[name] = self.environ[name].strip()
        return found

    def finish(self) -> None:
        if self.faults:
            lines = "\n".join(f"  {fault}" for fault in self.faults)
            raise EnvironmentFault(f"The environment has values that cannot be used:\n{lines}")


def _switch(text: str) -> bool:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ValueError(f"'{text}' is neither on nor off. Use 1 or 0.")


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
            raise ValueError(f"'{text}' is not a whole number from {low} to {high}.")
        return int(text)

    return parse


def _port(text: str) -> int:
    return _between(1, 65535)(text)


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"'{text}' is not known. Use one of: {', '.join(words)}.")
        return text.lower()

    return parse


def _host(text: str) -> str:
    if text == "localhost" or re.fullmatch(r"[A-Za-z0-9.-]{1,253}", text):
        return text
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise ValueError(f"'{text}' is not an address to listen on. Use 127.0.0.1, or 0.0.0.0 for everyone.") from None
    return text.strip("[]")


def _hosts(text: str) -> list[str]:
    hosts = [host.strip() for host in text.split(",") if host.strip()]
    for host in hosts:
        if not re.fullmatch(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]", host):
            raise ValueError(f"'{host}' is not a host name. List names with commas, without scheme or port.")
    return hosts


def _folder(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file. Name a folder; it is made when absent.")
    return path


def _file(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}. Name a city database in MaxMind's format, or leave it out.")
    return path


def _database(text: str) -> dict[str, Any]:
    advice = "Use postgresql://user:password@host:5432/name or sqlite:////path/to/file."
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = dict(Env.db_url_config(text))
        except (ValueError, KeyError, UserWarning, ImproperlyConfigured):
            raise ValueError(f"the address cannot be read. {advice}") from None
    if found.get("ENGINE") not in DATABASES or not found.get("NAME"):
        raise ValueError(f"only PostgreSQL and SQLite are known here. {advice}")
    return found


def _redis(text: str) -> str:
    advice = "Use redis://:password@host:6379/0 (rediss:// for TLS)."
    parts = urlsplit(text)
    path = parts.path.strip("/")
    if parts.scheme not in REDIS_SCHEMES or not parts.hostname or (path and not path.isdecimal()):
        raise ValueError(f"the address cannot be read. {advice}")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"its port is not a number. {advice}") from None
    return text


def _redis_first(text: str) -> str:
    url = _redis(text)
    if first_database(url) > LAST_FIRST_DATABASE:
        raise ValueError(f"three databases in a row are used, so it may name at most database {LAST_FIRST_DATABASE}.")
    return url


def _email(text: str) -> dict[str, Any]:
    advice = "Use smtp://host:port for plain SMTP, smtp+tls://user:password@host:587 or smtp+ssl://user:password@host."
    try:
        found = dict(Env.email_url_config(text))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise ValueError(f"the address cannot be read. {advice}") from None
    if found["EMAIL_BACKEND"].endswith("smtp.EmailBackend") and not found.get("EMAIL_HOST"):
        raise ValueError(f"it names no host. {advice}")
    if not found.get("EMAIL_PORT"):
        found["EMAIL_PORT"] = 465 if found.get("EMAIL_USE_SSL") else 587 if found.get("EMAIL_USE_TLS") else 25
    return {key: value for key, value in found.items() if value is not None}


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError(f"'{text}' is not an e-mail address.")
    return text


def _service(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text):
        raise ValueError("it is not an apprise address, which looks like service://rest.")
    return text


def _countries(text: str) -> list[str]:
    named = [part for part in re.split(r"[\s,]+", text.upper()) if part]
    for country in named:
        if not re.fullmatch(r"[A-Z]{2}", country):
            raise ValueError(f"'{country}' is not a country. Use two letters each: GB,DE,FR.")
    return named


def _detectors(text: str) -> dict[str, str]:
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(re.fullmatch(r"[a-z-]+", kind) and re.fullmatch(r"[A-Za-z0-9_.]+", name) for kind, _, name in pairs):
        raise ValueError("it cannot be read. Use payments=iforest,sign-ins=blend.")
    return {kind: name for kind, _, name in pairs}


def _services(text: str) -> list[str]:
    return [_service(part) for part in re.split(r"[\s,]+", text) if part]


def _web(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"'{text}' is not a web address. Use https://shop-security.example.com.")
    return text.rstrip("/")


def with_port(settings: Settings, *, port: int, flower_port: int) -> Settings:
    """The same settings on the ports that were really free."""
    return replace(settings, port=port, flower_port=flower_port)
