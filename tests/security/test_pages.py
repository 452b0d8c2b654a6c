"""Every page of the site with everything on it that a stranger, a member, an app or a colleague could have written.

Nothing of it runs, hides or turns the text around, a spreadsheet takes none of it for a formula, and no page is heavy.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from detection.audit import ledger
from detection.models import Alert, AuditEntry, Event, LockReason, Notification, SavedView
from tests.security import world as worlds
from tests.security.matrix import Row, path_of, rows
from tests.security.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # a page does the same with a text on every database

STATIC = Path(__file__).parents[2] / "frontend_templates" / "static"
MOST = 150_000
NASTY = "=1+1\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}\u202etxt\u200b\u2066"
LONG = "W" * 60
#: What only this program writes, or takes from a fixed list. Every other text of every table is made nasty.
OURS = {
    "Member": "locale language time_zone",
    "Contact": "kind",
    "Device": "country",
    "Dismissal": "code",
    "Alert": "incident status disposition severity title action_taken ip country",
    "AlertDetector": "detector",
    "AlertAction": "verb",
    "Dispute": "answer reference",
    "UsedLink": "answer",
    "Authenticator": "seed key_id",
    "RecoveryCode": "name digest",
    "SignIn": "session ip",
    "ApiKey": "prefix digest",
    "Face": "logo_type colour",
    "Desk": "time_zone",
    "SavedView": "query",
    "RuleSetting": "rule_id state severity",
    "RuleChange": "rule_id state severity cause",
    "DetectorFault": "detector",
    "ModelVersion": "kind state path digest signature key_id",
    "Event": "type state outcome severity",
    "Receipt": "digest",
    "EventReference": "kind",
    "Label": "kind label",
    "ListEntry": "effect kind",
    "RemovedEntry": "effect kind",
    "LockReason": "state by code",
    "LockBatch": "verb",
    "LockEvent": "before after code",
    "OtpChallenge": "id purpose channel key_id session",
    "PortalToken": "digest",
    "Notification": "channel kind carrier severity challenge language",
    "Carrier": "name floor time_zone",
    "NoticePreference": "topic",
    "Remark": "kind",
    "FeedEntry": "kind",
    "AuditEntry": "leaf_hash prev_hash action",
    "RuleTrial": "rule_id state severity status",
    "WebhookMessage": "kind body",
}
#: What a page may be asked for beside its name.
ASKED = ("q", "before", "member", "device", "status", "state", "fate", "currency", "from", "name", "action", "actor",
         "target", "next", "view", "sort", "detector", "kind", "effect", "trial", "tab", "show")  # fmt: skip


def nasty(room: int | None, mark: Any = "") -> str:
    """The text as long as its field takes, told apart by a mark."""
    return f"{NASTY}{mark}{LONG}"[:room] if room else f"{NASTY}{mark}{LONG * 6}"


def texts() -> Iterator[tuple[type[models.Model], Any]]:
    """Every text field of every table that others can write."""
    for model in apps.get_app_config("detection").get_models():
        for field in model._meta.fields:
            text = isinstance(field, (models.CharField, models.TextField))
            if text and field.name not in OURS.get(model.__name__, "").split():
                yield model, field


def plant(made: World) -> None:
    """Write it into every field, body and name there is, and have enough alerts to fill pages."""
    names = made.names
    first = Alert.objects.earliest("created_at")
    for number in range(60):
        first.pk, first.incident = uuid4(), f"account-{number + 10}"
        first.save(force_insert=True)
    body = {name: nasty(100) for name in ("device_id", "session_id", "user_agent", "path", "order_id", "agent", "city")}
    body |= {"payment_method_id": nasty(100), "email": f"{nasty(60)}@example.com", "metadata": {nasty(40): nasty(80)}}
    body |= {"ip": "81.2.69.142", "amount": "12.00", "currency": "EUR", "country": "GB", "network_owner": nasty(100)}
    Event.objects.update(body=body, enriched=body)
    context = {name: nasty(100) for name in ("city", "network", "network_kind", "user_agent", "device", "asn_name")}
    reason = {name: nasty(200) for name in ("text", "observed", "threshold", "compared_with")}
    Alert.objects.update(context=context, reasons=[{"code": "failed-login-burst", **reason}])
    Notification.objects.update(context={name: nasty(80) for name in ("name", "place", "device", "reason", "title")})
    SavedView.objects.update(query=urlencode({"q": NASTY}))
    for model, field in texts():
        for row in model._base_manager.all():
            type(row)._base_manager.filter(pk=row.pk).update(**{field.name: nasty(field.max_length, row.pk)})
    for user in get_user_model().objects.all():
        get_user_model().objects.filter(pk=user.pk).update(username=nasty(120, user.pk), first_name=nasty(100))
    ledger.sequence_all()
    AuditEntry.objects.update(actor=nasty(150), target=nasty(300))
    names["member_id"]["mia"] = Alert.objects.exclude(member=None).values_list("member__member_id", flat=True)[0]
    names["name"]["mia"] = nasty(100)


def test_what_is_left_out_of_this_is_still_there() -> None:
    for name, fields in OURS.items():
        model = apps.get_model("detection", name)
        assert set(fields.split()) <= {field.name for field in model._meta.fields}, name


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), worlds.put_back():
        made = worlds.build()
        plant(made)
        yield made


def shown() -> list[tuple[Row, str]]:
    """Every address a person may open, and who may."""
    found = []
    for row in rows():
        if row.method == "GET" and row.thing != "missing" and not row.route.startswith(("api/", "^")):
            who = next((who for who in ("ada", "mia", "locked", "anonymous") if row.cells[who] == 200), None)
            if who is not None:
                found.append((row, who))
    return found


SHOWN = shown()


class Reader(HTMLParser):
    """Whatever on a page could run, and whatever is read out or shown as words."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []
        self.words: list[str] = []
        self.within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within = tag
        said = dict(attrs)
        if tag == "script" and not (said.get("src") or "").startswith("/static/"):
            self.running.append(f"<{tag} {said}>")
        for name, value in attrs:
            bad = name.startswith("on") or name == "style" or (value or "").strip().lower().startswith("javascript:")
            if bad or (tag == "img" and value == "x"):
                self.running.append(f"<{tag} {name}={value}>")
            if name in ("title", "aria-label", "alt", "placeholder"):
                self.words.append(value or "")

    def handle_data(self, data: str) -> None:
        if self.within != "textarea":  # it holds what somebody typed, as they typed it
            self.words.append(data)


def faults(page: str) -> list[str]:
    """What would run on a page, and words with something hidden in them."""
    reader = Reader()
    reader.feed(page)
    return reader.running + [word for word in reader.words if set(word) & set("\u202e\u200b\u2066\x00")]


def look(made: World, who: str, path: str) -> Any:
    return made.answer(who, "GET", path, b"", "")


@pytest.mark.parametrize(("row", "who"), SHOWN, ids=lambda it: it.route if isinstance(it, Row) else it)
def test_a_page_shows_what_strangers_wrote_and_runs_none_of_it(world: World, row: Row, who: str) -> None:
    path = quote(path_of(row.route, world.names, row.thing), safe="/")
    asked = urlencode(dict.fromkeys(ASKED, NASTY))
    for address in (path, f"{path}?{asked}"):
        answer = look(world, who, address)
        assert answer.status_code in (200, 302), address
        kind = answer.headers.get("Content-Type", "")
        if "csv" in kind:
            cells = [cell for line in csv.reader(io.StringIO(answer.content.decode())) for cell in line]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
        if "html" not in kind:
            continue
        assert faults(answer.content.decode()) == [], address


@pytest.mark.parametrize("kind", ["device", "address", "network", "country", "payment", "mail"])
def test_a_thing_of_any_name_is_inert(world: World, kind: str) -> None:
    answer = look(world, "ada", f"/admin_dashboard/things/{kind}/{quote(nasty(100), safe='')}/")
    assert answer.status_code == 200
    assert faults(answer.content.decode()) == []


def test_a_null_in_an_address_is_nothing_that_exists_and_never_a_fault(world: World) -> None:
    for row, who in SHOWN:
        path = quote(path_of(row.route, world.names, row.thing), safe="/")
        nulls = urlencode(dict.fromkeys(ASKED, "a\x00b"))
        assert look(world, who, f"{path}?{nulls}").status_code in (200, 302), path
    for path in ("things/device/a%00b/", "members/a%00b/", "rules/a%00b/", "find/?q=a%00b"):
        assert look(world, "ada", f"/admin_dashboard/{path}").status_code in (200, 404), path


def brought(page: str) -> set[Path]:
    """Every file of ours the page names, and every module those import."""
    waiting = [STATIC / name for name in re.findall(r'"/static/([^"#?]+)', page)]
    found: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            if file.suffix == ".js":
                waiting += [
                    (file.parent / name).resolve() for name in re.findall(r'from "(\./[^"]+)"', file.read_text())
                ]
    return found


def test_what_was_written_is_there_to_be_seen(world: World) -> None:
    pages = [look(world, who, quote(path_of(row.route, world.names, row.thing), safe="/")) for row, who in SHOWN]
    assert sum(b"&lt;script&gt;alert(1)" in page.content for page in pages) > 25


def test_no_page_weighs_more_than_150_kilobytes(world: World) -> None:
    assert LockReason.objects.in_force().exists()
    for row, who in SHOWN:
        path = quote(path_of(row.route, world.names, row.thing), safe="/")
        answer = look(world, who, path)
        if "html" in answer.headers.get("Content-Type", ""):
            files = brought(answer.content.decode())
            sent = world.browser.get(path, headers={"Accept-Encoding": "gzip"})  # whoever looked still does
            weight = len(sent.content) + sum(file.stat().st_size for file in files)
            assert weight < MOST, (row.route, weight, sorted(file.name for file in files))
