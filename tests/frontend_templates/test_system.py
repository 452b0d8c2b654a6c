"""The staff's pages about the house itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.test import Client as Browser
from django.utils.html import escape

from detection.audit import ledger
from detection.kernel.detector import registered
from detection.kernel.vocabulary import EventState, ModelState
from detection.models import AuditEntry, Event, InboxItem, ModelVersion, RuleSetting
from tests.cast import happened, report
from tests.frontend_templates.conftest import raised, text_of


def test_every_rule_is_listed_with_what_it_watches_and_how_it_is_set(olga: Browser) -> None:
    RuleSetting.objects.create(rule_id="failed-login-burst", state="shadow", parameters={"limit": 77})
    page = text_of(olga.get("/admin_dashboard/rules/"))
    for rule in registered():
        assert f'href="/admin_dashboard/rules/{rule.id}/"' in page
        assert escape(rule.title) in page
    assert "Shadow" in page
    page = text_of(olga.get("/admin_dashboard/rules/failed-login-burst/"))
    assert "77" in page
    assert "login.failed" in page


def test_models_are_listed_with_their_cards(olga: Browser) -> None:
    assert text_of(olga.get("/admin_dashboard/models/")).count("No model yet") == 3
    assert "320 ordinary events of 20 members" in text_of(olga.get("/admin_dashboard/models/"))
    ModelVersion.objects.create(
        kind="payments", version=3, state=ModelState.ACTIVE, path="x", digest="d" * 64, signature="s", key_id="k",
        card={"rows": 1200},
    )  # fmt: skip
    page = text_of(olga.get("/admin_dashboard/models/"))
    assert "Payments, version 3" in page
    assert "1200 events" in page


def test_the_audit_trail_is_read_newest_first_and_narrowed(ada: Browser) -> None:
    alerts = [raised(number) for number in range(2)]
    for alert in alerts:
        ada.post(f"/admin_dashboard/alerts/{alert.pk}/acknowledge/")
    ledger.sequence_all()
    page = text_of(ada.get("/admin_dashboard/audit/"))
    assert page.index(str(alerts[1].pk)) < page.index(str(alerts[0].pk))
    page = text_of(ada.get(f"/admin_dashboard/audit/?target=alert:{alerts[0].pk}"))
    assert str(alerts[1].pk) not in page
    assert "alert.acknowledge" in page


def test_the_audit_trail_pages_without_a_gap(ada: Browser) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(seq=n, entry={}, leaf_hash=f"{n:064x}", prev_hash=f"{n:064d}", action="x.y", actor="olga")
        for n in range(1, 151)
    )
    first = text_of(ada.get("/admin_dashboard/audit/"))
    assert "before=51" in first
    second = text_of(ada.get("/admin_dashboard/audit/?before=51"))
    assert '<td class="number" data-name="No.">50</td>' in second
    assert "Older" not in second


def dead_letter() -> UUID:
    item = report(happened("login.succeeded", session_id="s-1"))[0]
    assert item.event
    InboxItem.objects.filter(event=item.event).update(dead=True, error="ValueError")
    Event.objects.filter(pk=item.event).update(state=EventState.DEAD)
    return item.event


def test_the_system_page_says_how_each_part_is(olga: Browser) -> None:
    page = text_of(olga.get("/admin_dashboard/health/"))
    for seen in ("Database", "Valkey", "Workers", "Scheduler", "Inbox", "Models", "Address data", "Mode"):
        assert f"<b>{seen}</b>" in page
    assert "Not heard of." in page, "no worker runs beside the suite, and the page says so"


def test_an_admin_plays_a_dead_letter_again_and_it_is_written_down(ada: Browser, olga: Browser) -> None:
    one, other = dead_letter(), dead_letter()
    page = text_of(olga.get("/admin_dashboard/health/"))
    assert "ValueError" in page
    assert "Try again" not in page
    response = ada.post("/admin_dashboard/health/replay/", {"event": str(one)}, follow=True)
    assert "One event is tried again" in text_of(response)
    assert InboxItem.objects.get(event=one).dead is False
    assert InboxItem.objects.get(event=other).dead is True
    ledger.sequence_all()
    assert AuditEntry.objects.filter(action="inbox.replayed", actor="ada", target=str(one)).count() == 1


def test_settings_say_what_counts_and_never_a_secret(ada: Browser, settings: Any, monkeypatch: Any) -> None:
    settings.SMS_URL = "twilio://account:sesame@+15550100"
    settings.NOTIFY_URLS = ["slack://open/sesame/now"]
    monkeypatch.setenv("REDIS_URL", "redis://:sesame@cache.example.com:6379/0")
    monkeypatch.setenv("MODE", "live")
    page = text_of(ada.get("/admin_dashboard/settings/"))
    assert "sesame" not in page
    assert "cache.example.com" in page
    assert "Locks are placed and people are told." in page
    for name in ("SECRET_KEY", "OTP_KEY", "MODEL_KEY", "AUDIT_KEY", "DEVICE_KEY", "WEBHOOK_KEY"):
        assert name in page
        assert str(getattr(settings, name)) not in page


def test_the_trail_says_whether_it_was_altered(ada: Browser) -> None:
    for number in range(3):
        ada.post("/admin_dashboard/notes/device/d-1/", {"note": f"note {number}"})
    ledger.sequence()
    assert "What you see is intact." in text_of(ada.get("/admin_dashboard/audit/"))
    assert "entries were recomputed just now and fit" in text_of(ada.get("/admin_dashboard/audit/?check=all"))
    second = AuditEntry.objects.order_by("seq")[1]
    AuditEntry.objects.filter(pk=second.pk).update(actor="somebody", entry={**second.entry, "at": "2020-01-01"})
    shown = text_of(ada.get("/admin_dashboard/audit/?action=remark.added"))
    assert f"Entry {second.seq} does not fit" in shown
    assert f"entry {second.seq} does not fit" in text_of(ada.get("/admin_dashboard/audit/?check=all"))
