"""Viewers that do not read: the server's memory stays bounded, the others notice nothing, and nothing is lost."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

from detection.models import Member
from realtime import viewer
from tests.realtime.watching import Web, alert_ids, raise_alert, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LONG = "x" * 10_000


class Sleeper:
    """A viewer over a bare socket, which reads only when told to."""

    def __init__(self, web: Web, session: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{web.port}/ws/alerts/"), origin=web.url)
        self._socket = socket.create_connection(("127.0.0.1", web.port))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        request = self._protocol.connect()
        request.headers["Cookie"] = f"sessionid={session}"
        self._protocol.send_request(request)
        self._flush()
        self.read_until(lambda: bool(self.frames))
        assert self.frames[0]["kind"] == "hello"

    def read_until(self, fact: Any, within: float = 10.0) -> None:
        """Read until the fact holds or the server closes."""
        deadline = time.monotonic() + within
        while not fact() and self.code is None:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:  # the server did not wait for an answer to its close frame
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                if getattr(event, "opcode", None) is Opcode.TEXT:
                    self.frames.append(json.loads(event.data))
            self._flush()
            if self._protocol.close_rcvd is not None:
                self.code = self._protocol.close_rcvd.code
            elif not data:
                self.code = 1006

    def say(self, **message: Any) -> None:
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def close(self) -> None:
        self._socket.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)


@pytest.fixture
def crowd(web: Web, transactional_db: None) -> Iterator[list[Sleeper]]:
    """Twenty viewers of four analysts that have fallen asleep."""
    group = Group.objects.get_or_create(name="analyst")[0]
    sleepers = []
    for number in range(4):
        user = User.objects.create_user(f"analyst-{number}")
        user.groups.add(group)
        session = signed_in(user)
        sleepers += [Sleeper(web, session) for _ in range(5)]
    yield sleepers
    for sleeper in sleepers:
        sleeper.close()


def test_who_does_not_read_is_told_once_that_it_is_behind_and_gets_everything_on_resume(
    web: Web, olga: User, mia: Member
) -> None:
    sleeper = Sleeper(web, signed_in(olga))
    raised = [str(raise_alert(mia, summary=LONG).id) for _ in range(150)]
    over = time.monotonic() + viewer.PATIENCE + 1
    while time.monotonic() < over:
        raised.append(str(raise_alert(mia).id))
    sleeper.read_until(lambda: sleeper.frames[-1]["kind"] == "behind")
    seen = alert_ids(sleeper.frames)
    assert seen == raised[: len(seen)]
    assert len(seen) < 150
    raised.append(str(raise_alert(mia).id))
    with pytest.raises(TimeoutError):
        sleeper.read_until(lambda: sleeper.frames[-1]["kind"] != "behind", within=0.5)
    sleeper.say(kind="resume", after=sleeper.frames[-1]["cursor"])
    sleeper.read_until(lambda: raised[-1] in alert_ids(sleeper.frames))
    raised.append(str(raise_alert(mia).id))
    sleeper.read_until(lambda: raised[-1] in alert_ids(sleeper.frames))
    assert alert_ids(sleeper.frames) == raised
    assert [frame["kind"] for frame in sleeper.frames].count("behind") == 1
    sleeper.close()


@pytest.mark.once
def test_twenty_sleepers_cost_no_memory_hold_up_nobody_and_are_closed_in_the_end(
    web: Web, olga: User, mia: Member, crowd: list[Sleeper]
) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as awake:
        awake.hello()
        before = web.memory()
        raised = []
        for _ in range(600):
            raised.append(str(raise_alert(mia, summary=LONG).id))
            awake.until(lambda frame: frame.get("alert", {}).get("id") == raised[-1])
        grown = (web.memory() - before) / 1e6
        print(f"20 sleepers, 6 MB pushed to each: daphne grew by {grown:.1f} MB")
        assert alert_ids(awake.frames) == raised
        assert grown < 20 * viewer.WINDOW * 2 / 1e6
        for sleeper in crowd:
            sleeper.read_until(lambda sleeper=sleeper: sleeper.frames[-1]["kind"] == "behind")
        for sleeper in crowd:
            sleeper.read_until(lambda: False, within=viewer.SILENCE + 10)
            assert sleeper.code in (4408, 1006)
            assert [frame["kind"] for frame in sleeper.frames].count("behind") == 1
