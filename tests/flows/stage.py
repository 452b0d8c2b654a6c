"""The cast on a running system: a shop with its own key, people at their pages, their mails, and screens that watch."""

from __future__ import annotations

import email
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.policy import default as modern
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.live import LiveSystem, eventually

JSON = dict[str, Any]
EVERY_SCOPE = (
    "events:write,events:read,decisions:write,alerts:read,members:read,members:lock,members:unlock,members:import,"
    "portal:create"
)
ALONE = re.compile(r"^(\d{8}|\d{4} \d{4})$", re.MULTILINE)
_numbers = itertools.count(1)
_opened: list[httpx.Client] = []


def anybody(name: str = "mia") -> str:
    """A member id nobody has used before."""
    return f"{name}-{uuid4().hex[:10]}"


def anywhere() -> str:
    """A German address nobody has come from before: budgets count sources."""
    number = next(_numbers)
    return f"2.16{number // 60_000 % 8}.{number // 250 % 240}.{number % 250 + 1}"


def happened(kind: str, member: str | None, **fields: Any) -> JSON:
    """An event as an app sends it."""
    payload: JSON = {"event_id": str(uuid4()), "type": kind, **fields}
    if member is not None:
        payload["member_id"] = member
    for name, value in payload.items():
        if isinstance(value, datetime):
            payload[name] = value.isoformat()
    return payload


def large_payment(member: str, **fields: Any) -> JSON:
    """The story everybody knows: a large payment from a device nobody has seen."""
    usual = {
        "amount": "1900.00",
        "currency": "EUR",
        "device_id": f"unheard-of-{uuid4().hex[:8]}",
        "ip": anywhere(),
        "session_id": f"s-{uuid4().hex[:8]}",
    }
    return happened("transaction.attempted", member, **{**usual, **fields})


class Shop:
    """An app with an API key of its own."""

    def __init__(self, system: LiveSystem, key: str | None = None) -> None:
        self.system = system
        self.key = key or system.api_key
        self.http = httpx.Client(
            base_url=system.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30, trust_env=False
        )
        _opened.append(self.http)

    @classmethod
    def opened(cls, system: LiveSystem, name: str) -> Self:
        """With a key made by the command, beside the running system."""
        told = system.manage("create_api_key", name, "--scopes", EVERY_SCOPE)
        return cls(system, told.stdout.strip().splitlines()[-1])

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(f"/api/v1/{path}", json=body)

    def get(self, path: str, **params: Any) -> JSON:
        answer = self.http.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: JSON = answer.json()
        return found

    def knows(self, member: str, address: str | None = None) -> str:
        """Import a member with a verified address; returns the address."""
        address = address or f"{member}@example.com"
        long_ago = "2024-05-01T08:00:00Z"
        told = {"email": address, "verified_at": long_ago, "created_at": long_ago}
        answer = self.http.put(f"/api/v1/members/{member}/", json=told)
        assert answer.status_code == 200, answer.text
        return address

    def report(self, *events: JSON) -> None:
        """Send events; all of them are accepted."""
        answer = self.post("events/", {"events": list(events)})
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == 0, answer.text

    def decide(self, event: JSON) -> JSON:
        answer = self.post("decisions/", event)
        assert answer.status_code == 200, answer.text
        decision: JSON = answer.json()
        return decision

    def judged(self, *events: JSON, within: float = 30) -> list[JSON]:
        """Wait until a worker has judged these events; what became of each."""
        found = []
        for event in events:
            path = f"events/{event['event_id']}/"
            eventually(lambda path=path: self.get(path)["state"] == "processed", within=within)
            found.append(self.get(path))
        return found

    def member(self, member: str) -> JSON:
        return self.get(f"members/{member}/")

    def alerts(self, member: str) -> list[JSON]:
        found: list[JSON] = self.get("alerts/", member=member)["results"]
        return found

    def link(self, member: str) -> str:
        """A one-use address at which the member is signed in."""
        answer = self.post(f"members/{member}/portal-session/", {})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])


def browser(system: LiveSystem) -> httpx.Client:
    """A browser nobody is signed in with."""
    page = httpx.Client(
        base_url=system.url,
        timeout=30,
        trust_env=False,
        headers={"Origin": system.url, "Referer": f"{system.url}/"},
    )
    _opened.append(page)
    return page


def signed_in(system: LiveSystem, name: str) -> httpx.Client:
    """Staff at the console."""
    page = system.signed_in(name)
    _opened.append(page)
    return page


@contextmanager
def closing() -> Iterator[None]:
    """Every connection opened inside is closed at its end."""
    before = len(_opened)
    try:
        yield
    finally:
        while len(_opened) > before:
            _opened.pop().close()


def submit(page: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Open a page and send a form of it back to it."""
    page.get(path).raise_for_status()
    answer = page.post(path, data={**fields, "csrfmiddlewaretoken": page.cookies["csrftoken"]})
    page.headers["X-CSRFToken"] = page.cookies["csrftoken"]
    return answer


def at_home(shop: Shop, member: str) -> httpx.Client:
    """The member at their own page, signed in by the shop."""
    page = browser(shop.system)
    answer = submit(page, urlsplit(shop.link(member)).path)
    assert (answer.status_code, answer.headers.get("location")) == (302, "/member/"), answer.status_code
    return page


def mails_to(system: LiveSystem, address: str) -> list[str]:
    """The plain text of every mail in the demo's outbox to this address, oldest first."""
    found = []
    for path in sorted((system.data_dir / "outbox").glob("*"), key=lambda path: path.stat().st_mtime):
        for raw in path.read_bytes().split(b"-" * 79 + b"\n"):
            message = email.message_from_bytes(raw, policy=modern)
            if message["To"] == address:
                found.append(text_of(message))
    return found


def text_of(message: Any) -> str:
    """The words of a mail as its reader sees them."""
    plain = message.get_body(("plain",))
    return str(plain.get_content()) if plain else ""


def code_in(mail: str) -> str | None:
    """The one-time code of a mail: alone on its line, and no other line is digits only."""
    found = ALONE.findall(mail.replace("\r", ""))
    assert len(found) < 2, found
    return found[0].replace(" ", "") if found else None


def newest_code(system: LiveSystem, address: str, *, after: int = 0) -> str:
    """Wait for a code mail to this address beyond the first so many, and read its code."""

    def code() -> str | None:
        codes = [found for mail in mails_to(system, address) if (found := code_in(mail))]
        return codes[-1] if len(codes) > after else None

    return str(eventually(code, within=20))


class Screen:
    """A page that watches a feed as ours does: it resumes after a break, and when a heartbeat says that it missed
    something. It keeps every frame with the moment it came."""

    def __init__(self, system: LiveSystem, path: str, page: httpx.Client) -> None:
        self.system = system
        self.path = path
        self.page = page
        self.frames: list[JSON] = []
        self.came_at: list[float] = []
        self.connections = 0
        self.codes: list[int] = []
        self.cursor = ""
        self._over = threading.Event()
        self._greeted = threading.Event()
        self._line: ClientConnection | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._greeted.wait(15), "no hello"
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(Exception):
            assert self._line is not None
            self._line.close()
        self._thread.join(15)

    def until(self, fact: Any, *, within: float = 15) -> JSON:
        """Wait for a frame of which the fact holds, among all that came."""
        found: JSON = eventually(
            lambda: next((frame for frame in list(self.frames) if fact(frame)), None), within=within
        )
        return found

    def said(self, kind: str, **facts: Any) -> JSON:
        """Wait for a frame of this kind with these facts."""
        return self.until(lambda frame: frame["kind"] == kind and facts.items() <= frame.items())

    def kinds(self) -> list[str]:
        return [frame["kind"] for frame in list(self.frames)]

    def alerts(self) -> dict[str, JSON]:
        """The alerts as this screen shows them: the last word on each."""
        return {frame["alert"]["id"]: frame["alert"] for frame in list(self.frames) if "alert" in frame}

    def raised(self) -> list[str]:
        return [frame["alert"]["id"] for frame in list(self.frames) if frame["kind"] == "alert.raised"]

    def _watch(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, InvalidHandshake, TimeoutError, EOFError, ConnectionClosed):
                self._stay()
            self._over.wait(0.2)

    def _stay(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self.page.cookies.items())
        with connect(
            self.system.ws_url + self.path,
            origin=self.system.url,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookies},
            compression=None,
            proxy=None,
            open_timeout=5,
            close_timeout=2,
            max_size=None,
        ) as line:
            self._line = line
            self.connections += 1
            try:
                while True:
                    self._take(json.loads(line.recv()), line)
            except ConnectionClosed as end:
                self.codes.append(end.rcvd.code if end.rcvd else 1006)

    def _take(self, frame: JSON, line: ClientConnection) -> None:
        kind = frame["kind"]
        if kind == "hello" and self.cursor:
            line.send(json.dumps({"kind": "resume", "after": self.cursor}))
        elif kind == "hello":
            self.cursor = frame["cursor"]
        elif kind in ("heartbeat", "behind"):
            if kind == "behind" or frame["cursor"] != self.cursor:
                line.send(json.dumps({"kind": "resume", "after": self.cursor}))
        else:
            self.cursor = frame["cursor"]
        self.came_at.append(time.perf_counter())
        self.frames.append(frame)
        self._greeted.set()


def now() -> datetime:
    return datetime.now(UTC)
