"""How often rules are right, and what it was worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import catalog, deciding
from detection.kernel.intervals import wilson
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Alert, Event, Label, LockReason, Member, RuleSetting
from detection.response import alerts, disputes, labels, money, precision
from tests.cast import happened, judge_all, large_payment, report, settled_life, shop

LARGE = "large-transaction-new-device"
SHOP = Actor(ActorKind.SHOP, "shop")


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilson_s(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)


def period() -> tuple[datetime, datetime]:
    now = timezone.now()
    return now - timedelta(days=30), now + timedelta(minutes=1)


def of(rule: str) -> dict[str, Any]:
    return next(row for row in precision.per_rule(*period()) if row["rule"] == rule)


def alarmed(*members: str) -> list[Alert]:
    """An alert about a large payment for each member."""
    for member in members:
        settled_life(member, f"{member}-phone", days=3)
        report(large_payment(member, order_id=f"o-{member}"))
    judge_all()
    return [Alert.objects.get(member__member_id=member) for member in members]


def label(order_id: str, said: str, **more: Any) -> None:
    (line,) = labels.add_many([{"order_id": order_id, "label": said, **more}], client=shop(), actor=SHOP)
    assert line.matched


def staff() -> Actor:
    return Actor(ActorKind.STAFF, "olga", get_user_model().objects.get_or_create(username="olga")[0].pk)


pytestmark = pytest.mark.django_db


def test_a_rule_nobody_answered_has_no_precision() -> None:
    alarmed("mia")
    row = of(LARGE)
    assert (row["alerts"], row["right"], row["wrong"], row["precision"], row["interval"]) == (1, 0, 0, None, None)
    assert of("scraping")["alerts"] == 0


def test_labels_staff_and_members_are_counted_by_who_says_so() -> None:
    one, two, three, four = alarmed("mia", "sam", "m-3", "m-4")
    label("o-mia", "fraud")
    alerts.resolve(two.pk, actor=staff(), disposition="false_positive")
    disputes.deny(three.pk, member=Member.objects.get(member_id="m-3"), actor=Actor(ActorKind.MEMBER, "m-3"))
    disputes.confirm(four.pk, member=Member.objects.get(member_id="m-4"), actor=Actor(ActorKind.MEMBER, "m-4"))
    row = of(LARGE)
    assert LARGE in one.detectors
    assert (row["alerts"], row["right"], row["wrong"], row["precision"]) == (4, 2, 2, 0.5)
    assert row["by"] == {
        "labels": {"right": 1, "wrong": 0},
        "staff": {"right": 0, "wrong": 1},
        "members": {"right": 1, "wrong": 1},
    }
    assert row["interval"]["low"] < 0.5 < row["interval"]["high"]


def test_a_label_outweighs_staff_and_staff_outweigh_the_member() -> None:
    (alert,) = alarmed("mia")
    mia = Member.objects.get(member_id="mia")
    disputes.deny(alert.pk, member=mia, actor=Actor(ActorKind.MEMBER, "mia"))
    alerts.resolve(alert.pk, actor=staff(), disposition="benign")
    assert (of(LARGE)["right"], of(LARGE)["by"]["staff"]["wrong"]) == (0, 1)
    label("o-mia", "chargeback")
    assert (of(LARGE)["by"]["labels"]["right"], of(LARGE)["by"]["staff"]["wrong"]) == (1, 0)


def test_the_newest_label_counts() -> None:
    alarmed("mia")
    label("o-mia", "fraud", decided_at="2026-01-02T00:00:00Z")
    label("o-mia", "legitimate", decided_at="2026-01-01T00:00:00Z", source="team")
    assert (of(LARGE)["right"], of(LARGE)["wrong"]) == (1, 0)


def test_an_undone_answer_is_none() -> None:
    (alert,) = alarmed("mia")
    acted = alerts.resolve(alert.pk, actor=staff(), disposition="confirmed")
    alerts.undo(acted.action_id, actor=staff())
    assert of(LARGE)["right"] == 0


def test_a_rule_in_shadow_is_counted_over_labelled_events() -> None:
    RuleSetting.objects.create(rule_id=LARGE, state="shadow")
    catalog.refresh()
    settled_life(days=3)
    report(large_payment(order_id="o-mia"))
    judge_all()
    assert not Alert.objects.filter(detectors__icontains=LARGE).exists()
    label("o-mia", "fraud")
    assert of(LARGE)["shadow"]["right"] == 1
    assert of(LARGE)["right"] == 0


def test_trust_is_no_rule_that_could_be_right() -> None:
    assert "known-device" not in {row["rule"] for row in precision.per_rule(*period())}


# --- money --------------------------------------------------------------------------------------------------


def order(order_id: str, kind: str = "transaction.attempted", *, minutes: int = 5, **fields: Any) -> dict[str, Any]:
    given = {"amount": "80.00", "currency": "EUR", "order_id": order_id, "device_id": "mia-phone", **fields}
    return happened(kind, occurred_at=datetime.now(UTC) - timedelta(minutes=minutes), **given)


def worth() -> dict[str, Any]:
    return money.report(*period())


def test_a_bad_order_that_was_refused_is_stopped() -> None:
    alarmed("mia")
    assert worth()["total"]["stopped_orders"] == 0
    label("o-mia", "fraud")
    said = worth()
    assert said["total"] == {
        "amounts": [{"currency": "EUR", "stopped": "1900", "lost": "0"}],
        "stopped_orders": 1,
        "lost_orders": 0,
        "good_orders": 0,
        "hindered_orders": 0,
    }
    assert [day["day"] for day in said["days"]] == [Event.objects.latest("occurred_at").occurred_at.date().isoformat()]
    assert {"rule": LARGE, **said["total"]} in said["rules"]


@pytest.mark.parametrize("word", ["fraud", "chargeback", "early_warning"])
def test_a_bad_order_that_went_through_is_lost(word: str) -> None:
    report(order("o-1", minutes=6), order("o-1", "transaction.succeeded"))
    judge_all()
    label("o-1", word)
    total = worth()["total"]
    assert (total["lost_orders"], total["stopped_orders"]) == (1, 0)
    assert total["amounts"] == [{"currency": "EUR", "stopped": "0", "lost": "80"}]
    assert LARGE not in {row["rule"] for row in worth()["rules"]}


def test_a_bad_order_that_was_refused_and_then_went_through_is_lost() -> None:
    alarmed("mia")
    LockReason.objects.all().delete()
    report(order("o-mia", "transaction.succeeded", minutes=0, amount="1900.00"))
    judge_all()
    label("o-mia", "fraud")
    assert worth()["total"]["lost_orders"] == 1


def test_a_bad_order_that_failed_by_itself_is_neither() -> None:
    report(order("o-1", minutes=6), order("o-1", "payment.failed"))
    judge_all()
    label("o-1", "fraud")
    assert worth()["total"]["amounts"] == []


def test_a_charged_back_order_is_lost_though_nobody_told_us_that_it_went_through() -> None:
    report(order("o-1", minutes=6), order("o-1", "payment.failed"))
    judge_all()
    label("o-1", "chargeback")
    assert worth()["total"]["lost_orders"] == 1


def test_the_event_of_a_chargeback_is_a_word_on_its_order() -> None:
    report(order("o-1", minutes=6), order("o-1", "transaction.succeeded"))
    report(happened("chargeback.received", order_id="o-1"))
    judge_all()
    assert worth()["total"]["lost_orders"] == 1


def test_a_good_order_that_was_refused_is_hindered_and_one_that_was_not_is_good() -> None:
    settled_life()
    report(order("o-2", minutes=50), order("o-2", "transaction.succeeded", minutes=49))
    judge_all()
    alarmed_order = large_payment(order_id="o-1")
    report(alarmed_order)
    judge_all()
    label("o-1", "legitimate")
    label("o-2", "legitimate")
    total = worth()["total"]
    assert (total["good_orders"], total["hindered_orders"], total["amounts"]) == (2, 1, [])
    assert next(row for row in worth()["rules"] if row["rule"] == LARGE)["hindered_orders"] == 1


def test_what_staff_said_of_the_alert_is_a_word_on_its_order() -> None:
    (alert,) = alarmed("mia")
    alerts.resolve(alert.pk, actor=staff(), disposition="false_positive")
    assert worth()["total"]["hindered_orders"] == 1


def test_an_order_counts_once_however_often_it_was_tried() -> None:
    settled_life(days=3)
    report(large_payment(order_id="o-1"), large_payment(order_id="o-1"))
    judge_all()
    label("o-1", "fraud")
    total = worth()["total"]
    assert total["stopped_orders"] == 1
    assert total["amounts"][0]["stopped"] == "1900"


def test_currencies_are_not_added_up() -> None:
    for name, currency in (("o-1", "EUR"), ("o-2", "JPY")):
        report(order(name, currency=currency), order(name, "transaction.succeeded", currency=currency))
    judge_all()
    label("o-1", "fraud")
    label("o-2", "fraud")
    assert [row["currency"] for row in worth()["total"]["amounts"]] == ["EUR", "JPY"]


def test_another_app_s_order_of_the_same_name_is_another_order() -> None:
    from detection.models import Client

    till = Client.objects.create(name="till")
    report(order("o-1", "transaction.succeeded"))
    report(order("o-1", "transaction.succeeded", member="sam"), client=till)
    judge_all()
    label("o-1", "fraud")
    total = worth()["total"]
    assert (total["lost_orders"], total["amounts"][0]["lost"]) == (1, "80")


def test_an_order_belongs_to_the_day_it_was_first_tried_on() -> None:
    report(order("o-1"), order("o-1", "transaction.succeeded"))
    judge_all()
    label("o-1", "fraud")
    first = datetime(2026, 11, 1, 23, 50, tzinfo=UTC)
    for number, event in enumerate(Event.objects.order_by("type")):
        Event.objects.filter(pk=event.pk).update(occurred_at=first + timedelta(minutes=20 * number))
    Label.objects.update(event_at=first + timedelta(minutes=20))
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    assert [day["day"] for day in money.report(midnight - timedelta(days=1), midnight)["days"]] == ["2026-11-01"]
    assert money.report(midnight, midnight + timedelta(days=1))["days"] == []


def test_a_decision_that_refused_stopped_the_money() -> None:
    settled_life()
    (item,) = report(large_payment(order_id="o-1"), ring=False)
    assert item.event is not None
    assert deciding.decide(item.event)["verdict"] == "deny"
    label("o-1", "fraud")
    assert worth()["total"]["stopped_orders"] == 1


def test_a_report_takes_as_many_queries_for_many_orders_as_for_few() -> None:
    def queries(names: list[str]) -> int:
        report(*(order(name, "transaction.succeeded") for name in names))
        judge_all()
        for name in names:
            label(name, "fraud")
        with CaptureQueriesContext(connection) as asked:
            worth()
        return len(asked)

    assert queries(["a", "b"]) == queries([f"c-{number}" for number in range(30)])
