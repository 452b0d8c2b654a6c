"""User agents by family."""

from __future__ import annotations

import pytest

from detection.enrich.user_agent import Agent, read

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
WINDOWS = "Windows NT 10.0; Win64; x64"


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        (CHROME.format(WINDOWS, 120), "Chrome on Windows", "browser"),
        (CHROME.format(WINDOWS, 120) + " Edg/120.0", "Edge on Windows", "browser"),
        (
            CHROME.format("X11; Linux x86_64", 120).replace("Chrome", "HeadlessChrome"),
            "HeadlessChrome on Linux",
            "headless",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "bot"),
        ("Shop/5 CFNetwork/1408.0.4 Darwin/22.5.0", "Shop on iPhone", "app"),
        ("curl/8.0", "curl", "library"),
        ("python-requests/2.31", "Python Requests", "library"),
        ("sqlmap/1.7", None, "bot"),
        ("", None, "empty"),
        ("   ", None, "empty"),
        ("gibberish", None, None),
    ],
)
def test_an_agent_is_read(text: str, name: str | None, kind: str | None) -> None:
    assert read(text) == Agent(name, kind)


def test_an_update_makes_nobody_a_stranger() -> None:
    assert read(CHROME.format(WINDOWS, 119)) == read(CHROME.format(WINDOWS, 131))


def test_an_endless_agent_is_read_no_further_than_sense_goes() -> None:
    assert read(CHROME.format(WINDOWS, 120) + " x" * 100_000).name == "Chrome on Windows"
