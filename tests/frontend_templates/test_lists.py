"""The lists' pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.models import ListEntry
from detection.response import lists
from tests.frontend_templates.conftest import OLGA, raised, text_of

PAGE = "/admin_dashboard/lists/"


def listed(effect: str = "block", kind: str = "address", value: str = "203.0.113.9", reason: str = "case 4711") -> int:
    entry = lists.add({"effect": effect, "kind": kind, "value": value, "reason": reason}, actor=OLGA).entry
    assert entry is not None
    return int(entry.pk)


def add(ada: Browser, **fields: str) -> str:
    given = {"effect": "block", "kind": "address", "value": "203.0.113.0/24", "reason": "card <testing>"}
    return text_of(ada.post(f"{PAGE}add/", given | fields, follow=True))


def test_an_admin_puts_something_on_a_list_and_sees_who_why_and_until_when(ada: Browser) -> None:
    until = (timezone.now() + timedelta(days=30)).date()
    page = add(ada, until=until.isoformat())
    assert "203.0.113.0/24 is on the block list." in page
    assert "card &lt;testing&gt;" in page
    (entry,) = ListEntry.objects.all()
    assert entry.owner == "ada"
    assert entry.expires_at is not None
    assert entry.expires_at.date() == until + timedelta(days=1)
    assert "stands on the block list already" in add(ada)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value": "203.0.113.7/24"}, "without bits set"),
        ({"kind": "planet"}, "One of member"),
        ({"effect": "praise"}, "One of"),
        ({"reason": ""}, "Every entry has this"),
        ({"until": "2020-01-01"}, "has to be in the future"),
        ({"until": "soon"}, "A day, like"),
        ({"until": "9999-12-31"}, "A day, like"),
    ],
)
def test_what_cannot_be_taken_comes_back_as_typed_with_the_reason(
    ada: Browser, fields: dict[str, str], said: str
) -> None:
    page = add(ada, **fields)
    assert said in page
    assert 'value="' + fields.get("value", "203.0.113.0/24") in page
    assert not ListEntry.objects.exists()


def test_a_line_is_taken_off_and_put_back_with_undo(ada: Browser) -> None:
    number = listed()
    page = text_of(ada.post(f"{PAGE}{number}/remove/", follow=True))
    assert "Taken off the list." in page
    assert f'action="{PAGE}{number}/restore/"' in page
    assert not ListEntry.objects.exists()
    assert "is on the block list again" in text_of(ada.post(f"{PAGE}{number}/restore/", follow=True))
    assert ListEntry.objects.get().owner == "olga"
    assert "not there any more" in text_of(ada.post(f"{PAGE}{number}/restore/", follow=True))
    assert "not there any more" in text_of(ada.post(f"{PAGE}0/remove/", follow=True))


def test_many_are_brought_at_once_and_wrong_lines_come_back_with_their_reasons(ada: Browser) -> None:
    lines = "block,address,203.0.113.9,testing\nwatch,country,Narnia,odd\nallow,member,mia,our own\nblock,device,d-1"
    response = ada.post(f"{PAGE}import/", {"lines": lines})
    page = text_of(response)
    assert response.status_code == 400
    assert "2 put on, 0 stood there already, 2 not taken." in page
    assert "<b>Line 2</b>" in page
    assert "two-letter country code" in page
    assert "<b>Line 4</b>" in page
    assert "Narnia" in response.context["imported"]["text"]
    assert "mia" not in response.context["imported"]["text"]
    sheet = lists.as_sheet(ListEntry.objects.all())
    again = text_of(ada.post(f"{PAGE}import/", {"lines": sheet}, follow=True))
    assert "0 put on, 2 stood there already" in again
    assert "has more cells" in text_of(ada.post(f"{PAGE}import/", {"lines": "a,b,c,d,e,f,g"}))
    assert "at least one line" in text_of(ada.post(f"{PAGE}import/", {"lines": ""}))


def test_the_lists_are_searched_by_their_address(ada: Browser) -> None:
    listed()
    listed("watch", "member", "mia", "asked twice")
    over = listed("allow", "device", "d-1", "a tablet")
    ListEntry.objects.filter(pk=over).update(expires_at=timezone.now() - timedelta(days=1))

    def shown(query: str) -> set[str]:
        return {entry.value for entry in ada.get(f"{PAGE}?{query}").context["entries"]}

    assert shown("") == {"203.0.113.9", "mia"}
    assert shown("effect=watch") == shown("q=TWICE") == shown("kind=member") == {"mia"}
    assert shown("over=yes") == {"d-1"}
    assert shown("q=%00&effect=praise&before=x") == {"203.0.113.9", "mia"}
    assert "Nothing matches" in text_of(ada.get(f"{PAGE}?q=zebra"))
    assert ada.get(f"/api/v1/lists/export/?{ada.get(f'{PAGE}?effect=watch').context['export']}").status_code == 200


def test_a_line_tells_which_alerts_it_spoke_in(olga: Browser) -> None:
    number = listed()
    reason = {"code": "block-list", "text": "Listed.", "observed": "address 203.0.113.9: case 4711", "threshold": ""}
    raised(1, detectors=["block-list"], reasons=[reason], title="Mine")
    raised(2, detectors=["block-list"], reasons=[reason | {"observed": "address 203.0.113.90: x"}], title="Another")
    page = text_of(olga.get(f"{PAGE}{number}/"))
    assert "Mine" in page
    assert "Another" not in page
    assert olga.get(f"{PAGE}0/").status_code == 404


def test_a_hundred_lines_cost_no_more_queries_than_one_and_are_read_page_by_page(olga: Browser) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            olga.get(PAGE)
        return len(queries)

    listed()
    first = asked()
    lists.add_many(
        [{"effect": "watch", "kind": "device", "value": f"d-{n}", "reason": "x"} for n in range(100)], actor=OLGA
    )
    assert asked() == first
    seen, address = set(), PAGE
    while address:
        context = olga.get(address).context
        seen |= {entry.pk for entry in context["entries"]}
        address = context["older"] and PAGE + context["older"]
    assert len(seen) == 101


def test_who_is_no_admin_reads_and_changes_nothing(olga: Browser, auditor: Browser) -> None:
    number = listed()
    for reader in (olga, auditor):
        page = text_of(reader.get(PAGE))
        assert "203.0.113.9" in page
        assert 'method="post" action="/admin_dashboard/lists' not in page
        for path in ("add/", "import/", f"{number}/remove/", f"{number}/restore/"):
            assert reader.post(f"{PAGE}{path}", {}).status_code == 403
    assert ListEntry.objects.count() == 1
