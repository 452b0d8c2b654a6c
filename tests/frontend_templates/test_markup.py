"""What every template and script keeps to, so that the content policy holds and nothing a stranger writes runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client as Browser

from tests.frontend_templates.conftest import lock, raised, text_of

HERE = Path(__file__).resolve().parents[2] / "frontend_templates"
TEMPLATES = sorted(HERE.glob("templates/**/*.html"))
SCRIPTS = sorted(HERE.glob("static/js/*.js"))


def of(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[str(path.relative_to(HERE)) for path in paths])


@of(TEMPLATES)
def test_a_template_holds_no_inline_code_or_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", text, re.IGNORECASE)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"\|\s*safe\b|autoescape off|mark_safe", text)


@of(TEMPLATES)
def test_a_form_that_posts_carries_its_token(path: Path) -> None:
    text = path.read_text()
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.DOTALL)
    assert all("{% csrf_token %}" in form for form in forms)


@of(TEMPLATES)
def test_a_static_file_that_is_named_exists(path: Path) -> None:
    for name in re.findall(r"{% static '([^']+)' %}", path.read_text()):
        assert finders.find(name), name


@of(SCRIPTS)
def test_a_script_writes_text_and_never_markup(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|\.style\b"
    assert not re.search(forbidden, path.read_text())


def test_pages_come_with_the_strict_policy_and_stay_out_of_caches(mia: Browser, olga: Browser) -> None:
    raised(1)
    lock("mia")
    for browser, address in ((mia, "/member/"), (olga, "/admin_dashboard/")):
        response = browser.get(address)
        assert "script-src 'self'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
        assert "no-store" in response["Cache-Control"]


def test_each_symbol_that_is_used_is_in_the_sprite(olga: Browser, mia: Browser) -> None:
    raised(1)
    sprite = set(re.findall(r'<symbol id="([a-z-]+)"', (HERE / "templates/partials/sprite.html").read_text()))
    used = set()
    for browser, address in ((mia, "/member/"), (olga, "/admin_dashboard/"), (olga, "/admin_dashboard/health/")):
        used |= set(re.findall(r'href="#([a-z-]+)"', text_of(browser.get(address)))) - {"main"}
    scripts = "".join(path.read_text() for path in SCRIPTS)
    used |= set(re.findall(r'"#(i-[a-z-]+)"', scripts))
    assert {name for name in used if name.startswith("i-")} <= sprite


def test_what_the_server_and_the_scripts_say_is_the_same() -> None:
    from frontend_templates import wording

    script = (HERE / "static/js/words.js").read_text()
    for word in [*wording.SCOPES.values(), *wording.BANDS.values(), *wording.NETWORKS.values()]:
        assert f'"{word}"' in script
