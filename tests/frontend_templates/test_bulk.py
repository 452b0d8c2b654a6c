"""One step on many alerts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from detection.models import Alert
from detection.response import alerts
from tests.frontend_templates.conftest import OLGA, raised, text_of


def many(browser: Browser, step: str, chosen: list[Alert] | None = None, **data: Any) -> Any:
    ids = {"id": [str(alert.pk) for alert in chosen]} if chosen is not None else {"all": "1"}
    return browser.post("/admin_dashboard/bulk/", {"step": step, **ids, **data}, headers={"X-Page": "live"})


def statuses() -> set[str]:
    return set(Alert.objects.values_list("status", flat=True))


def test_what_is_harmless_is_done_at_once_and_taken_back_at_once(ada: Browser) -> None:
    made = [raised(number) for number in range(3)]
    answer = many(ada, "acknowledge", made)
    assert answer.json()["message"] == "3 alerts acknowledged."
    assert statuses() == {"acknowledged"}
    back = ada.post(answer.json()["undo"], headers={"X-Page": "live"})
    assert back.json()["message"] == "Taken back: 3 alerts as before."
    assert statuses() == {"open"}
    assert ada.post(answer.json()["undo"], headers={"X-Page": "live"}).status_code == 409


def test_what_is_dangerous_asks_for_a_reason(ada: Browser) -> None:
    made = [raised(1), raised(2)]
    assert many(ada, "resolve", made).json()["ask"]
    page = text_of(ada.post("/admin_dashboard/bulk/", {"step": "resolve", "id": [str(alert.pk) for alert in made]}))
    assert "2 alerts will be resolved" in page
    assert statuses() == {"open"}
    assert many(ada, "resolve", made, disposition="benign", note=" ").json()["ask"]
    assert many(ada, "resolve", made, disposition="benign", note="the same test order").status_code == 200
    assert statuses() == {"resolved"}
    assert {alert.actions.get().note for alert in made} == {"the same test order"}


def test_more_than_fifty_are_typed_to_confirm(ada: Browser) -> None:
    for number in range(51):
        raised(number)
    raised(99, severity="low")
    assert many(ada, "acknowledge", query="?severity=high").status_code == 422
    assert many(ada, "acknowledge", query="?severity=high", confirm="50").status_code == 422
    assert statuses() == {"open"}
    answer = many(ada, "acknowledge", query="?severity=high", confirm="51")
    assert answer.json()["message"] == "51 alerts acknowledged."
    assert Alert.objects.get(status="open").severity == "low"


def test_when_more_match_than_can_be_done_at_once_it_is_said(ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend_templates.views.bulk.MOST_AT_ONCE", 2)
    for number in range(3):
        raised(number)
    page = text_of(ada.post("/admin_dashboard/bulk/", {"step": "resolve", "all": "1"}))
    assert "These are the newest 2; do it again for the rest." in page
    assert many(ada, "acknowledge").json()["message"] == (
        "2 alerts acknowledged. More match than 2: do it again for the rest."
    )


def test_what_somebody_else_dealt_with_is_left_alone_and_told(ada: Browser) -> None:
    made = [raised(1), raised(2)]
    alerts.resolve(made[0].pk, actor=OLGA, disposition="confirmed")
    message = many(ada, "acknowledge", made).json()["message"]
    assert message.startswith("1 alert acknowledged. 1 had been dealt with by somebody else")


def test_nothing_chosen_is_told(ada: Browser) -> None:
    raised(1)
    assert many(ada, "acknowledge", []).status_code == 400
    assert many(ada, "dance", [Alert.objects.get()]).status_code == 400
    assert (
        ada.post("/admin_dashboard/bulk/", {"step": "acknowledge", "id": "x"}, headers={"X-Page": "live"}).status_code
        == 400
    )


def test_only_admins_work_on_many(olga: Browser) -> None:
    made = [raised(1)]
    assert "data-bulk" not in text_of(olga.get("/admin_dashboard/"))
    assert many(olga, "acknowledge", made).status_code == 403
