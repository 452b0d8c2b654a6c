"""A page for everything an event can carry, and the search that finds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from detection.enrich.network import classify
from detection.models import ListEntry
from detection.response import entities
from tests.cast import BERLIN, happened, judge_all, large_payment, report
from tests.frontend_templates.conftest import member_called, raised, text_of


@pytest.fixture
def robbed(db: None) -> None:
    """Two members paid from one strange device with one card."""
    member_called("mia")
    member_called("sam")
    for member in ("mia", "sam"):
        report(large_payment(member, payment_method_id="card-7", email=f"{member}@mail.example"))
    judge_all()


THINGS = [
    ("device", "unheard-of", "unheard-of"),
    ("address", BERLIN, BERLIN),
    ("country", "DE", "Germany"),
    ("payment", "card-7", "card-7"),
    ("mail", "mail.example", "mail.example"),
]


@pytest.mark.usefixtures("robbed")
@pytest.mark.parametrize(("kind", "name", "title"), THINGS)
def test_a_thing_shows_members_alerts_and_what_comes_with_it(kind: str, name: str, title: str, olga: Browser) -> None:
    page = text_of(olga.get(f"/admin_dashboard/things/{kind}/{name}/"))
    for seen in (title, "/admin_dashboard/members/mia/", "/admin_dashboard/members/sam/", "Payment tried", "<svg"):
        assert seen in page, seen
    for other, near, _ in THINGS:
        assert f"/things/{other}/{near}/" in page or other == kind, other


@pytest.mark.usefixtures("robbed")
def test_a_network_has_a_page_too(olga: Browser) -> None:
    raised(7, context={"network": "tor"})
    page = text_of(olga.get("/admin_dashboard/things/network/tor/"))
    assert "Tor" in page
    assert "Alert 7" in page


def test_an_address_says_whose_line_it_is_and_the_network_its_number(olga: Browser) -> None:
    report(happened("login.succeeded", "mia", ip="8.8.8.8", session_id="s-1"))
    judge_all()
    page = text_of(olga.get("/admin_dashboard/things/address/8.8.8.8/"))
    owner = classify("8.8.8.8").owner
    assert owner
    assert "AS15169" in page
    assert f">{owner}</bdi></a>" in page
    assert "AS15169" in text_of(olga.get(f"/admin_dashboard/things/network/{owner}/"))
    for text in ("AS15169", owner[:5]):
        answer = olga.get("/admin_dashboard/find/", {"q": text})
        assert f"/things/network/{quote(owner)}/" in (answer.get("Location") or text_of(answer)), text


def test_a_name_has_one_spelling(olga: Browser) -> None:
    assert olga.get("/admin_dashboard/things/country/de/")["Location"] == "/admin_dashboard/things/country/DE/"
    assert olga.get("/admin_dashboard/things/planet/mars/").status_code == 404
    assert olga.get("/admin_dashboard/things/device/a/b/").status_code == 200


@pytest.mark.usefixtures("robbed")
def test_a_look_costs_the_same_however_much_there_is(
    olga: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        raised(number, member=f"member-{number}", device="unheard-of")
    with django_assert_max_num_queries(16):
        assert "member-29" in text_of(olga.get("/admin_dashboard/things/device/unheard-of/"))


@pytest.mark.usefixtures("robbed")
def test_only_the_newest_is_looked_through_and_that_is_said(olga: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "LOOKED_THROUGH", 1)
    assert "1 event among the newest 1" in text_of(olga.get(f"/admin_dashboard/things/address/{BERLIN}/"))


@pytest.mark.usefixtures("robbed")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mia", "members/mia/"),
        ("mia@example.com", "members/mia/"),
        ("unheard", "things/device/unheard-of/"),
        (BERLIN, f"things/address/{BERLIN}/"),
        ("DE", "things/country/DE/"),
        ("German", "things/country/DE/"),
        ("card-7", "things/payment/card-7/"),
    ],
)
def test_one_box_finds_all_of_them(text: str, found: str, olga: Browser) -> None:
    answer = olga.get("/admin_dashboard/find/", {"q": text})
    assert f"/admin_dashboard/{found}" in (answer.get("Location") or text_of(answer))


@pytest.mark.parametrize("text", ["", "no such thing", "\x00", "<script>alert(1)</script>", "%", "999.1.1.1", "a@"])
def test_what_is_not_there_is_said_kindly(text: str, olga: Browser) -> None:
    page = olga.get("/admin_dashboard/find/", {"q": text})
    assert page.status_code == 200
    assert "<script>alert" not in text_of(page)


def test_an_event_leads_to_its_alert(olga: Browser) -> None:
    sent: dict[str, Any] = large_payment("mia")
    report(sent)
    judge_all()
    assert "/admin_dashboard/alerts/" in olga.get("/admin_dashboard/find/", {"q": sent["event_id"]})["Location"]


def test_a_thing_is_put_on_a_list_and_taken_off(ada: Browser, olga: Browser) -> None:
    to = "/admin_dashboard/list/device/unheard-of/"
    assert olga.post(to, {"effect": "block", "reason": "no"}).status_code == 403
    refused = ada.post(to, {"effect": "block", "reason": " "}, headers={"X-Page": "live"})
    assert refused.status_code == 400
    ada.post(to, {"effect": "block", "reason": "used by thieves"})
    page = text_of(ada.get("/admin_dashboard/things/device/unheard-of/"))
    assert "On the block list" in page
    assert "used by thieves" in page
    entry = ListEntry.objects.get()
    assert (
        ada.post(f"/admin_dashboard/unlist/{entry.pk}/device/another/", headers={"X-Page": "live"}).status_code == 404
    )
    ada.post(f"/admin_dashboard/unlist/{entry.pk}/device/unheard-of/")
    assert not ListEntry.objects.exists()


def test_activity_is_drawn_by_day(olga: Browser) -> None:
    now = datetime.now(UTC)
    for ago in (0, 0, 3):
        report(
            happened("page.viewed", device_id="d-1", occurred_at=now - timedelta(days=ago, minutes=1)), historic=True
        )
    found = entities.portrait("device", "d-1", now=timezone.now())
    assert (found.daily[-1], found.daily[-4]) == (2, 1)
