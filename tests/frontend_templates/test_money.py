"""The page of what it was worth."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.response import labels
from tests.cast import happened, judge_all, large_payment, report, settled_life, shop
from tests.frontend_templates.conftest import text_of

PAGE = "/admin_dashboard/money/"


def labelled(**orders: str) -> None:
    said = [{"order_id": order.replace("_", "-"), "label": label} for order, label in orders.items()]
    labels.add_many(said, client=shop(), actor=Actor(ActorKind.SHOP, "shop"))


@pytest.fixture
def a_day(db: None) -> None:
    """A bad order stopped, a bad one lost, a good one hindered and a good one left in peace."""
    for member in ("mia", "sam"):
        settled_life(member, f"{member}-phone", days=3)
    paid: dict[str, Any] = {"currency": "EUR", "device_id": "mia-phone", "ip": "81.2.69.142"}
    report(
        large_payment("mia", order_id="o-1"),
        large_payment("sam", order_id="o-2", amount="1500.00"),
        happened("transaction.succeeded", "mia", order_id="o-3", amount="30.50", **paid),
        happened("transaction.succeeded", "mia", order_id="o-4", amount="21.00", **paid),
    )
    judge_all()
    labelled(o_1="fraud", o_2="legitimate", o_3="chargeback", o_4="legitimate")


def test_before_anybody_spoke_the_page_says_how_to_begin(olga: Browser) -> None:
    page = text_of(olga.get(PAGE))
    assert "Nothing to count yet" in page
    assert "/api/v1/labels/" in page
    assert "data-copy-text" in page


def test_sums_days_and_rules_are_told(olga: Browser, a_day: None) -> None:
    response = olga.get(PAGE)
    page = text_of(response)
    assert "1,900.00 EUR" in page
    assert "30.50 EUR" in page
    assert "of 2 good orders: 50.0 %" in page
    assert "Large payment" in page or "large" in page.casefold()
    today = timezone.now().date().isoformat()
    chart = response.context["chart"]
    assert len(chart["rows"]) in (30, 31)
    assert chart["rows"][-1]["label"] == today
    assert (chart["rows"][-1]["stopped"], chart["rows"][-1]["lost"]) == ("1,900.00", "30.50")
    assert chart["rows"][-1]["good"]["height"] > chart["rows"][-1]["bad"]["height"] > 0


def test_the_period_stands_in_the_address_and_nonsense_is_said(olga: Browser, a_day: None) -> None:
    assert "Nothing to count yet" in text_of(olga.get(f"{PAGE}?from=2020-01-01&to=2020-01-31"))
    year = olga.get(f"{PAGE}?from={timezone.now().date().replace(day=1).isoformat()}").context
    assert not year["chart"]["weekly"]
    assert "That period cannot be shown" in text_of(olga.get(f"{PAGE}?from=soon"))
    assert "1,900.00 EUR" in text_of(olga.get(f"{PAGE}?from=soon&currency=XXX"))


def test_the_days_are_had_as_a_table(olga: Browser, a_day: None) -> None:
    response = olga.get(f"{PAGE}export/")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="money-')
    lines = text_of(response).splitlines()
    assert lines[0].startswith('"day","currency","stopped","lost"')
    assert lines[1].endswith('"EUR","1900","30.5","1","1","2","1"')


def test_the_page_asks_no_more_for_a_year_than_for_a_day(olga: Browser, a_day: None) -> None:
    def asked(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert olga.get(f"{PAGE}?{query}").status_code == 200
        return len(queries)

    today = timezone.now().date()
    year = f"from={today.replace(year=today.year - 1).isoformat()}&to={today.isoformat()}"
    assert asked(year) <= asked(f"from={today.isoformat()}&to={today.isoformat()}") + 1
