"""Keys are made once, kept closely, and never guessable in production."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import secret_keys
from config.env import EnvironmentFault
from tests.live import ROOT


def test_keys_are_made_once_and_stay(tmp_path: Path) -> None:
    first = secret_keys.load(tmp_path, {})
    assert secret_keys.load(tmp_path, {}) == first
    assert len({first[name] for name in secret_keys.KEYS}) == len(secret_keys.KEYS)


def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    secret_keys.load(tmp_path / "data", {})
    assert stat.S_IMODE((tmp_path / "data" / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_many_first_starts_at_once_agree_on_one_set(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: secret_keys.load(tmp_path, {})["OTP_KEY"], range(64)))
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_a_key_given_outright_wins(tmp_path: Path) -> None:
    assert secret_keys.load(tmp_path, {"OTP_KEY": "given"})["OTP_KEY"] == "given"


def test_a_damaged_file_is_never_replaced_in_silence(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"SECRET_KEY": ')
    with pytest.raises(EnvironmentFault, match="damaged"):
        secret_keys.load(tmp_path, {})
    assert (tmp_path / "secrets.json").read_text() == '{"SECRET_KEY": '


def test_a_key_id_tells_keys_apart_and_nothing_else() -> None:
    assert secret_keys.key_id("one") == secret_keys.key_id("one") != secret_keys.key_id("two")
    assert len(secret_keys.key_id("one")) == 8


@pytest.mark.parametrize("key", ["", "short", "django-insecure-" + "x8Kq" * 20, "changeme" * 10, "a" * 80])
def test_weak_keys_are_known(key: str) -> None:
    assert secret_keys.weakness("SECRET_KEY", key)


def _prod(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings.prod", "DATA_DIR": str(folder), **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


GOOD_KEY = "s9Jw0fKq2LzX7vBn4Rt6Yp8Mc1Dg3Hk5-aEuIoZxCvBnMqWeRtYuIoP"


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"ALLOWED_HOSTS": "shop.example.com"}, "SECRET_KEY is missing"),
        ({"ALLOWED_HOSTS": "shop.example.com", "SECRET_KEY": "short"}, "too short"),
        ({"ALLOWED_HOSTS": "shop.example.com", "SECRET_KEY": "django-insecure-" + GOOD_KEY}, "well-known"),
        ({"ALLOWED_HOSTS": "shop.example.com", "SECRET_KEY": GOOD_KEY, "DEBUG": "1"}, "DEBUG"),
        ({"ALLOWED_HOSTS": "shop.example.com", "SECRET_KEY": GOOD_KEY, "DEMO": "1"}, "DEMO"),
        ({"ALLOWED_HOSTS": "shop.example.com", "SECRET_KEY": GOOD_KEY, "OTP_KEY": GOOD_KEY}, "the same"),
        ({"ALLOWED_HOSTS": "*", "SECRET_KEY": GOOD_KEY}, "ALLOWED_HOSTS"),
        ({"SECRET_KEY": GOOD_KEY}, "ALLOWED_HOSTS"),
    ],
)
def test_production_refuses_what_would_hurt(tmp_path: Path, environ: dict[str, str], fault: str) -> None:
    ended = _prod(tmp_path, **environ)
    assert ended.returncode != 0
    assert fault in ended.stderr
    assert GOOD_KEY not in ended.stderr


def test_production_starts_when_everything_is_set(tmp_path: Path) -> None:
    ended = _prod(tmp_path, SECRET_KEY=GOOD_KEY, ALLOWED_HOSTS="shop.example.com")
    assert ended.returncode == 0, ended.stderr
    kept = json.loads((tmp_path / "secrets.json").read_text())
    assert kept["OTP_KEY"] not in ended.stdout + ended.stderr
