"""Whatever pushes are lost, doubled or out of order, a viewer sees every frame once and in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable

import pytest

from detection import feed
from detection.feed import StaffViewer
from detection.kernel.vocabulary import FrameKind
from detection.models import FeedEntry, Member
from detection.work import unit_of_work
from realtime import messages
from realtime import viewer as viewers
from realtime.access import Door, Seat
from realtime.audience import Audience
from realtime.database import ask
from realtime.messages import Close
from realtime.viewer import Viewer

pytestmark = pytest.mark.django_db(transaction=True)


class Screen:
    """Keeps what a viewer sent."""

    def __init__(self) -> None:
        self.frames: list[dict[str, str]] = []
        self.code: Close | None = None

    async def show(self, text: str) -> None:
        await asyncio.sleep(0)
        self.frames.append(json.loads(text))

    async def go_dark(self, code: Close) -> None:
        self.code = code

    def told(self) -> list[str]:
        return [frame["cursor"] for frame in self.frames if frame["kind"] not in ("hello", "heartbeat")]


def said(count: int) -> list[tuple[int, int]]:
    """Commit so many frames; each one's cursor and the one before it."""
    mia = Member.objects.get_or_create(member_id="mia")[0]
    made = []
    for score in range(count):
        previous = feed.latest(StaffViewer())
        with unit_of_work() as work:
            work.tell(FrameKind.HEALTH_CHANGED, member=mia, payload={"health": {"score": score}})
        made.append((previous, feed.latest(StaffViewer())))
    return made


def all_cursors() -> list[str]:
    return [f"{entry:016d}" for entry in FeedEntry.objects.order_by("id").values_list("id", flat=True)]


async def soon(fact: Callable[[], bool]) -> None:
    """Wait until the fact holds."""
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 - the fact is in what came out at the far end
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(6))
async def test_pushes_lost_doubled_and_shuffled_make_no_difference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "RESUME_WITHIN", 0.01)
    dice = random.Random(seed)
    audience = Audience(StaffViewer(), 0)
    screens = []
    running = []
    for _ in range(3):
        screen = Screen()
        viewer = Viewer(
            Seat(Door.ALERTS, "s", 1, StaffViewer()), send=screen.show, close=screen.go_dark, unsent=lambda: 0
        )
        audience.viewers.add(viewer)
        running.append(asyncio.create_task(viewer.run(audience, messages.hello(0, None), 0)))
        screens.append((screen, viewer))
    for _ in range(12):
        pushes = await ask(said, dice.randint(1, 6))
        dice.shuffle(pushes)
        for previous, cursor in pushes:
            frames, _, _ = await ask(feed.frames, StaffViewer(), after=previous, limit=1)
            line = messages.lines(frames)
            assert line[0].cursor == cursor
            for _ in range(dice.choice([0, 1, 1, 1, 2])):
                audience.hear(previous, line)
            await asyncio.sleep(dice.random() * 0.01)
        if dice.random() < 0.3:
            screen, viewer = dice.choice(screens)
            viewer.resume(int(screen.told()[-1]) if screen.told() else 0)
    audience.fill()  # what every heartbeat does
    await audience.filled()
    expected = await ask(all_cursors)
    await soon(lambda: all(screen.told()[-1:] == expected[-1:] for screen, _ in screens))
    for screen, viewer in screens:
        assert sorted(set(screen.told())) == expected
        viewer.leave(Close.OVER)
    await asyncio.gather(*running)
    untouched = [screen.told() for screen, viewer in screens if not viewer._turn]
    assert all(told == expected for told in untouched)
    assert {screen.code for screen, _ in screens} == {Close.OVER}


async def test_a_queue_that_grows_too_long_is_read_from_the_database_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewers, "QUEUE", 500)
    monkeypatch.setattr(viewers, "RESUME_WITHIN", 0.01)
    audience = Audience(StaffViewer(), 0)
    screen = Screen()
    viewer = Viewer(Seat(Door.ALERTS, "s", 1, StaffViewer()), send=screen.show, close=screen.go_dark, unsent=lambda: 0)
    audience.viewers.add(viewer)
    running = asyncio.create_task(viewer.run(audience, messages.hello(0, None), 0))
    await soon(lambda: viewer.state is viewers.State.LIVE)
    await ask(said, 60)
    audience.fill()
    expected = await ask(all_cursors)
    await soon(lambda: screen.told() == expected)
    viewer.leave(Close.OVER)
    await running
