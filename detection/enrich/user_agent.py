"""What a user agent says it is, by family and never by version: an update makes nobody a stranger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

LONGEST = 1_000  # characters read; real ones stay under 400

#: Programs that drive a browser without a person before it.
HEADLESS = re.compile(
    r"headless|phantomjs|slimerjs|puppeteer|playwright|selenium|webdriver|splash/|cypress", re.IGNORECASE
)
#: Programs that look for holes.
SCANNERS = re.compile(
    r"sqlmap|nikto|nmap|masscan|zgrab|nuclei|dirbuster|gobuster|wpscan|acunetix|nessus", re.IGNORECASE
)
#: Programs and libraries that fetch without being a browser.
LIBRARIES = re.compile(
    r"^(curl|wget|python|go-http-client|java/|apache-httpclient|axios|node|undici|got |ruby|perl|libwww|php|guzzle|"
    r"aiohttp|httpx|http_request|postman|insomnia|restsharp|reqwest|scrapy|mechanize|lwp|rest-client|faraday)",
    re.IGNORECASE,
)
#: What an app gets from its phone when it does not name itself.
APP_DEFAULTS = re.compile(r"cfnetwork/|^dalvik/|^okhttp/", re.IGNORECASE)

SHORT = {"Mobile Safari UI/WKWebView": "App", "Chrome Mobile": "Chrome", "Chrome Mobile WebView": "App"}
SYSTEMS = {"Mac OS X": "Mac", "iOS": "iPhone"}
APPLE_DEVICES = ("iPhone", "iPad", "iPod")


@dataclass(frozen=True, slots=True)
class Agent:
    """``kind`` is "browser", "app", "bot", "headless", "library" or "empty"; None when nothing is known."""

    name: str | None
    kind: str | None


UNKNOWN, EMPTY = Agent(None, None), Agent(None, "empty")


class Reader(Protocol):
    """Offline data that knows user agents."""

    def __call__(self, text: str) -> Agent:
        """What a user agent string says; ``UNKNOWN`` for gibberish."""


@lru_cache(maxsize=20_000)
def read(text: str) -> Agent:
    """A user agent by ua-parser's lists: "Mobile Safari on iPhone", a browser."""
    text = text.strip()[:LONGEST]
    if not text:
        return EMPTY
    from ua_parser import parse  # its tables take a tenth of a second, paid by the first who asks

    found = parse(text)
    family = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    device = found.device.family if found.device else None
    kind = _kind(text, family, system, device)
    return Agent(_name(family, system, device), kind) if family or kind else UNKNOWN


def _kind(text: str, family: str | None, system: str | None, device: str | None) -> str | None:
    if HEADLESS.search(text):
        return "headless"
    if SCANNERS.search(text):
        return "bot"
    if LIBRARIES.search(text):
        return "library"
    if APP_DEFAULTS.search(text):
        return "app"
    if device == "Spider":
        return "bot"
    return "browser" if family and system else None


def _name(family: str | None, system: str | None, device: str | None) -> str | None:
    if family is None:
        return None
    where = device if device in APPLE_DEVICES else SYSTEMS.get(system or "", system)
    return f"{SHORT.get(family, family)} on {where}" if where else SHORT.get(family, family)
