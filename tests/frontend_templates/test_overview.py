"""The overview: what matters now, at a cost that does not grow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from detection.response import alerts, overview
from frontend_templates import charts
from frontend_templates.views.overview import length
from tests.cast import judge_all, large_payment, report
from tests.frontend_templates.conftest import OLGA, lock, member_called, raised, text_of


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def figures(page: str) -> list[str]:
    return re.findall(r'<span class="figure">([^<]*)</span>', page)


def test_what_matters_now_is_told_and_leads_to_what_it_counts(olga: Browser) -> None:
    raised(1, severity="high", country="DE", context={"network": "tor"}, device="d-1")
    raised(2, severity="high", status="resolved")
    raised(3, severity="low", member="sam")
    lock("mia")
    page = text_of(olga.get("/admin_dashboard/overview/"))
    assert figures(page)[:4] == ["1", "0", "1", "1"]
    assert "?status=open,acknowledged,escalated&amp;severity=high" in page
    for thing in ("country/DE", "network/tor", "device/d-1"):
        assert f"/admin_dashboard/things/{thing}/" in page


def test_a_rule_is_as_precise_as_people_found_it(olga: Browser) -> None:
    for number, answer in enumerate(["confirmed", "confirmed", "false_positive", "benign"]):
        alerts.resolve(raised(number).pk, actor=OLGA, disposition=answer)
    page = text_of(olga.get("/admin_dashboard/overview/"))
    assert "2 of 3" in page
    assert "67 %" in page


def test_how_long_it_takes_to_be_seen_and_to_be_dealt_with(db: None) -> None:
    member_called("mia")
    report(large_payment())
    judge_all()
    old = raised(1, created_at=timezone.now() - timedelta(minutes=30))
    alerts.acknowledge(old.pk, actor=OLGA)
    alerts.resolve(old.pk, actor=OLGA, disposition="benign")
    standing = overview.now_standing()
    assert standing.to_act is not None
    assert timedelta(minutes=29) < standing.to_act < timedelta(minutes=31)
    assert standing.to_alert is not None
    assert standing.to_alert < timedelta(minutes=1)
    assert standing.events_a_minute == 1


def test_it_costs_the_same_however_much_there_is(
    olga: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        raised(number, member=f"member-{number}", country="DE", device=f"d-{number}")
    with django_assert_max_num_queries(20):
        olga.get("/admin_dashboard/overview/")
    with django_assert_max_num_queries(8):
        olga.get("/admin_dashboard/overview/")


def test_a_drawing_fits_its_box_and_says_itself_in_words() -> None:
    drawn = charts.bars([0, 5, 10], ["a", "b", "c"], what="Events a day")
    assert [bar.height for bar in drawn.bars] == [0, 23.5, 47]
    assert all(bar.y + bar.height == drawn.height for bar in drawn.bars)
    assert drawn.summary == "Events a day: at most 10, last 10."
    assert charts.bars([], [], what="Nothing").bars == []
    stack = charts.stacked([("high", [1, 0]), ("low", [1, 2])], ["1", "2"], what="Alerts", height=51)
    assert [[bar.height for bar in bars] for _, bars in stack.layers] == [[25, 0], [25, 50]]
    places = [("DE", "Germany", (51.0, 9.0)), ("MT", "Malta", (35.9, 14.4)), ("FR", "France", (46.0, 2.0))]
    world = charts.world({"DE": 4, "FR": 1, "MT": 4}, places)
    assert [(shape.code, shape.step) for shape in world.shapes] == [("DE", 4), ("FR", 1)]
    assert [(dot.code, dot.x, dot.y) for dot in world.dots] == [("MT", 194.4, 54.1)]
    assert {"US", "IN", "BR", "ZA", "AU"} < charts.shapes()


@pytest.mark.parametrize(
    ("span", "words"),
    [(None, "–"), (0.24, "240 ms"), (4.25, "4.2 s"), (50, "50 s"), (600, "10 min"), (9000, "2 h"), (400_000, "5 days")],
)
def test_a_length_is_short(span: float | None, words: str) -> None:
    assert length(None if span is None else timedelta(seconds=span)) == words


def test_every_part_of_the_pages_is_in_the_gallery(olga: Browser) -> None:
    page = text_of(olga.get("/admin_dashboard/parts/"))
    for part in ("badge high", "toast warning", 'role="meter"', "notice-line", "bone tall", "chip"):
        assert part in page
