"""The lists at the programs' door."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from detection.kernel.vocabulary import Role
from detection.models import AuditPending, ListEntry
from tests.api.conftest import Caller, staff_user
from tests.api.test_events import problem


def line(**more: Any) -> dict[str, Any]:
    return {"effect": "block", "kind": "address", "value": "203.0.113.0/24", "reason": "card testing", **more}


def test_an_entry_is_made_read_and_taken_off(ada: Caller, olga: Caller) -> None:
    made = ada.post("lists/", line(expires_at="2100-01-01T00:00:00Z"))
    assert made.status_code == 201, made.content
    entry = made.json()
    assert entry["owner"] == "ada"
    assert entry["expires_at"] == "2100-01-01T00:00:00.000000Z"
    assert olga.get(f"lists/{entry['id']}/").json() == entry
    assert olga.get("lists/").json()["results"] == [entry]
    assert ada("DELETE", f"lists/{entry['id']}/").status_code == 204
    problem(ada("DELETE", f"lists/{entry['id']}/"), 404)
    problem(olga.get(f"lists/{entry['id']}/"), 404)


def test_the_same_again_is_409_and_names_the_one_that_stands(ada: Caller) -> None:
    first = ada.post("lists/", line()).json()
    said = problem(ada.post("lists/", line(value="203.0.113.0/24", reason="again")), 409)
    assert said["id"] == first["id"]


@pytest.mark.parametrize("body", [{}, [], "x", line(value="203.0.113.7/24"), line(reason=""), line(owner="olga", x=1)])
def test_a_fault_is_400_with_a_pointer(ada: Caller, body: Any) -> None:
    assert problem(ada.post("lists/", body), 400)["errors"]
    assert not ListEntry.objects.exists()


def test_filters_narrow_and_pages_follow_each_other(ada: Caller) -> None:
    for number in range(5):
        ada.post("lists/", line(value=f"203.0.113.{number}"))
    ada.post("lists/", line(effect="allow", kind="country", value="gb"))
    assert len(ada.get("lists/?effect=block").json()["results"]) == 5
    assert [e["value"] for e in ada.get("lists/?value=gb").json()["results"]] == ["GB"]
    assert [e["value"] for e in ada.get("lists/?value=::ffff:203.0.113.3").json()["results"]] == ["203.0.113.3"]
    assert ada.get("lists/?owner=olga").json()["results"] == []
    assert len(ada.get("lists/?expired=false").json()["results"]) == 6
    assert ada.get("lists/?expired=true").json()["results"] == []
    seen, where = [], "lists/?kind=address&limit=2"
    while where:
        page = ada.get(where).json()
        seen += [entry["value"] for entry in page["results"]]
        where = page["next"]
    assert seen == [f"203.0.113.{number}" for number in (4, 3, 2, 1, 0)]
    for bad in ("effect=forbid", "kind=shoe", "expired=maybe", "colour=red", "cursor=x", "limit=0"):
        problem(ada.get(f"lists/?{bad}"), 400)


@pytest.mark.parametrize("wrapped", [False, True])
def test_many_come_in_as_json(ada: Caller, wrapped: bool) -> None:
    entries = [line(), line(), line(kind="planet"), line(kind="device", value="d-1")]
    said = ada.post("lists/import/", {"entries": entries} if wrapped else entries).json()
    assert (said["created"], said["duplicates"], said["rejected"]) == (2, 1, 1)
    assert [result["status"] for result in said["results"]] == ["created", "duplicate", "rejected", "created"]
    assert said["results"][2]["errors"][0]["pointer"] == "/kind"


def test_what_is_exported_as_csv_or_json_comes_in_again(ada: Caller, olga: Caller) -> None:
    ada.post("lists/", line(reason='=cmd|" /C calc"!A0'))
    ada.post("lists/", line(kind="email_domain", value="example.com", expires_at="2100-01-01T00:00:00Z"))
    sheet = olga.get("lists/export/")
    assert sheet["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in sheet["Content-Disposition"]
    cells = list(csv.reader(io.StringIO(sheet.content.decode())))
    assert cells[1][3].startswith("'=cmd")
    assert all(cell.startswith('"') for cell in sheet.content.decode().splitlines())
    as_json = olga.get("lists/export/?format=json").json()
    assert len(olga.get("lists/export/?format=json&kind=address").json()) == 1
    kept = set(ListEntry.objects.values_list("effect", "kind", "value", "reason", "expires_at"))
    for body, kind in ((sheet.content, "text/csv"), (as_json, None)):
        ListEntry.objects.all().delete()
        said = ada.post("lists/import/", body, kind=kind)
        assert said.json()["created"] == 2, said.content
        assert set(ListEntry.objects.values_list("effect", "kind", "value", "reason", "expires_at")) == kept
    assert AuditPending.objects.filter(entry__action="lists.exported").count() == 3
    problem(olga.get("lists/export/?format=xml"), 400)


def test_a_sheet_and_a_long_list_come_in_with_the_token_against_forgery(db: None) -> None:
    ada = Caller(user=staff_user("ada", Role.ADMIN), check_csrf=True)
    token = "a" * 32
    ada.browser.cookies["csrftoken"] = token
    sheet = b"effect,kind,value,reason\nwatch,device,d-1,seen twice\n"
    assert ada.post("lists/import/", sheet, kind="text/csv", X_CSRFToken=token).json()["created"] == 1
    long = json.dumps([line(kind="device", value=f"d-{number}", reason="x" * 200) for number in range(2_000)]).encode()
    assert ada.post("lists/import/", long, X_CSRFToken=token).json()["created"] == 2_000
    assert ada.post("lists/import/", sheet, kind="text/csv").status_code == 403


def test_ten_thousand_come_in_at_once_and_one_more_does_not(ada: Caller) -> None:
    rows = "\n".join(f"block,device,d-{number},stolen" for number in range(10_000))
    sheet = f"effect,kind,value,reason\n{rows}\n"
    assert ada.post("lists/import/", sheet.encode(), kind="text/csv").json()["created"] == 10_000
    problem(ada.post("lists/import/", f"{sheet}block,device,one-more,x".encode(), kind="text/csv"), 400)
    assert ListEntry.objects.count() == 10_000


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe", "text/csv", 400),
        (b"", "text/csv", 400),
        (b"effect,kind,value,reason\n", "text/csv", 400),
        (b"shoe\n1\n", "text/csv", 400),
        (b"[]", "application/json", 400),
        (b'{"entries": 7}', "application/json", 400),
        (b"[", "application/json", 400),
        (b"<x/>", "application/xml", 415),
        (b"[" + b" " * 1024 * 1024 + b"]", "application/json", 413),
    ],
)
def test_what_is_no_list_is_refused(ada: Caller, body: bytes, kind: str, status: int) -> None:
    problem(ada.post("lists/import/", body, kind=kind), status)


def test_only_an_admin_writes(olga: Caller, mia: Caller, shop: Caller) -> None:
    for caller in (olga, mia, shop):
        problem(caller.post("lists/", line()), 403)
        problem(caller.post("lists/import/", [line()]), 403)
    assert not ListEntry.objects.exists()
