"""A decision sees everything that was accepted before it, of its own subject and of others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from detection import catalog, deciding, inbox, pipeline
from detection.kernel.vocabulary import EventState
from detection.models import Event, InboxItem
from tests.cast import LONDON, happened, judge_all, report, stored

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _warm():
    """A web process has its rules and models at hand before its first decision."""
    catalog.on_duty()


@pytest.fixture
def _patient(monkeypatch):
    """On a machine however busy, all there is gets judged."""
    monkeypatch.setattr(deciding, "ACROSS", 20.0)


def accepted(payload):
    (item,) = report(payload, ring=False)
    return stored(item)


def wrong_passwords(count, *, ip=LONDON):
    """One wrong password at each of so many members."""
    return report(*[happened("login.failed", f"victim-{number}", ip=ip) for number in range(count)], ring=False)


def sign_in(member="mia", **fields):
    return happened("login.succeeded", member, **{"ip": LONDON, "device_id": "a-phone", **fields})


@pytest.mark.usefixtures("_patient")
def test_what_waits_of_others_at_the_same_address_is_judged_first():
    wrong_passwords(30)
    row = accepted(sign_in())
    answer = deciding.decide(row.pk)
    assert answer["degraded"] == []
    assert not InboxItem.objects.exists()
    judged = dict(Event.objects.values_list("subject", "judged_at"))
    assert all(judged[f"member:victim-{number}"] <= judged["member:mia"] for number in range(30))
    alone = accepted(sign_in("sam", ip="2.160.0.1", device_id="sams"))
    assert deciding.decide(alone.pk)["risk_score"] < answer["risk_score"]


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("name", ["ip", "device_id", "session_id", "email", "payment_method_id", "recipient_id"])
def test_every_name_windows_are_kept_by_makes_others_events_concern_it(name):
    value = {"ip": LONDON, "email": "mia@example.com"}.get(name, "the-same")
    (other,) = report(happened("transaction.attempted", "sam", amount="5", currency="EUR", **{name: value}), ring=False)
    (stranger,) = report(happened("logout", "ada"), ring=False)
    row = accepted(happened("transaction.attempted", "mia", amount="5", currency="EUR", **{name: value}))
    assert inbox.concerning(row).subjects == {"member:sam"}
    deciding.decide(row.pk)
    assert stored(other).state == EventState.PROCESSED
    assert stored(stranger).state == EventState.PENDING


def test_what_came_after_it_does_not_concern_it():
    row = accepted(sign_in())
    wrong_passwords(3)
    assert inbox.concerning(row) == inbox.NOTHING


def test_what_a_worker_is_slow_with_is_named_and_the_answer_does_not_wait():
    wrong_passwords(5)
    held = inbox.claim()
    row = accepted(sign_in())
    begun = time.monotonic()
    answer = deciding.decide(row.pk)
    assert answer["degraded"] == ["queue"]
    assert time.monotonic() - begun < deciding.ACROSS + 8
    assert held is not None
    assert pipeline.handle(held) == 5


def test_a_deadline_leaves_half_its_time_to_the_event_itself(monkeypatch):
    monkeypatch.setattr(deciding, "ACROSS", 20.0)
    wrong_passwords(5)
    inbox.claim()
    row = accepted(sign_in())
    begun = time.monotonic()
    answer = deciding.decide(row.pk, deadline=timedelta(seconds=3))
    assert answer["degraded"] == ["queue"]
    assert 1.4 < time.monotonic() - begun < 10


def test_more_than_it_can_look_through_is_named(monkeypatch):
    monkeypatch.setattr(inbox, "LOOK_AT", 4)
    wrong_passwords(2)
    report(*[happened("logout", f"stranger-{number}") for number in range(4)], ring=False)
    row = accepted(sign_in())
    assert deciding.decide(row.pk)["degraded"] == ["queue"]


def test_more_than_it_may_judge_is_named(monkeypatch):
    monkeypatch.setattr(deciding, "ACROSS_MOST", 0)
    wrong_passwords(2)
    row = accepted(sign_in())
    assert deciding.decide(row.pk)["degraded"] == ["queue"]


def test_what_failed_and_waits_for_its_next_try_is_named_and_not_waited_for():
    wrong_passwords(1)
    held = inbox.claim()
    assert held is not None
    inbox.fail(held.items[0], RuntimeError())
    row = accepted(sign_in())
    begun = time.monotonic()
    assert deciding.decide(row.pk)["degraded"] == ["queue"]
    assert time.monotonic() - begun < deciding.ACROSS


def test_looking_across_costs_one_query_when_nothing_waits():
    report(sign_in("sam"))
    judge_all()
    row = accepted(sign_in())
    with CaptureQueriesContext(connection) as queries:
        assert inbox.concerning(row) == inbox.NOTHING
    assert len(queries) == 1


@pytest.mark.usefixtures("_patient")
@pytest.mark.django_db(transaction=True)
def test_decisions_of_one_member_made_at_once_are_judged_in_the_order_they_were_accepted():
    rows = [accepted(happened("login.failed", "mia", ip=f"81.2.69.{number}")) for number in range(8)]
    together = Barrier(len(rows))

    def decide(row):
        try:
            together.wait(10)
            return deciding.decide(row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(decide, reversed(rows)))
    assert all(answer["degraded"] == [] for answer in answers)
    for row in rows:
        row.refresh_from_db()
    assert [row.seen["failed-login-burst"]["failures"] for row in rows] == list(range(1, len(rows) + 1))


@pytest.mark.usefixtures("_patient")
@pytest.mark.django_db(transaction=True)
def test_decisions_of_members_who_share_a_device_see_each_other_in_order():
    rows = [accepted(sign_in(f"member-{number}", device_id="one-phone")) for number in range(6)]
    together = Barrier(len(rows))

    def decide(row):
        try:
            together.wait(10)
            return deciding.decide(row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(decide, reversed(rows)))
    assert all(answer["degraded"] == [] for answer in answers)
    assert {row.state for row in Event.objects.all()} == {EventState.PROCESSED}
    judged = list(Event.objects.order_by("id").values_list("judged_at", flat=True))
    assert judged == sorted(judged)
