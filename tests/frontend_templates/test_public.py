"""Home, and the demo's outbox."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client as Browser

from tests.frontend_templates.conftest import text_of

FILES = "django.core.mail.backends.filebased.EmailBackend"
USERS = [{"role": "admin", "username": "ada", "password": "ada's own password"}]


@pytest.fixture
def demo(settings: Any, tmp_path: Path) -> Path:
    settings.DEMO = True
    settings.DATA_DIR = tmp_path
    settings.EMAIL_FILE_PATH = str(tmp_path / "outbox")
    (tmp_path / "demo.json").write_text(json.dumps({"users": USERS, "api_key": "sk_demo_key"}))
    return tmp_path


def test_home_says_what_this_is_and_where_to_go(stranger: Browser) -> None:
    page = text_of(stranger.get("/"))
    for seen in ("Stops account takeovers", "/login/", "/api/docs/", "curl -X POST", "YOUR_KEY"):
        assert seen in page
    assert "demo data" not in page


def test_the_demo_shows_its_sign_ins_and_key_on_this_machine_alone(stranger: Browser, demo: Path) -> None:
    page = text_of(stranger.get("/"))
    assert "ada&#x27;s own password" in page
    assert "sk_demo_key" in page
    assert "Be a member in danger" in page
    for elsewhere in (
        stranger.get("/", REMOTE_ADDR="192.0.2.7"),
        stranger.get("/login/", REMOTE_ADDR="192.0.2.7"),
        stranger.get("/", headers={"X-Forwarded-For": "192.0.2.7"}),
    ):
        assert "own password" not in text_of(elsewhere)
        assert "sk_demo_key" not in text_of(elsewhere)


def test_outside_the_demo_a_left_over_file_tells_nothing(stranger: Browser, demo: Path, settings: Any) -> None:
    settings.DEMO = False
    assert "own password" not in text_of(stranger.get("/"))


def send(subject: str, body: str, connection: BaseEmailBackend | None = None) -> None:
    connection = connection or get_connection(FILES)
    mail = EmailMultiAlternatives(subject, body, "security@example.com", ["mia@example.com"], connection=connection)
    mail.attach_alternative("<b>never shown</b>", "text/html")
    mail.send()


def test_the_outbox_shows_mails_as_plain_text_newest_first(stranger: Browser, demo: Path) -> None:
    first, second = get_connection(FILES), get_connection(FILES)  # both live, so they write two files
    send("Erste Nachricht – grüße", "one\n\n12345678\n\ntwo", first)
    for sent in (demo / "outbox").iterdir():
        os.utime(sent, (sent.stat().st_mtime - 1,) * 2)  # a file's clock may not tell two mails of one moment apart
    send("Second", "<script>alert(1)</script> \u202etxt", second)
    page = text_of(stranger.get("/outbox/"))
    assert page.index("Second") < page.index("Erste Nachricht – grüße")
    assert "one\n\n12345678\n\ntwo" in page
    assert "&lt;script&gt;" in page
    assert "\\u202etxt" in page
    assert "never shown" not in page


def test_mails_of_one_file_are_shown_newest_first_too(stranger: Browser, demo: Path) -> None:
    together = get_connection(FILES)
    send("The first of a pair", "one", together)
    send("The second of a pair", "two", together)
    assert len(list((demo / "outbox").iterdir())) == 1
    page = text_of(stranger.get("/outbox/"))
    assert page.index("The second of a pair") < page.index("The first of a pair")


def test_an_empty_outbox_and_a_broken_file_do_no_harm(stranger: Browser, demo: Path) -> None:
    assert "No mail yet" in text_of(stranger.get("/outbox/"))
    folder = demo / "outbox"
    folder.mkdir()
    (folder / "broken.log").write_bytes(b"\xff\x00\n\n" + b"-" * 79 + b"\n")
    assert stranger.get("/outbox/").status_code == 200
