"""What the environment may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import addresses, env
from config.env import EnvironmentFault


def test_an_empty_environment_is_enough() -> None:
    found = env.read({})
    assert (found.port, found.port_is_explicit) == (8000, False)
    assert (found.flower_port, found.host, found.mode) == (5555, "127.0.0.1", "live")
    assert found.data_dir == env.ROOT / "var"
    assert not found.demo
    assert not found.debug
    assert found.database is None
    assert found.redis_url is None


def test_an_empty_value_counts_as_absent() -> None:
    assert env.read({"PORT": "", "DATABASE_URL": " ", "DEMO": ""}) == env.read({})


def test_a_full_environment_is_understood(tmp_path: Path) -> None:
    found = env.read({
        "PORT": "9000",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql:///shop?host=/run/pg",
        "REDIS_URL": "redis://:word@127.0.0.1:6379/4",
        "ALLOWED_HOSTS": "a.example.com, .example.org",
        "TRUSTED_PROXIES": "2",
        "WORKERS": "3",
        "DEMO": "true",
        "MODE": "SHADOW",
        "EMAIL_URL": "smtp://127.0.0.1:2525",
        "NOTIFY_URLS": "json://127.0.0.1/a slack://T/A/B",
    })  # fmt: skip
    assert found.port_is_explicit
    assert found.database is not None
    assert found.database["OPTIONS"] == {"host": "/run/pg"}
    assert found.allowed_hosts == ["a.example.com", ".example.org"]
    assert (found.trusted_proxies, found.workers, found.demo, found.mode) == (2, 3, True, "shadow")
    assert found.email is not None
    assert (found.email["EMAIL_HOST"], found.email["EMAIL_PORT"]) == ("127.0.0.1", 2525)
    assert "EMAIL_USE_TLS" not in found.email
    assert len(found.notify_urls) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8000.5"),
        ("FLOWER_PORT", "-1"),
        ("DEBUG", "maybe"),
        ("DEMO", "2"),
        ("MODE", "observe"),
        ("WORKERS", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ALLOWED_HOSTS", "https://shop.example.com"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgresql://host:port/name"),
        ("DATABASE_URL", "mysql://host/name"),
        ("REDIS_URL", "memcached://host"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "redis://host/15"),
        ("EMAIL_URL", "host:25"),
        ("EMAIL_URL", "smtp://"),
        ("SMS_URL", "+49"),
        ("SMS_COUNTRIES", "+44,Germany"),
        ("NOTIFY_URLS", "ops@example.com"),
        ("GEOIP_CITY_DB", "/there/is/no/such.mmdb"),
        ("STAFF_EMAIL", "staff"),
        ("PUBLIC_URL", "shop.example.com"),
        ("HOST", "not a host"),
        ("SECRET_KEY_FILE", "/there/is/no/such/file"),
    ],
)
def test_a_malformed_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(EnvironmentFault, match=rf"\b{name}: "):
        env.read({name: value})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(EnvironmentFault) as fault:
        env.read({"PORT": "x", "MODE": "y", "WORKERS": "z"})
    assert all(name in str(fault.value) for name in ("PORT", "MODE", "WORKERS"))


def test_a_fault_does_not_repeat_a_password() -> None:
    with pytest.raises(EnvironmentFault) as fault:
        env.read({"DATABASE_URL": "mysql://shop:hunter2@host/db", "REDIS_URL": "http://:hunter2@host"})
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "shop.example.com"])
def test_the_demo_is_refused_where_others_can_reach_it(host: str) -> None:
    with pytest.raises(EnvironmentFault, match="DEMO"):
        env.read({"DEMO": "1", "HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_the_demo_runs_on_loopback(host: str) -> None:
    assert env.read({"DEMO": "1", "HOST": host}).demo


def test_broker_channels_and_features_never_share_a_database() -> None:
    separate = dict.fromkeys(("REDIS_BROKER_URL", "REDIS_CHANNELS_URL", "REDIS_FEATURES_URL"))
    found = addresses.redis_settings("redis://:word@127.0.0.1:6379/4", separate)
    assert found["REDIS_BROKER_URL"] == found["CELERY_BROKER_URL"] == "redis://:word@127.0.0.1:6379/4"
    assert found["REDIS_CHANNELS_URL"].endswith("/5")
    assert found["REDIS_FEATURES_URL"].endswith("/6")


def test_a_part_may_have_a_server_of_its_own() -> None:
    separate = {"REDIS_BROKER_URL": "redis://broker/0", "REDIS_CHANNELS_URL": None, "REDIS_FEATURES_URL": None}
    found = addresses.redis_settings("redis://one/0", separate)
    assert found["CELERY_BROKER_URL"] == "redis://broker/0"
    assert found["REDIS_FEATURES_URL"] == "redis://one/2"
