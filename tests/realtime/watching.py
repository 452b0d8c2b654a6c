"""Watching a feed as a browser does, and telling it things as the artery does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.test import Client as Browser
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from detection.kernel.vocabulary import FrameKind, Severity
from detection.models import Alert, Member
from detection.work import unit_of_work

Frame = dict[str, Any]


class Watcher:
    """One open socket. Frames are kept in the order they came."""

    def __init__(self, opening: Any) -> None:
        self._opening = opening
        self.connection: ClientConnection = opening.__enter__()
        self.frames: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._opening.__exit__(None, None, None)

    def next(self, within: float = 5.0) -> Frame:
        """The next frame that is no heartbeat, which may come at any time."""
        return self.until(lambda frame: frame["kind"] != "heartbeat", within)

    def heartbeat(self) -> Frame:
        return self.until(lambda frame: frame["kind"] == "heartbeat", within=11)

    def until(self, fact: Callable[[Frame], bool], within: float = 5.0) -> Frame:
        """The next frame of which the fact holds; those before it are kept."""
        deadline = time.monotonic() + within
        while True:
            frame = self._receive(max(deadline - time.monotonic(), 0))
            if fact(frame):
                return frame

    def _receive(self, within: float) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout=within))
        self.frames.append(frame)
        return frame

    def hello(self) -> Frame:
        frame = self.next()
        assert frame["kind"] == "hello", frame
        return frame

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def closed(self, within: float = 5.0) -> int:
        """The code the server closed with; frames before are kept. Raises TimeoutError when it stays open."""
        deadline = time.monotonic() + within
        try:
            while True:
                self._receive(max(deadline - time.monotonic(), 0))
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006

    def told(self) -> list[Frame]:
        """The frames of the feed, without hello and heartbeats."""
        return [frame for frame in self.frames if frame["kind"] not in ("hello", "heartbeat")]


@dataclass(frozen=True)
class Web:
    """A running daphne."""

    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def watch(self, path: str, session: str | None = None, *, origin: str | None = "ours", **options: Any) -> Watcher:
        """Open a socket as a page of this very address, unless told otherwise."""
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"} if session else {}
        headers |= options.pop("headers", {})
        return Watcher(
            connect(
                f"ws://127.0.0.1:{self.port}{path}",
                origin=self.url if origin == "ours" else origin,
                additional_headers=headers,
                compression=None,
                proxy=None,
                open_timeout=10,
                close_timeout=2,
                max_size=None,
                **options,
            )
        )

    def memory(self) -> int:
        """Resident bytes of the server."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


def signed_in(user: Any) -> str:
    """A session of this user, as the sign-in page makes it."""
    browser = Browser()
    browser.force_login(user)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def tell(member: Member, score: int = 50, **payload: Any) -> None:
    """Commit one frame about a member, to them and to staff."""
    with unit_of_work() as work:
        said = {"member_id": member.member_id, "health": {"score": score}, **payload}
        work.tell(FrameKind.HEALTH_CHANGED, member=member, payload=said)


def raise_alert(member: Member, *, summary: str = "A large payment from a new device.", **fields: Any) -> Alert:
    """Commit an alert and say so."""
    now = timezone.now()
    with unit_of_work() as work:
        alert = Alert.objects.create(
            subject=f"member:{member.member_id}",
            incident="account",
            folding=False,
            member=member,
            severity=Severity.HIGH,
            severity_rank=2,
            risk_score=80,
            title="Large payment",
            summary=summary,
            detectors=["large-transaction-new-device"],
            reasons=[{"code": "amount", "text": "A large payment.", "observed": "1900", "threshold": "500"}],
            suggested_actions=["lock"],
            event_id="e-1",
            first_seen_at=now,
            last_seen_at=now,
            **fields,
        )
        work.tell(FrameKind.ALERT_RAISED, member=member, alert=alert)
    return alert


def alert_ids(frames: list[Frame]) -> list[str]:
    """The alerts raised, in the order they were told."""
    return [frame["alert"]["id"] for frame in frames if frame["kind"] == "alert.raised"]
