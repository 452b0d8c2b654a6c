"""Notes of the staff about members and things."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from detection.kernel.records import SYSTEM
from detection.models import AuditPending, Member, Remark
from detection.response import personal_data
from tests.frontend_templates.conftest import member_called, text_of

pytestmark = pytest.mark.django_db

THINGS = {
    "device": "d-1",
    "address": "203.0.113.7",
    "network": "hosting",
    "country": "GB",
    "payment": "card/1",
    "mail": "example.com",
}
EVIL = "<script>alert(1)</script> \u202eevil"


def test_everything_with_a_page_can_be_noted_on_and_text_stays_text(olga: Browser) -> None:
    member_called("mia")
    pages = {"member": ("mia", "/admin_dashboard/members/mia/")}
    pages |= {kind: (name, f"/admin_dashboard/things/{kind}/{name}/") for kind, name in THINGS.items()}
    for kind, (name, page) in pages.items():
        answered = olga.post(f"/admin_dashboard/notes/{kind}/{name}/", {"note": f"{EVIL} {kind}"})
        assert answered["Location"] == page
        shown = text_of(olga.get(page))
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert "<script>alert" not in shown
        assert "\u202e" not in shown
        assert f"evil {kind}" in shown
    entries = [row.entry for row in AuditPending.objects.all() if row.entry["action"] == "remark.added"]
    assert len(entries) == len(pages)
    assert "evil" not in str(entries)


def test_a_note_is_taken_away_by_its_author_or_an_administrator(olga: Browser, ada: Browser, auditor: Browser) -> None:
    for author in (olga, ada):
        author.post("/admin_dashboard/notes/device/d-1/", {"note": "seen before"})
    of_olga, of_ada = Remark.objects.order_by("id")
    assert "Take away" not in text_of(auditor.get("/admin_dashboard/things/device/d-1/"))
    assert text_of(olga.get("/admin_dashboard/things/device/d-1/")).count("Take away") == 1
    olga.post(f"/admin_dashboard/notes/{of_ada.pk}/remove/")
    assert Remark.objects.count() == 2
    ada.post(f"/admin_dashboard/notes/{of_olga.pk}/remove/")
    ada.post(f"/admin_dashboard/notes/{of_ada.pk}/remove/")
    assert not Remark.objects.exists()
    assert ada.post(f"/admin_dashboard/notes/{of_ada.pk}/remove/").status_code == 404


def test_an_empty_note_and_a_thing_that_cannot_be_are_refused(olga: Browser) -> None:
    for kind, name in (("planet", "mars"), ("member", "nobody"), ("device", "x" * 201)):
        assert olga.post(f"/admin_dashboard/notes/{kind}/{name}/", {"note": "x"}).status_code == 404
    olga.post("/admin_dashboard/notes/device/d-1/", {"note": "  "})
    assert not Remark.objects.exists()


def test_notes_about_a_member_are_handed_out_and_erased_with_the_rest(olga: Browser) -> None:
    member_called("mia")
    olga.post("/admin_dashboard/notes/member/mia/", {"note": "called us"})
    member = Member.objects.get(member_id="mia")
    assert personal_data.export(member, actor=SYSTEM)["notes_of_staff"][0]["text"] == "called us"
    personal_data.erase(member, actor=SYSTEM)
    assert not Remark.objects.exists()
