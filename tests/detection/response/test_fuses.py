"""Rules that run away from what was expected of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import catalog
from detection.kernel.ids import uuid7
from detection.kernel.intervals import byar
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, AlertDetector, AuditPending, Event, Notification, RuleChange, RuleSetting
from detection.response import estimates, fuses, notifications, rates, rules
from tasks import rules as tasks
from tests.cast import shop

pytestmark = pytest.mark.django_db
ADA = Actor(ActorKind.STAFF, "ada")
BURST = "failed-login-burst"


@pytest.fixture(autouse=True)
def others_see_the_rules_as_they_come(db: None) -> Any:
    yield
    catalog.refresh()


def alerts(count: int, *, ago: timedelta = timedelta(minutes=10), over: timedelta = timedelta(0)) -> None:
    """So many alerts the burst rule spoke in, from ``ago`` on, evenly over a time."""
    first = timezone.now() - ago
    rows = [
        Alert(
            subject=f"address:{uuid7()}", incident="account", severity="medium", severity_rank=1, risk_score=45,
            title="Repeated failed logins", summary="Guessing.", event_id=f"e-{number}", first_seen_at=first,
            last_seen_at=first, detectors=[BURST], created_at=first + over * number / count,
        )
        for number in range(count)
    ]  # fmt: skip
    Alert.objects.bulk_create(rows)
    AlertDetector.objects.bulk_create(AlertDetector(alert=row, detector=BURST) for row in rows)


def house_stands_since(days: int) -> None:
    long_ago = timezone.now() - timedelta(days=days)
    Event.objects.create(client=shop(), event_id="first", type="login.failed", occurred_at=long_ago,
        received_at=long_ago, subject="member:mia", body={})  # fmt: skip


def expect(per_day: int, *, set_at: timedelta = timedelta(days=3)) -> None:
    """The rule was set so a while ago, and so many alerts a day were expected of it."""
    now = timezone.now()
    rules.change(BURST, actor=ADA, parameters={"limit": 6})
    moments = [now - timedelta(days=7) + n * timedelta(days=7) / (7 * per_day) for n in range(7 * per_day)]
    estimate = estimates.of_moments(moments, start=now - timedelta(days=7), end=now, source="backtest", made_at=now)
    RuleSetting.objects.update(estimate=estimate, changed_at=now - set_at)
    RuleChange.objects.update(estimate=estimate)


def state() -> str:
    return RuleSetting.objects.get(rule_id=BURST).state


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.69), (1, 0.03, 5.57), (10, 4.80, 18.39), (100, 81.4, 121.6)]
)
def test_the_interval_of_a_count_is_close_to_the_exact_one(count: int, low: float, high: float) -> None:
    assert byar(count) == pytest.approx((low, high), abs=0.35, rel=0.02)


def test_a_rule_that_runs_away_in_an_hour_goes_back_to_shadow_and_staff_hear_of_it_once() -> None:
    expect(per_day=5)
    alerts(40)
    (runaway,) = fuses.trip()
    assert (runaway.rule_id, runaway.window, runaway.alerts, state()) == (BURST, "hour", 40, "shadow")
    made = rules.history(BURST)[0]
    assert (made.version, made.cause, made.by) == (2, "trip", "system")
    assert "40 alerts in an hour" in made.note
    assert AuditPending.objects.filter(entry__action="rule.tripped").count() == 1
    assert fuses.trip() == []
    (notice,) = Notification.objects.filter(kind="rule.tripped", channel="email")
    assert f"/admin_dashboard/rules/{BURST}/" in notice.body
    notifications.deliver_due()
    assert "ran away" in mail.outbox[0].subject
    catalog.refresh()
    assert BURST in catalog.on_duty().shadow


def test_one_that_is_put_back_starts_afresh_and_trips_again_only_by_new_alerts() -> None:
    expect(per_day=5)
    alerts(40)
    fuses.trip()
    rules.rollback(BURST, 1, actor=ADA)
    assert (state(), fuses.trip()) == ("live", [])
    assert RuleSetting.objects.get().estimate is not None
    alerts(40, ago=timedelta(0))
    assert fuses.trip(now=timezone.now() + timedelta(minutes=1))


def test_a_slow_flood_trips_by_the_day() -> None:
    expect(per_day=20)
    alerts(160, ago=timedelta(hours=22), over=timedelta(hours=21))
    (runaway,) = fuses.trip()
    assert (runaway.window, state()) == ("day", "shadow")


def test_small_numbers_never_trip_whatever_was_expected() -> None:
    expect(per_day=1)
    alerts(estimates.LEAST_AN_HOUR)
    assert fuses.trip() == []
    assert state() == "live"


def test_what_was_expected_is_borne() -> None:
    expect(per_day=200)
    alerts(25)
    alerts(180, ago=timedelta(hours=20), over=timedelta(hours=18))
    assert fuses.trip() == []


def test_alerts_from_before_the_rule_was_set_so_are_not_held_against_it() -> None:
    expect(per_day=5, set_at=timedelta(minutes=5))
    alerts(40)
    assert fuses.trip() == []


def test_a_rule_without_an_estimate_is_held_to_its_own_past_week() -> None:
    house_stands_since(days=20)
    alerts(35, ago=timedelta(days=8), over=timedelta(days=7))
    alerts(30)
    assert fuses.trip()[0].rule_id == BURST


@pytest.mark.parametrize("case", ["a young house", "a quiet week"])
def test_a_rule_that_nothing_was_expected_of_never_trips(case: str) -> None:
    house_stands_since(days=3 if case == "a young house" else 20)
    alerts(35 if case == "a young house" else 5, ago=timedelta(days=7, hours=20), over=timedelta(days=6))
    alerts(500)
    assert fuses.trip() == []


def test_a_rule_in_shadow_or_off_is_left_alone() -> None:
    expect(per_day=5)
    rules.change(BURST, actor=ADA, state="off")
    alerts(40)
    assert fuses.trip() == []
    assert state() == "off"


def test_the_task_trips_and_looking_costs_one_query_while_all_is_well() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert tasks.trip() == []
    assert len(queries) == 1
    expect(per_day=5)
    alerts(40)
    assert tasks.trip() == [BURST]


def test_rates_add_up_over_hours_and_days() -> None:
    alerts(3)
    alerts(4, ago=timedelta(days=2))
    alerts(5, ago=timedelta(days=10))
    rate = rates.of_all(timezone.now())[BURST]
    assert (rate.day, rate.week, sum(rate.days), sum(rate.hours.values())) == (3, 7, 12, 12)
    assert rate.days[-1] == 3
    now: datetime = timezone.now()
    assert rates.since({BURST: now - timedelta(days=3), "scraping": now}) == {BURST: 7, "scraping": 0}
