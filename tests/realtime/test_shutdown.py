"""The end of a server with open sockets."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from detection.models import Member
from tests.live import eventually
from tests.realtime.servers import start_web
from tests.realtime.watching import raise_alert, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_daphne_ends_at_once_when_told_to_and_leaves_no_complaint(olga: User, mia: Member, tmp_path: Path) -> None:
    web, end = start_web(tmp_path)
    try:
        session = signed_in(olga)
        watchers = [web.watch("/ws/alerts/", session) for _ in range(3)]
        for watcher in watchers:
            watcher.hello()
        raise_alert(mia)
        assert watchers[0].next()["kind"] == "alert.raised"
        os.kill(web.pid, signal.SIGTERM)
        eventually(lambda: not alive(web.pid), within=10)
        for watcher in watchers:
            watcher.close()
        assert "Traceback" not in web.log.read_text()
    finally:
        end()


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
