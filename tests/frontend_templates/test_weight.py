"""What a page brings with it: the page itself, its styles and scripts, each as the server sends them."""

from __future__ import annotations

import re
from pathlib import Path

from django.test import Client as Browser

from frontend_templates.navigation import CONSOLE
from tests.frontend_templates.conftest import raised

STATIC = Path(__file__).parents[2] / "frontend_templates" / "static"
MOST = 150_000
REST = ("/", "/login/", "/admin_dashboard/parts/", "/admin_dashboard/desk/", "/admin_dashboard/members/mia/")


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


def test_no_page_weighs_more_than_150_kilobytes(ada: Browser) -> None:
    for number in range(60):
        raised(number)
    for address in (*(place.url for place in CONSOLE), *REST, "/admin_dashboard/rules/failed-login-burst/"):
        answer = ada.get(address, headers={"Accept-Encoding": "gzip"})
        page = ada.get(address).content.decode()
        files = brought(page)
        weight = len(answer.content) + sum(file.stat().st_size for file in files)
        assert answer.status_code in (200, 302), address
        assert weight < MOST, (address, weight, sorted(file.name for file in files))
