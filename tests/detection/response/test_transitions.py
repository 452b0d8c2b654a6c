"""The lock's state machine: the table, the code that asks it, and the page drawn from it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from detection.kernel.records import SYSTEM
from detection.kernel.vocabulary import ActorKind, LockState
from detection.models import LockEvent
from detection.response import locks, transitions
from detection.response.transitions import MOVES, Cause, allowed


def test_the_page_is_fresh():
    out = StringIO()
    call_command("document_response", "--check", stdout=out)
    assert "up to date" in out.getvalue()


def test_placing_never_weakens_and_ending_never_strengthens():
    for move in MOVES:
        if move.cause is Cause.PLACE:
            assert move.after.rank >= move.before.rank
            assert move.after is not LockState.CLEAR
        else:
            assert move.after.rank <= move.before.rank
            assert move.before is not LockState.CLEAR
    assert len({(move.before, move.after, move.cause) for move in MOVES}) == len(MOVES)


@pytest.mark.django_db
@pytest.mark.database
def test_what_the_table_does_not_have_is_never_written(mia, lock, monkeypatch):
    monkeypatch.setattr(transitions, "_ALLOWED", frozenset())
    with pytest.raises(locks.LockMoved):
        lock(mia)
    assert locks.of(mia) is None
    assert not LockEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.database
def test_every_move_that_happens_is_in_the_table(mia, lock):
    lock(mia, state=LockState.RESTRICTED, code="a")
    lock(mia, code="b")
    lock(mia, code="c")
    for code in ("c", "b", "a"):
        locks.release(mia, actor=SYSTEM, reason="known", by=ActorKind.STAFF, codes=[code])
    seen = [(event.before, event.after) for event in LockEvent.objects.order_by("version")]
    assert seen == [
        ("clear", "restricted"),
        ("restricted", "locked"),
        ("locked", "locked"),
        ("locked", "locked"),
        ("locked", "restricted"),
        ("restricted", "clear"),
    ]
    causes = [Cause.PLACE] * 3 + [Cause.RELEASE] * 3
    moves = [(LockState(before), LockState(after)) for before, after in seen]
    assert all(allowed(before, after, cause) for (before, after), cause in zip(moves, causes, strict=True))
