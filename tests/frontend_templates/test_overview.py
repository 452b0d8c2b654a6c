"""The overview: what matters now, at a cost that does not grow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, LockState
from detection.response import alerts, labels, overview
from frontend_templates import charts
from frontend_templates.views import locked
from frontend_templates.views.overview import length
from tests.cast import judge_all, large_payment, report, settled_life, shop
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
    assert "2 of 4" in page
    assert "50 %" in page


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


def test_it_costs_the_same_however_much_there_is(olga: Browser) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert olga.get("/admin_dashboard/overview/").status_code == 200
        return len(queries)

    raised(99, country="DE", device="d-99", disposition="confirmed")
    asked()
    cache.clear()
    few = asked()
    for number in range(40):
        raised(number, member=f"member-{number}", country="DE", device=f"d-{number}", disposition="confirmed")
    cache.clear()
    assert asked() <= few
    assert asked() <= 8, "what was asked a moment ago is not asked again"


def test_money_is_told_and_leads_to_its_days_and_orders(olga: Browser) -> None:
    page = text_of(olga.get("/admin_dashboard/overview/"))
    assert "Nothing to count yet" in page
    settled_life("mia", "mia-phone", days=3)
    report(large_payment("mia", order_id="o-1"))
    judge_all()
    said = [{"order_id": "o-1", "label": "fraud"}]
    labels.add_many(said, client=shop(), actor=Actor(ActorKind.SHOP, "shop"))
    cache.clear()
    page = text_of(olga.get("/admin_dashboard/overview/"))
    assert "1,900.00 EUR" in page
    today = timezone.now().date()
    start = today - timedelta(days=29)
    assert f"/admin_dashboard/money/?from={start}&amp;to={today}&amp;fate=stopped#orders" in page
    day = text_of(olga.get(f"/admin_dashboard/money/?from={start}&to={today}&fate=stopped"))
    assert "o-1" in day
    assert "/admin_dashboard/members/mia/" in day
    assert "o-1" not in text_of(olga.get(f"/admin_dashboard/money/?from={start}&to={today}&fate=lost"))


def test_every_hour_of_the_trend_leads_to_its_alerts(olga: Browser) -> None:
    raised(1, severity="high")
    page = text_of(olga.get("/admin_dashboard/overview/"))
    found = re.search(r'href="(/admin_dashboard/\?occurred_after=[^"]+)" aria-label="From [^"]+: 1 high"', page)
    assert found
    assert "Alert 1" in text_of(olga.get(html.unescape(found[1])))


def test_the_locked_members_are_listed_with_their_reasons(olga: Browser) -> None:
    assert "Nobody is locked" in text_of(olga.get("/admin_dashboard/locked/"))
    for number in range(3):
        lock(f"member-{number}")
    lock("sam", state=LockState.RESTRICTED, code="odd", text="Something odd.", alert=raised(7, member="sam").pk)
    page = text_of(olga.get("/admin_dashboard/overview/"))
    assert '<a href="/admin_dashboard/locked/"><span class="figure">4</span>' in page
    page = text_of(olga.get("/admin_dashboard/locked/"))
    assert page.index("members/sam/") < page.index("members/member-2/") < page.index("members/member-0/")
    assert "A large payment from a new device." in page
    only = text_of(olga.get("/admin_dashboard/locked/?state=restricted"))
    assert "Something odd." in only
    assert "member-0" not in only


def test_the_list_of_the_locked_costs_the_same_for_one_and_for_many(olga: Browser) -> None:
    def asked(query: str = "") -> int:
        with CaptureQueriesContext(connection) as queries:
            assert olga.get(f"/admin_dashboard/locked/{query}").status_code == 200
        return len(queries)

    lock("mia")
    asked()
    few = asked()
    for number in range(locked.AT_ONCE + 5):
        lock(f"member-{number}")
    assert asked() <= few
    page = text_of(olga.get("/admin_dashboard/locked/"))
    after = re.search(r"\?before=(\d+)", page)
    assert after
    assert text_of(olga.get(f"/admin_dashboard/locked/?before={after[1]}")).count('<tr><th scope="row"') == 6


def test_a_drawing_fits_its_box_and_says_itself_in_words() -> None:
    drawn = charts.bars([0, 5, 10], ["a", "b", "c"], what="Events a day")
    assert [bar.height for bar in drawn.bars] == [0, 23.5, 47]
    assert all(bar.y + bar.height == drawn.height for bar in drawn.bars)
    assert drawn.summary == "Events a day: at most 10, last 10."
    assert charts.bars([], [], what="Nothing").bars == []
    stack = charts.stacked([("high", [1, 0]), ("low", [1, 2])], ["1", "2"], what="Alerts", height=51)
    drawn_bars = [[(name, bar.height) for name, bar in column.bars] for column in stack.columns]
    assert drawn_bars == [[("high", 25), ("low", 25)], [("low", 50)]]
    assert [column.words for column in stack.columns] == ["1 high, 1 low", "2 low"]
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
