"""The console's navigation is one list."""

from __future__ import annotations

import re

from django.test import Client as Browser

from detection.kernel.vocabulary import Role
from frontend_templates.navigation import CONSOLE, console
from tests.frontend_templates.conftest import text_of


def links(page: str) -> list[str]:
    return re.findall(r'<a href="([^"]+)" data-key', page)


def test_everybody_finds_each_page_they_may_open(olga: Browser, ada: Browser, auditor: Browser) -> None:
    for browser, role in ((olga, Role.ANALYST), (ada, Role.ADMIN), (auditor, Role.AUDITOR)):
        page = text_of(browser.get("/admin_dashboard/health/"))
        assert links(page) == [place.url for place in console(role)]
        assert page.count('aria-current="page"') == 1
        for address in links(page):
            assert browser.get(address).status_code == 200, address


def test_a_page_has_a_key_of_its_own() -> None:
    assert len({place.key for place in CONSOLE}) == len(CONSOLE)
    assert len({place.section for place in CONSOLE}) == len(CONSOLE)


def test_members_see_nothing_of_it(mia: Browser) -> None:
    assert links(text_of(mia.get("/member/"))) == []
    assert console(None) == []
