"""Sessions and devices of a member, seen and ended, named and forgotten."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client as Browser
from django.utils import timezone

from detection.kernel.vocabulary import Role
from detection.models import Device, SignIn, WebhookEndpoint, WebhookMessage
from detection.response import accounts, devices
from tests.frontend_templates.conftest import lock, member_called, signed_in, staff_user, text_of

pytestmark = pytest.mark.django_db

PAGE = "/member/devices/"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1"


def elsewhere(name: str = "mia") -> Browser:
    """The same person with another browser."""
    browser = signed_in(accounts.user_for(member_called(name)))
    session = browser.session
    session["touched_at"] = 0
    session.save()
    browser.get("/member/", headers={"User-Agent": PHONE})
    return browser


def test_a_member_sees_where_they_are_signed_in(mia: Browser) -> None:
    mia.get("/member/")
    elsewhere()
    page = text_of(mia.get(PAGE))
    assert "iPhone" in page
    assert "127.0.0.1" in page
    assert page.count("This one") == 1
    assert page.count("Sign out there") == 1


def test_and_ends_one_of_those(mia: Browser, sam: Browser) -> None:
    other = elsewhere()
    row = SignIn.objects.get(agent__contains="iPhone")
    assert sam.post(f"/member/sessions/{row.pk}/end/").status_code == 404
    assert other.get("/member/").status_code == 200
    assert mia.post(f"/member/sessions/{row.pk}/end/").status_code == 302
    assert other.get("/member/").status_code == 302
    assert mia.get("/member/").status_code == 200


def test_or_all_others_and_the_shop_is_asked_to_do_the_same(mia: Browser) -> None:
    WebhookEndpoint.objects.create(url="https://shop.example.com/hooks", kinds=["session.revoked"])
    other = elsewhere()
    mia.post("/member/sessions/end/")
    assert other.get("/member/").status_code == 302
    assert mia.get("/member/").status_code == 200
    assert '"member_id":"mia"' in WebhookMessage.objects.get(kind="session.revoked").body.replace(": ", ":")


def test_a_session_keeps_its_place_when_its_key_changes(mia: Browser) -> None:
    user = member_called("mia").user
    user.set_password("a long enough word")
    user.save()
    mia.force_login(user)
    before = mia.cookies["sessionid"].value
    started = SignIn.objects.get(session=before).started_at
    mia.post("/login/again/", {"password": "a long enough word"})
    found = SignIn.objects.get(session=mia.cookies["sessionid"].value)
    assert mia.cookies["sessionid"].value != before
    assert found.started_at == started


def a_device(name: str = "mia", **fields: Any) -> Device:
    now = timezone.now()
    return Device.objects.create(
        **{"member": member_called(name), "device_id": "d-1", "agent": "Safari on iPhone", **fields},
        first_seen_at=now - timedelta(days=30),
        last_seen_at=now - timedelta(days=1),
    )


def test_a_device_is_named(mia: Browser) -> None:
    device = a_device()
    mia.post(f"/member/devices/{device.pk}/name/", {"name": "  My   phone "})
    assert "My phone" in text_of(mia.get(PAGE))


def test_another_member_s_device_is_none(mia: Browser) -> None:
    device = a_device("sam")
    for verb in ("name", "forget"):
        assert mia.post(f"/member/devices/{device.pk}/{verb}/", {"name": "x"}).status_code == 404


def test_a_forgotten_device_is_gone_until_it_is_seen_again(mia: Browser) -> None:
    device = a_device(trusted_at=timezone.now())
    mia.post(f"/member/devices/{device.pk}/forget/")
    assert "iPhone" not in text_of(mia.get(PAGE))
    assert devices.trusted([device.member_id]) == {}
    Device.objects.update(last_seen_at=timezone.now())
    assert "iPhone" in text_of(mia.get(PAGE))


def expiry(browser: Browser) -> float:
    row = Session.objects.get(session_key=browser.cookies["sessionid"].value)
    return (row.expire_date - timezone.now()).total_seconds()


def test_staff_are_signed_out_after_15_idle_minutes_and_members_after_30(mia: Browser, db: None) -> None:
    olga = signed_in(staff_user("olga", Role.ANALYST))
    olga.get("/admin_dashboard/")
    mia.get("/member/")
    assert 14 * 60 < expiry(olga) <= 15 * 60
    assert 29 * 60 < expiry(mia) <= 30 * 60


@pytest.mark.parametrize(("hours", "staff", "member"), [(7.9, 200, 200), (8.1, 302, 200), (12.1, 302, 302)])
def test_no_session_outlives_its_day(mia: Browser, hours: float, staff: int, member: int) -> None:
    olga = signed_in(staff_user("olga", Role.ANALYST))
    for browser in (olga, mia):
        browser.get("/")
        session = browser.session
        session["signed_in_at"] = time.time() - hours * 3600
        session.save()
    assert olga.get("/admin_dashboard/").status_code == staff
    assert mia.get("/member/").status_code == member


def test_the_locked_member_reaches_the_page_too(mia: Browser) -> None:
    lock("mia")
    assert mia.get(PAGE).status_code == 200
