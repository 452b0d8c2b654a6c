"""The command: from judged events in the table to a model on duty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.anomaly import history, shelf
from detection.anomaly.vector import kind_named
from detection.kernel.ids import uuid7
from detection.kernel.vocabulary import EventState, ModelState, Outcome, Severity, Trust
from detection.models import Alert, Client, Event, ModelVersion
from tests import cast
from tests.detection.anomaly.shop import START, Shop

pytestmark = [pytest.mark.django_db, pytest.mark.database]

KIND = kind_named("payments")
SINCE = START.isoformat()


@pytest.fixture(autouse=True)
def _own_shelf(settings, tmp_path: Path) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path
    shelf.forget()
    yield
    shelf.forget()


@pytest.fixture
def shop() -> Client:
    return Client.objects.create(name="shop")


@pytest.fixture
def month(shop: Client) -> list[Event]:
    """A month of judged payments as the pipeline leaves them."""
    watched = Shop(KIND)
    rows = []
    for happened in watched.month():
        seen = watched.sees(happened)
        if happened.type in KIND.listens_to:
            measured = {KIND.detector_id: KIND.measure(happened, seen)}
            rows.append(judged(shop, happened.type, happened.occurred_at, happened.subject, measured, ip=happened.ip))
    return Event.objects.bulk_create(rows)


def judged(shop: Client, type_: str, at: Any, subject: str, seen: dict[str, Any], **more: Any) -> Event:
    return Event(
        client=shop,
        event_id=str(uuid7()),
        type=type_,
        occurred_at=at,
        subject=subject,
        body={"ip": more.pop("ip", "81.2.69.142")},
        state=more.pop("state", EventState.PROCESSED),
        seen=seen,
        **more,
    )


def told(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("train_models", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def test_a_month_of_payments_becomes_a_model_on_duty(month: list[Event]) -> None:
    answer = told("--kind", "payments", "--since", SINCE)["models"][0]
    assert (answer["kind"], answer["status"], answer["version"]) == ("payments", "active", 1)
    assert answer["card"]["rows"] + answer["card"]["clean_rows"] == len(month)
    assert [detector.id for detector in shelf.active_detectors()] == ["anomaly-payments"]


def test_later_versions_wait_until_asked(month: list[Event]) -> None:
    common = ("--kind", "payments", "--since", SINCE)
    told(*common)
    assert told(*common)["models"][0]["status"] == "shadow"
    assert told("--promote", "payments")["models"][0]["version"] == 2
    assert told(*common, "--activate")["models"][0]["status"] == "active"
    assert told("--rollback", "payments")["models"][0]["version"] == 2
    assert ModelVersion.objects.get(state=ModelState.ACTIVE).version == 2


def test_too_little_history_is_no_failure(shop: Client) -> None:
    answer = told("--since", SINCE)
    assert [model["status"] for model in answer["models"]] == ["not_enough_history"] * 3
    out = StringIO()
    call_command("train_models", "--kind", "payments", stdout=out)
    assert out.getvalue() == "Not enough history for payments: have 0 usable events, need 320\n"


def test_a_dry_run_stores_nothing(month: list[Event]) -> None:
    answer = told("--kind", "payments", "--since", SINCE, "--dry-run")["models"][0]
    assert answer["status"] == "would_store"
    assert answer["card"]["threshold"] > 0
    assert not ModelVersion.objects.exists()
    told("--kind", "payments", "--since", SINCE)
    told("--rollback", "payments", "--dry-run")
    assert ModelVersion.objects.get().state == ModelState.ACTIVE


def test_rolling_back_to_nothing_fails_and_says_so() -> None:
    with pytest.raises(CommandError, match="no earlier version of payments"):
        told("--rollback", "payments")


def test_events_that_must_not_teach_are_named(shop: Client) -> None:
    def alert(**fields: Any) -> Alert:
        return Alert.objects.create(
            subject="member:mia",
            incident=str(uuid7()),
            severity=Severity.MEDIUM,
            severity_rank=1,
            risk_score=45,
            title="t",
            summary="s",
            event_id="e",
            first_seen_at=START,
            last_seen_at=START,
            **fields,
        )

    seen = {KIND.detector_id: dict.fromkeys(KIND.names, 0.0)}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("", {}),
        ("failed", {"type_": "payment.failed"}),
        ("low trust", {"trust": int(Trust.LOW)}),
        ("judged without features", {"degraded": ["features"]}),
        ("challenged", {"outcome": Outcome.CHALLENGE, "alert_id": alert().pk}),
        ("challenged", {"outcome": Outcome.DENY}),
        ("disputed", {"alert_id": alert(disputed=True).pk}),
        ("disputed", {"alert_id": alert(disposition="confirmed", status="resolved").pk}),
        ("", {"outcome": Outcome.CHALLENGE, "alert_id": alert(disposition="false_positive", status="resolved").pk}),
    ]
    for number, (_, fields) in enumerate(cases):
        type_ = fields.pop("type_", "transaction.succeeded")
        judged(shop, type_, START + timedelta(minutes=number), "member:mia", seen, **fields).save()
    judged(shop, "transaction.succeeded", START, "member:mia", {}, state=EventState.PENDING).save()
    judged(shop, "page.viewed", START, "member:mia", {}).save()
    rows = list(history.rows(KIND, START, START + timedelta(days=1)))
    assert [row.unfit for row in rows] == [unfit for unfit, _ in cases]
    assert KIND.row(rows[0].measured) == [0.0] * len(KIND.names)
    assert rows[0].address == "81.2.69.142"
    assert history.count(KIND, START, START + timedelta(days=1)) == len(rows)


def test_what_the_artery_stores_is_what_training_reads() -> None:
    cast.settled_life("mia", days=6)
    cast.report(cast.happened("transaction.succeeded", amount="40", currency="EUR", device_id="new", ip=cast.LONDON))
    cast.judge_all()
    last = Event.objects.latest("occurred_at")
    (row,) = history.rows(KIND, last.occurred_at, last.occurred_at + timedelta(seconds=1))
    assert row.unfit == ""
    assert row.measured == last.seen[KIND.detector_id]
    assert KIND.row(row.measured) is not None
    assert row.measured["device"] > 0
