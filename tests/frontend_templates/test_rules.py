"""The rules' page."""

from __future__ import annotations

from typing import Any

from django.test import Client as Browser

from detection.kernel.detector import registered
from detection.models import RuleChange, RuleSetting
from tests.frontend_templates.conftest import text_of

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
    response = ada.get(PAGE)
    for rule in response.context["rules"]:
        form = rule["form"]
        fields = {field["name"]: field["value"] for field in form["fields"]}
        sent = {"state": form["state"], "severity": form["severity"], "if_version": form["version"], "note": ""}
        assert "set so already" in text_of(ada.post(f"{PAGE}{rule['id']}/", fields | sent, follow=True)), rule["id"]
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
        page = text_of(reader.get(PAGE))
        assert "Mondays" in page
        assert f'action="{PAGE}' not in page
        assert reader.post(BURST, {"state": "off"}).status_code == 403
        assert reader.post(f"{BURST}rollback/", {"version": "0"}).status_code == 403
    assert len(registered()) == text_of(ada.get(PAGE)).count("Change it")
