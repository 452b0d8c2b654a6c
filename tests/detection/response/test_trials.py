"""Back-tests of rule changes: asking, claiming, and what the engine makes of stored events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import catalog
from detection.backtest import trying
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, RuleChange, RuleSetting, RuleTrial
from detection.response import labels, rules, trials
from tests.cast import LONDON, happened, judge_all, report, settled_life, shop

pytestmark = pytest.mark.django_db
ADA = Actor(ActorKind.STAFF, "ada")
BURST = "failed-login-burst"


@pytest.fixture(autouse=True)
def others_see_the_rules_as_they_come(db: None) -> Any:
    yield
    catalog.refresh()


def guessed(member: str, times: int, *, days_ago: int = 2) -> list[str]:
    """Wrong passwords of a stranger, a minute apart; their ids."""
    first = timezone.now() - timedelta(days=days_ago)
    tries = [
        happened("login.failed", member, occurred_at=first + timedelta(minutes=n), ip="2.160.0.1", device_id="other")
        for n in range(times)
    ]
    assert {item.status for item in report(*tries, historic=True)} == {"accepted"}
    return [one["event_id"] for one in tries]


def tried(**asked: Any) -> dict[str, Any]:
    """What came out of a back-test of the burst rule."""
    trial = trials.ask(BURST, actor=ADA, **asked).trial
    assert trial is not None
    assert trying.run_next()
    trial.refresh_from_db()
    assert (trial.status, trial.error) == (RuleTrial.DONE, "")
    return dict(trial.result)


def test_a_change_is_tried_beside_the_rule_as_it_is() -> None:
    settled_life("mia", days=10)
    settled_life("sam", "sam-phone", days=10)
    guessed("mia", 6)
    guessed("sam", 4)
    judge_all()
    found = tried(parameters={"limit": 4})
    before, after = found["before"], found["after"]
    assert (before["hits"], before["members"], before["alerts"]) == (2, 1, 1)
    assert (after["hits"], after["members"], after["alerts"]) == (4, 2, 2)
    assert found["newly_hit"]["count"] == 2
    assert found["no_longer_hit"]["count"] == 0
    assert sum(after["days"]) == 2
    assert after["alerts_a_day"] == pytest.approx(2 / 7, abs=0.3)
    assert after["microseconds"] > 0
    assert found["cut"] is None
    assert not Alert.objects.exists()  # history is judged by nobody, and a back-test stores nothing
    assert not RuleChange.objects.exists()


def test_what_is_known_of_events_says_how_often_the_change_is_right() -> None:
    settled_life("mia", days=10)
    bad, good = guessed("mia", 6), guessed("sam", 5, days_ago=3)
    judge_all()
    said = [{"event_id": name, "label": "fraud"} for name in bad] + [{"event_id": good[-1], "label": "legitimate"}]
    labels.add_many(said, client=shop(), actor=Actor(ActorKind.SHOP, "shop"))
    labels.match_waiting(now=timezone.now() + timedelta(hours=1))
    found = tried(parameters={"limit": 6})
    assert found["known"] == {"bad": 6, "good": 1}
    assert (found["before"]["known_bad_caught"], found["before"]["known_good_hit"]) == (2, 1)
    assert (found["after"]["known_bad_caught"], found["after"]["known_good_hit"]) == (1, 0)
    assert found["no_longer_hit"]["count"] == 2


def test_a_device_known_before_the_period_is_known_in_it() -> None:
    settled_life("mia", days=20)
    now = timezone.now()
    own = [
        happened(
            "login.failed", "mia", occurred_at=now - timedelta(hours=2, minutes=n), ip=LONDON, device_id="mia-phone"
        )
        for n in range(8)
    ]
    report(*own, historic=True)
    judge_all()
    found = tried(parameters={"limit": 4}, start=now - timedelta(days=1))
    assert found["before_events"] > 30
    assert found["after"]["hits"] == 0  # eight tries of her own phone are a forgotten password


def test_other_rules_that_speak_in_the_same_alert_are_named() -> None:
    settled_life("mia", days=10)
    guessed("mia", 6)
    entered = timezone.now() - timedelta(days=2) + timedelta(minutes=7)
    report(happened("login.succeeded", "mia", occurred_at=entered, ip="2.160.0.1", device_id="other"), historic=True)
    judge_all()
    after = tried(parameters={"limit": 4})["after"]
    assert after["alerts"] == 1
    assert "login-after-failures" in [one["rule"] for one in after["overlap"]]
    assert after["alone"] == 0


def test_a_rule_that_would_be_off_leaves_its_alerts_out_and_expects_nothing() -> None:
    settled_life("mia", days=10)
    guessed("mia", 6)
    judge_all()
    found = tried(state="off")
    assert (found["before"]["alerts"], found["after"]["alerts"], found["after"]["hits"]) == (1, 0, 0)
    assert found["before"]["all"]["alerts"] > found["after"]["all"]["alerts"]
    assert found["estimate"] is None


def test_a_rule_in_shadow_is_tried_as_if_it_were_live() -> None:
    settled_life("mia", days=10)
    guessed("mia", 6)
    judge_all()
    rules.change(BURST, actor=ADA, state="shadow")
    found = tried(state="shadow", parameters={"limit": 4})
    assert (found["before"]["hits"], found["before"]["alerts"]) == (2, 0)
    assert (found["after"]["hits"], found["after"]["alerts"]) == (3, 1)


def test_going_live_keeps_what_was_expected_and_another_setting_does_not() -> None:
    settled_life("mia", days=10)
    guessed("mia", 6)
    judge_all()
    expected = tried(state="shadow", parameters={"limit": 4})["estimate"]
    assert (expected["alerts"], expected["source"]) == (1, "backtest")
    assert expected["low"] < expected["per_day"] < expected["high"]
    rules.change(BURST, actor=ADA, state="live", parameters={"limit": 4})
    assert RuleSetting.objects.get().estimate == expected
    rules.change(BURST, actor=ADA, parameters={"window": "1h"})
    assert RuleSetting.objects.get().estimate is None
    rules.rollback(BURST, 1, actor=ADA)
    assert RuleSetting.objects.get().estimate == expected
    rules.change(BURST, actor=ADA, state="shadow")
    assert rules.history(BURST)[0].estimate == expected


def test_a_back_test_stays_within_its_bounds_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settled_life("mia", days=3)
    judge_all()
    monkeypatch.setattr(trying, "MOST", 4)
    found = tried(parameters={"limit": 4})
    assert (found["cut"], found["events"]) == ("events", 4)
    trials.ask(BURST, actor=ADA, parameters={"limit": 3})
    assert trying.run_next(seconds=0)
    newest = trials.of_rule(BURST)[0]
    assert (newest.result["cut"], newest.result["events"], newest.result["estimate"]) == ("time", 0, None)


def test_the_same_wish_while_it_waits_is_one_and_too_many_are_turned_away() -> None:
    first = trials.ask(BURST, actor=ADA, parameters={"limit": 4}).trial
    assert trials.ask(BURST, actor=ADA, parameters={"limit": 4}).trial == first
    for limit in range(5, 9):
        assert trials.ask(BURST, actor=ADA, parameters={"limit": limit}).trial
    assert trials.ask(BURST, actor=ADA, parameters={"limit": 9}).busy


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"parameters": {"limit": 0}}, "/parameters/limit"),
        ({"state": "asleep"}, "/state"),
        ({"start": timezone.now() + timedelta(days=1)}, "/from"),
        ({"start": timezone.now() - timedelta(days=40)}, "/from"),
    ],
)
def test_nonsense_is_told_and_not_tried(asked: dict[str, Any], pointer: str) -> None:
    assert [error["pointer"] for error in trials.ask(BURST, actor=ADA, **asked).errors] == [pointer]
    assert trials.ask("no-such-rule", actor=ADA).missing
    assert not RuleTrial.objects.exists()


def test_one_is_run_at_a_time_a_lost_worker_s_is_taken_over_once_and_then_given_up() -> None:
    trials.ask(BURST, actor=ADA, parameters={"limit": 4})
    trials.ask(BURST, actor=ADA, parameters={"limit": 3})
    first = trials.claim()
    assert first is not None
    assert trials.claim() is None
    late = timezone.now() + 2 * trials.LEASE
    again = trials.claim(now=late)
    assert again == first
    assert not trials.progress(first, 1, 2)  # the first worker hears that it is not its own any more
    other = trials.claim(now=late + 2 * trials.LEASE)
    assert other is not None
    assert other != first
    first.refresh_from_db()
    assert (first.status, first.error) == (RuleTrial.FAILED, "WorkerLost")


def test_one_that_breaks_is_told_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = trials.ask(BURST, actor=ADA, parameters={"limit": 4}).trial
    assert asked is not None
    RuleTrial.objects.update(rule_id="gone-meanwhile")
    assert trying.run_next()
    asked.refresh_from_db()
    assert (asked.status, asked.error) == (RuleTrial.FAILED, "LookupError")
