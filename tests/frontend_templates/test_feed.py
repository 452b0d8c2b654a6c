"""The alert feed as the server draws it."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from detection.models import AuditPending, Event, SavedView
from frontend_templates import narrowing
from tests.cast import happened, report
from tests.frontend_templates.conftest import lock, raised, text_of


def ids(page: str) -> list[str]:
    """Alerts on the page, in order."""
    return re.findall(r'<li data-id="([0-9a-f-]{36})"', page)


def link(page: str, name: str) -> str | None:
    found = re.search(rf'<a class="button" href="([^"]*)"[^>]*>{name}</a>', page)
    return found[1].replace("&amp;", "&") if found else None


def test_alerts_come_newest_first_with_all_that_matters(olga: Browser) -> None:
    now = timezone.now()
    raised(
        1,
        created_at=now - timedelta(hours=2),
        context={"country": "DE", "network": "tor", "user_agent": "Firefox on Linux"},
    )
    newest = raised(2, severity="low", disputed=True)
    lock("mia")
    page = text_of(olga.get("/admin_dashboard/"))
    assert ids(page)[0] == str(newest.pk)
    for seen in (
        "Alert 1",
        "Something happened 1.",
        "mia",
        "Germany · Tor",
        "Firefox on Linux",
        "Locked",
        "Disputed",
        "High",
    ):
        assert seen in page


def test_older_pages_show_every_alert_once(olga: Browser) -> None:
    now = timezone.now()
    made = [str(raised(n, created_at=now - timedelta(seconds=n // 3)).pk) for n in range(95)]
    seen: list[str] = []
    address: str | None = "/admin_dashboard/"
    while address:
        page = text_of(olga.get(address))
        seen += ids(page)
        older = link(page, "Older")
        address = f"/admin_dashboard/{older}" if older else None
    assert sorted(seen) == sorted(made)
    assert link(page, "Newest") == "?status="


def test_a_page_costs_the_same_however_many_alerts_it_shows(
    olga: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    asked = []
    for rows in (range(2), range(2, 40)):
        for number in rows:
            raised(number, member=f"member-{number}")
            lock(f"member-{number}")
        olga.get("/admin_dashboard/")  # what is kept for a while is kept by now
        with django_assert_max_num_queries(22) as queries:
            olga.get("/admin_dashboard/")
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_nobody_counts_to_the_end(olga: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "COUNTED", 3)
    for number in range(5):
        raised(number)
    assert 'data-count="open">3+<' in text_of(olga.get("/admin_dashboard/"))


def test_what_was_put_aside_has_a_tab_of_its_own(olga: Browser) -> None:
    aside = raised(1, snoozed_until=timezone.now() + timedelta(hours=1))
    back = raised(2, snoozed_until=timezone.now() - timedelta(hours=1))
    assert ids(text_of(olga.get("/admin_dashboard/"))) == [str(back.pk)]
    assert ids(text_of(olga.get("/admin_dashboard/?snoozed=true"))) == [str(aside.pk)]


def test_a_repeated_finding_is_one_row_with_a_count(olga: Browser) -> None:
    raised(1, event_count=12)
    assert "×12" in text_of(olga.get("/admin_dashboard/"))


def test_the_network_and_the_time_narrow_too(olga: Browser) -> None:
    tor = raised(1, context={"network_kind": "tor"})
    old = raised(2, last_seen_at=timezone.now() - timedelta(days=3))
    assert ids(text_of(olga.get("/admin_dashboard/?network=tor"))) == [str(tor.pk)]
    assert ids(text_of(olga.get("/admin_dashboard/?within=24h"))) == [str(tor.pk)]
    assert set(ids(text_of(olga.get("/admin_dashboard/?within=7d")))) == {str(tor.pk), str(old.pk)}
    assert len(ids(text_of(olga.get("/admin_dashboard/?within=always")))) == 2


def test_a_view_is_kept_counted_and_opens_first_when_wished(olga: Browser) -> None:
    high = raised(1, severity="high")
    raised(2, severity="low")
    kept = olga.post(
        "/admin_dashboard/desk/views/", {"name": "Grave <b>", "query": "?severity=high&nonsense=1", "default": "1"}
    )
    assert kept["Location"] == "/admin_dashboard/?severity=high"
    opened = olga.get("/admin_dashboard/", follow=True)
    assert opened.redirect_chain == [("/admin_dashboard/?severity=high", 302)]
    page = text_of(opened)
    assert ids(page) == [str(high.pk)]
    assert "Grave &lt;b&gt;" in page
    assert re.search(r'class="chip" href="\?severity=high" aria-current="true"', page)
    assert len(ids(text_of(olga.get("/admin_dashboard/?status=")))) == 2, "the way to all stays open"
    view = SavedView.objects.get()
    olga.post(f"/admin_dashboard/desk/views/{view.pk}/let_go/")
    assert not SavedView.objects.exists()


def test_a_view_belongs_to_one_person(olga: Browser, ada: Browser) -> None:
    olga.post("/admin_dashboard/desk/views/", {"name": "Hers", "query": ""})
    assert "Hers" not in text_of(ada.get("/admin_dashboard/"))
    view = SavedView.objects.get()
    assert ada.post(f"/admin_dashboard/desk/views/{view.pk}/let_go/", headers={"X-Page": "live"}).status_code == 404


def test_a_person_chooses_their_zone_and_switches_the_keys_off(olga: Browser) -> None:
    raised(1, last_seen_at=datetime(2026, 7, 1, 12, tzinfo=UTC))
    olga.post("/admin_dashboard/desk/", {"time_zone": "Asia/Tokyo"})
    page = text_of(olga.get("/admin_dashboard/"))
    assert 'data-zone="Asia/Tokyo"' in page
    assert 'data-keys="off"' in page
    assert "21:00:00 JST" in page


def test_a_view_leaves_as_a_file_that_no_spreadsheet_reckons(olga: Browser) -> None:
    raised(1, title="=cmd|' /C calc'!A0", severity="high", context={"network": "Tor"})
    raised(2, severity="low")
    sheet = olga.get("/admin_dashboard/export/csv/?severity=high")
    rows = list(csv.DictReader(io.StringIO(text_of(sheet))))
    assert [(row["title"], row["network"]) for row in rows] == [("'=cmd|' /C calc'!A0", "Tor")]
    assert "attachment" in sheet["Content-Disposition"]
    told = olga.get("/admin_dashboard/export/json/?severity=high").json()
    assert [row["title"] for row in told] == ["=cmd|' /C calc'!A0"]
    assert AuditPending.objects.filter(entry__action="alerts.exported").count() == 2
    assert olga.get("/admin_dashboard/export/xls/").status_code == 404


def test_filters_live_in_the_address(olga: Browser) -> None:
    high = raised(1, severity="high", detectors=["impossible-travel"], country="DE", context={"country": "DE"})
    raised(2, severity="low", member="sam")
    raised(3, member=None, ip="203.0.113.3", status="resolved")
    narrow = {
        "severity=high&member=mia": [high],
        "detector=impossible-travel": [high],
        "country=de": [high],
        "q=happened+1": [high],
        "status=open&q=Alert&severity=high": [high],
    }
    for query, expected in narrow.items():
        page = text_of(olga.get(f"/admin_dashboard/?{query}"))
        assert ids(page) == [str(alert.pk) for alert in expected], query


def test_tabs_count_under_the_other_filters(olga: Browser) -> None:
    raised(1)
    raised(2, status="resolved")
    raised(3, member="sam")
    page = text_of(olga.get("/admin_dashboard/?member=mia"))
    counts = dict(re.findall(r'data-count="([a-z]*)">(\d+)<', page))
    expected = {"": "2", "open": "1", "acknowledged": "0", "escalated": "0", "resolved": "1", "snoozed": "0"}
    assert counts == expected
    assert olga.get("/admin_dashboard/counts/?member=mia").json() == expected
    assert "?member=mia&amp;status=open" in page


@pytest.mark.parametrize(
    "query", ["status=nonsense", "country=Germany", "older=~", "older=2026-01-01~x", "ip=zzz", "q=%00"]
)
def test_a_filter_that_makes_no_sense_is_left_aside(query: str, olga: Browser) -> None:
    alert = raised(1)
    response = olga.get(f"/admin_dashboard/?{query}")
    assert response.status_code == 200
    assert ids(text_of(response)) == [str(alert.pk)]


def test_nothing_a_stranger_writes_becomes_markup(olga: Browser) -> None:
    hostile = '<script>alert(1)</script>"\u202egnp.exe\x07'
    raised(1, member=hostile, title=hostile[:100], summary=hostile, context={"city": hostile, "device": hostile})
    for address in ("/admin_dashboard/", f"/admin_dashboard/?q={hostile[:8]}"):
        page = text_of(olga.get(address))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert "\u202e" not in page.split("data-member-id")[0]
        assert "\\u202e" in page


def test_an_empty_house_says_what_to_do_first(olga: Browser) -> None:
    page = text_of(olga.get("/admin_dashboard/"))
    assert "curl -X POST" in page
    assert "No app has reported anything so far" in page
    report(happened("login.succeeded", session_id="s-1"))
    assert Event.objects.exists()
    assert "Events arrive, and none of them gave reason for one" in text_of(olga.get("/admin_dashboard/"))
    raised(1, snoozed_until=timezone.now() + timedelta(days=1))
    assert "All quiet" in text_of(olga.get("/admin_dashboard/"))


def test_filters_that_match_nothing_offer_a_way_back(olga: Browser) -> None:
    raised(1)
    page = text_of(olga.get("/admin_dashboard/?member=nobody"))
    assert "Nothing matches" in page
    assert "Clear the filters" in page


def test_an_auditor_gets_no_buttons(auditor: Browser) -> None:
    raised(1)
    page = text_of(auditor.get("/admin_dashboard/"))
    assert "Alert 1" in page
    assert "/resolve/" not in page
