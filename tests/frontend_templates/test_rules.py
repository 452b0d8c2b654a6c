"""The rules' page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.backtest import trying
from detection.kernel.detector import registered
from detection.models import DetectorFault, RuleChange, RuleSetting, RuleTrial
from detection.response import rules
from tests.cast import judge_all, settled_life
from tests.frontend_templates.conftest import raised, text_of

PAGE = "/admin_dashboard/rules/"
BURST = f"{PAGE}failed-login-burst/"


def save(ada: Browser, **fields: str) -> Any:
    return ada.post(BURST, {name.replace("__", ":"): value for name, value in fields.items()}, follow=True)


def test_an_admin_sets_a_rule_and_sees_who_did_and_why(ada: Browser) -> None:
    response = save(
        ada, state="shadow", severity="low", parameters__limit="8", parameters__window="15m", note="<b>loud</b>"
    )
    page = text_of(response)
    assert "Saved as version 1." in page
    assert "severity low, limit 8, window 15 minutes" in page
    assert "how many, per member, within 15 minutes" in page
    assert "&lt;b&gt;loud&lt;/b&gt;" in page
    row = RuleSetting.objects.get()
    assert (row.state, row.severity, row.parameters) == ("shadow", "low", {"limit": 8, "window": 900})


def test_every_form_sent_back_as_it_came_changes_nothing(ada: Browser) -> None:
    for cls in registered():
        form = ada.get(f"{PAGE}{cls.id}/").context["form"]
        fields = {field["name"]: field["value"] for field in form["fields"]}
        sent = {"state": form["state"], "severity": form["severity"], "if_version": form["version"], "note": ""}
        assert "set so already" in text_of(ada.post(f"{PAGE}{cls.id}/", fields | sent, follow=True)), cls.id
    assert not RuleChange.objects.exists()


def test_what_cannot_be_taken_comes_back_as_typed_with_the_reason_beside_it(ada: Browser) -> None:
    response = save(ada, state="live", parameters__limit="zero", parameters__window="-5", note="my reason")
    page = text_of(response)
    assert response.status_code == 400
    assert 'value="zero"' in page
    assert 'value="my reason"' in page
    assert "A whole number from 1" in page
    assert page.count('aria-invalid="true"') == 2
    assert not RuleChange.objects.exists()


def test_an_empty_field_is_the_rules_own(ada: Browser) -> None:
    save(ada, parameters__limit="8")
    save(ada, parameters__limit="")
    assert RuleSetting.objects.get().parameters == {}


def test_a_version_is_put_back_with_a_button(ada: Browser) -> None:
    save(ada, parameters__limit="8")
    save(ada, parameters__limit="9")
    page = text_of(ada.post(f"{BURST}rollback/", {"version": "1", "if_version": "2"}, follow=True))
    assert "is set as in version 1 again" in page
    assert RuleSetting.objects.get().parameters == {"limit": 8}
    assert "Put back" in page


def test_who_was_slower_is_told_and_changes_nothing(ada: Browser) -> None:
    save(ada, parameters__limit="8")
    page = text_of(save(ada, parameters__limit="9", if_version="0"))
    assert "ada was quicker" in page
    assert RuleSetting.objects.get().parameters == {"limit": 8}


def test_a_rule_or_version_that_is_gone_is_said_kindly(ada: Browser) -> None:
    assert "no such rule" in text_of(ada.post(f"{PAGE}none/", {"state": "off"}, follow=True))
    assert "no such rule" in text_of(ada.post(f"{PAGE}none/rollback/", {"version": "0"}, follow=True))
    assert "not here any more" in text_of(ada.post(f"{BURST}rollback/", {"version": "7"}, follow=True))


def test_analysts_and_auditors_read_how_and_why_and_change_nothing(
    ada: Browser, olga: Browser, auditor: Browser
) -> None:
    save(ada, parameters__limit="8", note="Mondays")
    for reader in (olga, auditor):
        page = text_of(reader.get(BURST))
        assert "Mondays" in page
        assert f'action="{PAGE}' not in page
        assert reader.post(BURST, {"state": "off"}).status_code == 403
        assert reader.post(f"{BURST}rollback/", {"version": "0"}).status_code == 403
        assert reader.post(f"{BURST}backtest/", {}).status_code == 403
        assert reader.get(f"{PAGE}presets/").status_code == 200
        assert reader.post(f"{PAGE}presets/retail/").status_code == 403


def test_the_list_tells_how_loud_and_how_right_each_rule_is(ada: Browser) -> None:
    for number in range(4):
        raised(number, detectors=["failed-login-burst"], disposition="confirmed" if number else "false_positive")
    raised(9, detectors=["failed-login-burst"], created_at=timezone.now() - timedelta(days=3))
    (line,) = [rule for rule in ada.get(PAGE).context["rules"] if rule["id"] == "failed-login-burst"]
    assert (line["day"], line["week"], line["trend"]["most"]) == (4, 5, 4)
    assert (line["precision"], line["answers"]) == (0.75, 4)
    assert 20 < line["share"]["low"] < 75


def test_the_list_is_filtered_and_sorted_by_its_address(ada: Browser) -> None:
    save(ada, state="shadow")

    def ids(query: str) -> list[str]:
        return [rule["id"] for rule in ada.get(f"{PAGE}?{query}").context["rules"]]

    assert ids("state=shadow") == ["failed-login-burst"]
    assert ids("q=gift&state=live") == ["gift-card-drain"]
    assert set(ids("severity=high")) == {cls.id for cls in registered() if cls.severity == "high"}
    assert len(ids("severity=nonsense&sort=none&family=")) == len(registered())
    assert ids("sort=changed")[0] == "failed-login-burst"
    assert "Nothing matches" in text_of(ada.get(f"{PAGE}?q=zebra"))


def test_the_list_asks_the_same_few_queries_however_much_there_is(ada: Browser) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            ada.get(PAGE)
        return len(queries)

    first = asked()
    for number in range(30):
        raised(
            number, detectors=["failed-login-burst", "scraping"], disposition="confirmed", resolved_at=timezone.now()
        )
    save(ada, state="shadow")
    assert asked() <= first + 1  # who answered is looked up once there are answers
    assert first <= 18


def test_a_rule_that_tripped_is_told_with_a_way_back(ada: Browser, olga: Browser) -> None:
    save(ada, parameters__limit="6")
    rules.trip(
        "failed-login-burst", note="Tripped: 85 alerts in an hour, at most 20 were to be expected.", if_version=1
    )
    for where in (PAGE, BURST):
        page = text_of(olga.get(where))
        assert "ran away and is in shadow" in page
        assert "Put it back live" not in page
        assert "Put it back live" in text_of(ada.get(where))
    ada.post(f"{BURST}rollback/", {"version": "1", "if_version": "2"})
    assert RuleSetting.objects.get().state == "live"
    assert "ran away and is in shadow" not in text_of(ada.get(PAGE))
    assert "Tripped" in text_of(ada.get(BURST))


def test_a_change_is_tried_followed_and_set_from_what_came_out(ada: Browser, olga: Browser) -> None:
    settled_life("mia", days=5)
    judge_all()
    response = ada.post(f"{BURST}backtest/", {"parameters:limit": "7", "days": "7"})
    where = response.headers["Location"]
    waiting = text_of(olga.get(where))
    assert "It waits for a worker" in waiting
    assert '<noscript><meta http-equiv="refresh"' in waiting
    assert trying.run_next()
    page = text_of(ada.get(where))
    assert "Side by side" in page
    assert "refresh" not in page
    assert "Go live like this" in page
    assert "Go live like this" not in text_of(olga.get(where))
    fields = dict(ada.get(where).context["fields"]) | {"state": "live", "if_version": "0"}
    ada.post(BURST, fields)
    assert RuleSetting.objects.get().estimate["per_day"] == 0
    assert "is set like this now" in text_of(ada.get(where))
    assert "0 to" in text_of(ada.get(PAGE))


def test_a_back_test_of_nonsense_comes_back_as_typed(ada: Browser) -> None:
    response = ada.post(f"{BURST}backtest/", {"parameters:limit": "zero"})
    assert response.status_code == 400
    assert 'value="zero"' in text_of(response)
    assert "no such rule" in text_of(ada.post(f"{PAGE}none/backtest/", {}, follow=True))
    assert ada.get(f"{BURST}backtest/{uuid4()}/").status_code == 404
    assert ada.get(f"{PAGE}none/").status_code == 404
    assert not RuleTrial.objects.exists()


def test_a_preset_is_looked_at_taken_and_put_back_as_one(ada: Browser) -> None:
    page = text_of(ada.get(f"{PAGE}presets/"))
    assert "What would change (6)" in page
    page = text_of(ada.post(f"{PAGE}presets/retail/", follow=True))
    assert "Retail: 6 rules set, as one change." in page
    assert "Put all of it back" in page
    assert "Every rule stands like this now" in page
    batch = RuleChange.objects.filter(batch__isnull=False)[0].batch
    assert f"presets/undo/{batch}/" in page
    assert "as it did before the preset" in text_of(ada.post(f"{PAGE}presets/undo/{batch}/", follow=True))
    assert {row.severity for row in RuleSetting.objects.all()} == {""}
    assert "Changed since" in text_of(ada.post(f"{PAGE}presets/undo/{batch}/", follow=True))
    assert "no such" in text_of(ada.post(f"{PAGE}presets/undo/{uuid4()}/", follow=True))
    assert "no such preset" in text_of(ada.post(f"{PAGE}presets/none/", follow=True))


def test_a_rule_that_failed_within_a_day_is_named_above_all_others(olga: Browser) -> None:
    now = timezone.now()
    DetectorFault.objects.create(detector="failed-login-burst", day=now.date(), events=3, last_at=now)
    before = now - timedelta(days=2)
    DetectorFault.objects.create(detector="card-testing", day=before.date(), events=3, last_at=before)
    page = text_of(olga.get(PAGE))
    assert page.count("and was skipped.") == 1
    assert f'<a href="{BURST}">' in page.split("and was skipped.", maxsplit=1)[0]
