"""A lease lives as long as the work and its process, and no longer."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from detection import inbox, pipeline
from detection.models import InboxItem
from tests.cast import happened, report
from tests.live import eventually

pytestmark = [pytest.mark.database]


@pytest.fixture
def _brief(monkeypatch):
    """Leases of a moment, renewed three times within it."""
    monkeypatch.setattr(inbox, "LEASE", timedelta(seconds=1.8))
    monkeypatch.setattr(inbox, "_keeper", inbox._Keeper())


@pytest.mark.usefixtures("_brief")
@pytest.mark.django_db(transaction=True)
def test_work_that_takes_long_keeps_its_lease_and_a_dead_ones_runs_out():
    report(happened("logout"))
    held = inbox.claim()
    assert held is not None
    with inbox.kept(held):
        until = time.monotonic() + 3.5
        while time.monotonic() < until:
            assert inbox.claim() is None
            time.sleep(0.05)
    again = eventually(inbox.claim, within=20)
    assert [item.attempt for item in again.items] == [2]


@pytest.mark.usefixtures("_brief")
@pytest.mark.django_db(transaction=True)
def test_a_lease_is_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr(inbox, "LEASE_AT_MOST", timedelta(seconds=1))
    report(happened("logout"))
    held = inbox.claim()
    assert held is not None
    with inbox.kept(held):
        assert eventually(inbox.claim, within=10)


@pytest.mark.django_db
def test_told_to_stop_in_the_middle_a_worker_gives_its_work_back_untried(monkeypatch):
    report(happened("logout"), happened("logout", "sam"))

    def told_to_stop(*_args, **_options):
        raise SystemExit(0)

    monkeypatch.setattr(pipeline.playbook, "respond", told_to_stop)
    with pytest.raises(SystemExit):
        pipeline.drain()
    for item in InboxItem.objects.all():
        assert (item.attempt, item.lease_until, item.token) == (0, None, None)
        assert item.due_at <= timezone.now()
