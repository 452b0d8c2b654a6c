"""What the console's first pages ask for is found by an index, on both databases, however much is stored."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from detection.models import Alert
from detection.response import alerts, overview
from frontend_templates import narrowing
from tests.benchmarks import crowd

pytestmark = pytest.mark.django_db

VIEWS: tuple[narrowing.Chosen, ...] = (
    {},
    {"status": "open"},
    {"status": "open,acknowledged,escalated", "severity": "high"},
    {"severity": "low"},
    {"detector": "card-testing"},
    {"member": "crowd-00007"},
    {"country": "GB"},
    {"ip": "81.2.3.4"},
    {"device": "crowd-device-7"},
    {"within": "24h"},
    {"snoozed": "true"},
    {"disputed": "true"},
    {"assignee": "olga"},
    {"q": "order 0000042"},
)


@pytest.fixture
def crowded(db: None) -> None:
    """Enough alerts for a plan to be worth making, and a planner that takes an index wherever one serves."""
    crowd.fill(1200)
    crowd.settle()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


def read_through(plan: str) -> list[str]:
    """The steps of a plan that read the alerts from end to end without an index."""
    steps = [line for line in plan.splitlines() if "detection_alert " in f"{line} "]
    return [line for line in steps if "Seq Scan on" in line or ("SCAN" in line and "INDEX" not in line)]


def first_page(wanted: narrowing.Chosen) -> QuerySet[Alert]:
    return narrowing.apply(alerts.visible(), wanted).order_by("-created_at", "-id")[:41]


def test_the_first_page_of_every_view_is_found_by_an_index(crowded: None) -> None:
    for wanted in VIEWS:
        assert not read_through(first_page(wanted).explain()), wanted


def test_words_are_found_by_an_index_of_their_own(crowded: None) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_indexscan = off")  # so few are walked through sooner
        assert "alert_words" in first_page({"q": "order 0000042"}).explain()
    assert [alert.event_id for alert in first_page({"q": "ORDER 0000042"})] == ["crowd-event-0000042"]


def test_the_overview_reads_no_alert_without_an_index(crowded: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        overview.now_standing()
    command = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    for query in asked.captured_queries:
        if "detection_alert" not in query["sql"]:
            continue
        with connection.cursor() as cursor:
            cursor.execute(command + query["sql"])
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        assert not read_through(plan), query["sql"]
