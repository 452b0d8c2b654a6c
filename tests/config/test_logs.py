"""No secret reaches a log line, named or not."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

import pytest
import structlog

from config import logs

KEY = "sk_demo1234_Zx9Q0aLmN8bVcXk7JhGfDsA5"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"client sent {KEY} to us", "Zx9Q0aLmN8bVcXk7JhGfDsA5"),
        (f"Authorization: Bearer {KEY}", "Zx9Q0aLmN8bVcXk7JhGfDsA5"),
        ("authorization=Basic b3BlcmF0b3I6cGFzcw==", "b3BlcmF0b3I6cGFzcw"),
        ("your code is 48213907", "48213907"),
        ("your code is 4821 3907", "4821 3907"),
        ("code=482139", "482139"),
        ("paid with 4111 1111 1111 1111 today", "1111 1111 1111"),
        ("paid with 5555-5555-5555-4444.", "5555-5555-4444"),
        ("GET /portal/eyJhbGciOi.x-y_z/ 200", "eyJhbGciOi"),
        ("GET /login/password/MTI/dig1y1-154a3a7619eab/ 200", "dig1y1"),
        ("GET /answer/kF3-x_y.z/ 200", "kF3"),
        ("redis://:s3cr3tpass@127.0.0.1:6379/0", "s3cr3tpass"),
        ("{'password': 'correct horse', 'user': 'mia'}", "correct"),
        ("Cookie: sessionid=abc123def456; csrftoken=zzz", "abc123def456"),
    ],
)
def test_secrets_in_free_text_are_hidden(text: str, secret: str) -> None:
    assert secret not in logs.masked(text)
    assert logs.HIDDEN in logs.masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "event 0193b2c4-1234-7567-8901-abcdefabcdef judged",
        "cursor 0000000000001234",
        "at 2026-11-22T15:52:36.501263Z",
        "took 12.345678 s, 1234567 rows",
        "member m-10293847x is locked",
        "order 1234567890123456",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert logs.masked(text) == text


@pytest.mark.parametrize(
    "name", ["password", "api_key", "otp", "code", "Authorization", "sessionid", "cvc", "otp_secret"]
)
def test_a_value_under_a_secret_name_is_hidden_whole(name: str) -> None:
    assert logs.mask_secrets(None, "info", {name: "anything at all"})[name] == logs.HIDDEN


def test_secrets_are_found_at_any_depth() -> None:
    event = {"event": "x", "facts": {"list": [{"token": "abc"}, f"key {KEY}"], "n": 48213907, "b": KEY.encode()}}
    text = str(logs.mask_secrets(None, "info", event))
    for secret in ("abc", "Zx9Q0aLm", "48213907"):
        assert secret not in text


@pytest.fixture
def json_lines() -> Any:
    """Everything logged inside, as production would write it."""
    configuration = logs.configuration(level="DEBUG", json=True)
    stream = io.StringIO()
    configuration["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logging.config.dictConfig(configuration)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_production_writes_one_json_object_a_line(json_lines: Any) -> None:
    logging.getLogger("secureretail.test").warning("two\nlines for %s", "mia")
    structlog.get_logger("secureretail.test").info("judged", member="mia", risk_score=72)
    first, second = json_lines()
    assert first["event"] == "two\nlines for mia"
    assert (second["event"], second["member"], second["risk_score"], second["level"]) == ("judged", "mia", 72, "info")


def test_exceptions_are_masked_too(json_lines: Any) -> None:
    try:
        raise ValueError(f"cannot use {KEY}")
    except ValueError:
        logging.getLogger("secureretail.test").exception("it failed")
    (line,) = json_lines()
    assert "ValueError" in line["exception"]
    assert "Zx9Q0aLm" not in json.dumps(line)
