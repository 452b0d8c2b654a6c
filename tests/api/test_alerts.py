from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from detection.kernel.vocabulary import Role, Severity
from detection.models import Alert, AlertAction, AlertDetector, AuditPending
from tests.api.conftest import Caller, key_of, member_called, staff_user
from tests.api.test_events import problem

FIELDS = {
    "id",
    "cursor",
    "status",
    "disposition",
    "severity",
    "risk_score",
    "title",
    "summary",
    "detectors",
    "reasons",
    "suggested_actions",
    "action_taken",
    "member_id",
    "subject",
    "event_id",
    "event_count",
    "first_seen_at",
    "last_seen_at",
    "created_at",
    "disputed",
    "assignee",
    "context",
    "snoozed_until",
}


def raised(number: int = 0, member: str | None = "mia", severity: Severity = Severity.HIGH, **fields: Any) -> Alert:
    now = timezone.now() - timedelta(minutes=number)
    alert = Alert.objects.create(
        **{
            "subject": f"member:{member}" if member else f"address:10.0.0.{number}",
            "incident": f"account-{number}",
            "member": member_called(member) if member else None,
            "severity": severity,
            "severity_rank": severity.rank,
            "risk_score": severity.points,
            "title": f"Alert {number}",
            "summary": "Something looked wrong.",
            "detectors": ["failed-login-burst"],
            "event_id": f"e-{number}",
            "first_seen_at": now,
            "last_seen_at": now,
            "created_at": now,
            "country": "GB",
            "ip": "81.2.69.142",
            "device": "d-1",
            **fields,
        }
    )
    AlertDetector.objects.create(alert=alert, detector="failed-login-burst")
    return alert


def listed(caller: Caller, query: str = "") -> list[str]:
    response = caller.get(f"alerts/{query}")
    assert response.status_code == 200, response.content
    return [alert["title"] for alert in response.json()["results"]]


def test_the_list_shows_alerts_newest_first_with_the_feed_s_cursor(olga: Caller) -> None:
    for number in (2, 0, 1):
        raised(number)
    response = olga.get("alerts/").json()
    assert set(response) == {"next", "previous", "feed_cursor", "results"}
    assert [alert["title"] for alert in response["results"]] == ["Alert 0", "Alert 1", "Alert 2"]
    assert set(response["results"][0]) == FIELDS


def test_pages_follow_each_other_forth_and_back_without_loss_or_repeat_even_among_equals(olga: Caller) -> None:
    same = timezone.now()
    for number in range(23):
        raised(number, created_at=same, severity=[Severity.LOW, Severity.HIGH][number % 2])
    for ordering in ("-created_at", "severity", "-severity", "risk_score"):
        whole = listed(olga, f"?ordering={ordering}&limit=100")
        assert len(set(whole)) == 23
        pages, where = [], f"/api/v1/alerts/?ordering={ordering}&limit=5"
        while where:
            page = olga.get(where).json()
            pages.append(page)
            where = page["next"]
        assert [alert["title"] for page in pages for alert in page["results"]] == whole
        back, where = [], pages[-1]["previous"]
        while where:
            page = olga.get(where).json()
            back.insert(0, [alert["title"] for alert in page["results"]])
            where = page["previous"]
        assert [title for page in back for title in page] == whole[:20]


def test_an_alert_that_arrives_while_paging_moves_nothing(olga: Caller) -> None:
    for number in range(6):
        raised(number)
    first = olga.get("alerts/?limit=3").json()
    raised(99, created_at=timezone.now() + timedelta(seconds=1))
    second = olga.get(first["next"]).json()
    assert [alert["title"] for alert in second["results"]] == ["Alert 3", "Alert 4", "Alert 5"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", {"Alert 0", "Alert 2"}),
        ("status=open,resolved", {"Alert 0", "Alert 1", "Alert 2"}),
        ("severity=high", {"Alert 0"}),
        ("severity=low,high", {"Alert 0", "Alert 2"}),
        ("member=sam", {"Alert 1"}),
        ("member=nobody", set()),
        ("detector=failed-login-burst", {"Alert 0", "Alert 1", "Alert 2"}),
        ("detector=scraping", {"Alert 1"}),
        ("country=de", {"Alert 2"}),
        ("ip=81.2.69.142", {"Alert 0", "Alert 1"}),
        ("device=d-9", {"Alert 1"}),
        ("disputed=true", {"Alert 2"}),
        ("disputed=false", {"Alert 0", "Alert 1"}),
        ("network=tor", {"Alert 2"}),
        ("snoozed=true", {"Alert 1"}),
        ("snoozed=false", {"Alert 0", "Alert 2"}),
        ("assignee=olga", {"Alert 0"}),
        ("assignee=none", {"Alert 1", "Alert 2"}),
        ("q=wrong", {"Alert 0", "Alert 1", "Alert 2"}),
        ("q=member:SAM", {"Alert 1"}),
        ("q=%25", set()),
        ("status=open&severity=low", {"Alert 2"}),
    ],
)
def test_each_filter_narrows_and_together_they_narrow_more(olga: Caller, query: str, found: set[str]) -> None:
    raised(0, assignee=staff_user("olga", Role.ANALYST))
    aside = timezone.now() + timedelta(hours=1)
    other = raised(1, member="sam", severity=Severity.MEDIUM, status="resolved", device="d-9", snoozed_until=aside)
    AlertDetector.objects.create(alert=other, detector="scraping")
    raised(2, severity=Severity.LOW, country="DE", disputed=True, ip="2.160.0.1", context={"network_kind": "tor"})
    assert set(listed(olga, f"?{query}")) == found


def test_alerts_are_found_by_when_they_occurred(olga: Caller) -> None:
    for number in (0, 60, 120):
        raised(number)
    middle = quote((timezone.now() - timedelta(minutes=90)).isoformat())
    assert listed(olga, f"?occurred_after={middle}") == ["Alert 0", "Alert 60"]
    assert listed(olga, f"?occurred_before={middle}") == ["Alert 120"]


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "status=done",
        "status=",
        "severity=high,huge",
        "disputed=yes",
        "country=GBR",
        "ip=1.2.3",
        "occurred_after=yesterday",
        "occurred_after=2026-01-01T00:00:00",
        "occurred_before=99999-01-01T00:00:00Z",
        "ordering=title",
        "ordering=-id",
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=٣",
        "cursor=nonsense",
        "cursor=WyJuIiwiMSIsIjIiXQ",
        "cursor=bnVsbA",
        "q=",
        "q=%00",
        "member=%00",
        "status=open&status=open",
        "detector=",
        "id=1",
    ],
)
def test_a_filter_that_is_unknown_or_cannot_be_is_400_and_is_not_said_back(olga: Caller, query: str) -> None:
    content = problem(olga.get(f"alerts/?{query}"), 400)
    name = query.partition("=")[0]
    assert content["errors"][0]["pointer"] == f"/{name}"


def test_the_feed_s_cursor_and_the_feed_together_miss_nothing(olga: Caller) -> None:
    alert = raised(0)
    before = olga.get("alerts/").json()["feed_cursor"]
    olga.post(f"alerts/{alert.pk}/acknowledge/")
    told = olga.get(f"feed/?after={before}").json()
    assert next(frame["kind"] for frame in told["results"]) == "alert.changed"
    assert told["results"][0]["alert"]["status"] == "acknowledged"
    assert told["more"] is False
    assert told["cursor"] == told["results"][-1]["cursor"]


@pytest.mark.parametrize("after", ["x", "-1", "٣", "9" * 30, "1.5", "%00"])
def test_a_feed_cursor_that_is_none_of_ours_is_400(olga: Caller, after: str) -> None:
    problem(olga.get(f"feed/?after={after}"), 400)


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("acknowledge", {}, "acknowledged"),
        ("escalate", {"note": "look"}, "escalated"),
        ("resolve", {"disposition": "confirmed", "note": "was a thief"}, "resolved"),
        ("comment", {"note": "called the member"}, "open"),
        ("assign", {"assignee": "me"}, "open"),
        ("assign", {"assignee": None}, "open"),
        ("snooze", {"until": "2100-01-01T00:00:00Z"}, "open"),
    ],
)
def test_an_action_answers_with_the_alert_and_leaves_a_trail(
    olga: Caller, verb: str, body: dict[str, Any], status: str
) -> None:
    alert = raised(0)
    response = olga.post(f"alerts/{alert.pk}/{verb}/", body)
    assert response.status_code == 200, response.content
    assert set(response.json()) == {*FIELDS, "action_id"}
    assert response.json()["status"] == status
    trail = olga.get(f"alerts/{alert.pk}/").json()["actions"]
    assert [(action["verb"], action["by"], action["note"]) for action in trail] == [
        (verb, "olga", body.get("note", ""))
    ]
    assert AuditPending.objects.filter(entry__action=f"alert.{verb}", entry__actor__label="olga").exists()


def test_a_resolved_alert_can_be_taken_up_again(olga: Caller) -> None:
    alert = raised(0)
    olga.post(f"alerts/{alert.pk}/resolve/", {"disposition": "benign"})
    assert olga.post(f"alerts/{alert.pk}/reopen/").json()["status"] == "open"


def test_who_comes_second_is_told_who_was_first(olga: Caller, ada: Caller) -> None:
    alert = raised(0)
    assert ada.post(f"alerts/{alert.pk}/acknowledge/").status_code == 200
    response = olga.post(f"alerts/{alert.pk}/acknowledge/")
    assert response.status_code == 409
    content = response.json()
    assert (content["by"], content["status"]) == ("ada", "acknowledged")
    assert content["at"].endswith("Z")


def test_the_same_person_repeating_is_no_race(olga: Caller) -> None:
    alert = raised(0)
    first = olga.post(f"alerts/{alert.pk}/acknowledge/").json()
    again = olga.post(f"alerts/{alert.pk}/acknowledge/")
    assert again.status_code == 200
    assert again.json()["action_id"] == first["action_id"]
    assert AlertAction.objects.count() == 1


def test_an_action_may_ask_for_the_status_it_saw(olga: Caller) -> None:
    alert = raised(0)
    olga.post(f"alerts/{alert.pk}/escalate/")
    assert olga.post(f"alerts/{alert.pk}/resolve/", {"disposition": "benign", "if_status": "open"}).status_code == 409
    body = {"disposition": "benign", "if_status": "escalated"}
    assert olga.post(f"alerts/{alert.pk}/resolve/", body).status_code == 200


def test_an_override_resolves_as_false_and_lifts_the_lock_at_once(olga: Caller) -> None:
    alert = raised(0)
    olga.post("members/mia/lock/", {"reason": "to be sure"})
    body = {"disposition": "false_positive", "note": "she called", "unlock": True}
    assert olga.post(f"alerts/{alert.pk}/resolve/", body).json()["disposition"] == "false_positive"
    assert olga.get("members/mia/").json()["lock"] is None


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("resolve", {}, "/disposition"),
        ("resolve", {"disposition": "wrong"}, "/disposition"),
        ("resolve", {"disposition": "benign", "unlock": "yes"}, "/unlock"),
        ("resolve", {"disposition": "benign", "status": "open"}, "/status"),
        ("comment", {}, "/note"),
        ("comment", {"note": ""}, "/note"),
        ("comment", {"note": 7}, "/note"),
        ("comment", {"note": "x" * 2001}, "/note"),
        ("comment", {"note": "a\x00"}, "/note"),
        ("assign", {}, "/assignee"),
        ("assign", {"assignee": "nobody"}, "/assignee"),
        ("snooze", {"until": "2020-01-01T00:00:00Z"}, "/until"),
        ("snooze", {"until": "tomorrow"}, "/until"),
        ("snooze", {"until": 5}, "/until"),
        ("acknowledge", {"if_status": "gone"}, "/if_status"),
        ("acknowledge", [], ""),
    ],
)
def test_a_fault_in_an_action_is_400_with_a_pointer(olga: Caller, verb: str, body: Any, pointer: str) -> None:
    alert = raised(0)
    content = problem(olga.post(f"alerts/{alert.pk}/{verb}/", body), 400)
    assert content["errors"][0]["pointer"] == pointer
    alert.refresh_from_db()
    assert alert.status == "open"


def test_an_action_may_have_no_body_at_all(olga: Caller) -> None:
    alert = raised(0)
    assert olga("POST", f"alerts/{alert.pk}/acknowledge/").status_code == 200


@pytest.mark.parametrize("verb", ["acknowledge", "reopen", "escalate"])
def test_an_alert_that_is_not_there_is_404(olga: Caller, verb: str) -> None:
    for which in (uuid4(), "nonsense", "a%00b"):
        problem(olga.post(f"alerts/{which}/{verb}/"), 404)


def test_undo_puts_back_what_was_for_thirty_seconds(olga: Caller) -> None:
    alert = raised(0)
    action = olga.post(f"alerts/{alert.pk}/resolve/", {"disposition": "benign"}).json()["action_id"]
    undone = olga.post(f"actions/{action}/undo/")
    assert undone.status_code == 200
    assert undone.json()["status"] == "open"
    assert undone.json()["disposition"] is None
    later = olga.post(f"alerts/{alert.pk}/acknowledge/").json()["action_id"]
    with time_machine.travel(timezone.now() + timedelta(seconds=31), tick=False):
        assert olga.post(f"actions/{later}/undo/").status_code == 409
    problem(olga.post(f"actions/{uuid4()}/undo/"), 404)


def test_bulk_tells_of_each_alert(ada: Caller) -> None:
    alerts = [raised(number) for number in range(3)]
    ada.post(f"alerts/{alerts[0].pk}/resolve/", {"disposition": "benign"})
    gone = uuid4()
    body = {"ids": [str(alert.pk) for alert in alerts] + [str(gone)], "action": "escalate", "note": "all of them"}
    results = ada.post("alerts/bulk/", body).json()["results"]
    assert [result["status"] for result in results] == ["conflict", "done", "done", "missing"]


def test_unlocking_more_than_twenty_takes_a_second_administrator_however_it_is_split(ada: Caller) -> None:
    body = {"action": "resolve", "disposition": "false_positive", "unlock": True}
    many = [str(uuid4()) for _ in range(21)]
    assert problem(ada.post("alerts/bulk/", body | {"ids": many}), 403)["code"] == "second-admin"
    for number in range(20):
        name = f"locked-{number}"
        raised(number, member=name)
        assert ada.post(f"members/{name}/lock/", {"reason": "a raid"}).status_code == 200
    ids = [str(pk) for pk in Alert.objects.values_list("pk", flat=True)]
    assert problem(ada.post("alerts/bulk/", body | {"ids": ids[:1]}), 403)["code"] == "second-admin"
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        ada.browser.force_login(get_user_model().objects.get(username="ada"))
        assert ada.post("alerts/bulk/", body | {"ids": ids}).status_code == 200


def test_bulk_takes_a_filter_instead_of_ids(ada: Caller) -> None:
    for number in range(4):
        raised(number, severity=[Severity.LOW, Severity.HIGH][number % 2])
    body = {"filter": {"severity": "low"}, "action": "resolve", "disposition": "benign"}
    assert len(ada.post("alerts/bulk/", body).json()["results"]) == 2
    assert set(listed(ada, "?status=open")) == {"Alert 1", "Alert 3"}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "escalate"},
        {"action": "escalate", "ids": []},
        {"action": "delete", "ids": ["x"]},
        {"action": "resolve", "ids": ["x"]},
        {"action": "escalate", "ids": ["x"], "filter": {}},
        {"action": "escalate", "filter": {"colour": "red"}},
        {"action": "escalate", "filter": {"status": "no"}},
        {"action": "escalate", "ids": [1]},
        {"action": "escalate", "ids": ["x"] * 501},
    ],
)
def test_a_fault_in_bulk_is_400(ada: Caller, body: dict[str, Any]) -> None:
    problem(ada.post("alerts/bulk/", body), 400)


def test_an_app_with_the_scope_reads_alerts_and_changes_none(db: None) -> None:
    alert = raised(0)
    reader = Caller(key=key_of("shop", "alerts:read"))
    assert listed(reader) == ["Alert 0"]
    assert reader.get(f"alerts/{alert.pk}/").status_code == 200
    problem(reader.post(f"alerts/{alert.pk}/acknowledge/"), 403)


def test_a_page_is_few_queries_however_long_it_is(
    olga: Caller, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        raised(number)
    with django_assert_max_num_queries(6):
        olga.get("alerts/")
