"""Fixtures for the whole suite. Its servers are started by tests/services.py, before Django's settings are read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LiveSystem

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
ON_BOTH_DATABASES = frozenset({"api", "config", "detection", "realtime", "security", "tasks"})
SLOW = ("slow", "browser", "chaos")
LONGEST_FIRST = ("flows", "chaos", "realtime", "browser", "config")


def chromium() -> str | None:
    """Where Chromium is on this machine."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Tests of the packages that touch the database run on both of them. Fast files go first; of the slow ones those
    that take longest, so that the processes end together.

    Without Chromium the browser tests are left out and said to be; in CI they run and fail instead.
    """
    for item in items:
        if _touches_database(item):
            item.add_marker(pytest.mark.database)
    if _without_browser():
        without = [item for item in items if item.get_closest_marker("browser")]
        if without:
            items[:] = [item for item in items if item not in without]
            config.hook.pytest_deselected(items=without)
    yield
    slow = {item.path for item in items if any(item.get_closest_marker(name) for name in SLOW)}
    items.sort(key=lambda item: _turn(item.path) if item.path in slow else -1)


def _without_browser() -> bool:
    return chromium() is None and os.environ.get("CI") != "true"


def _turn(path: Path) -> int:
    folder = path.relative_to(ROOT / "tests").parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def _touches_database(item: pytest.Item) -> bool:
    if item.path.relative_to(ROOT / "tests").parts[0] not in ON_BOTH_DATABASES or item.get_closest_marker("once"):
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"})


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _without_browser():
        left_out = "The browser tests were left out: no Chromium on PATH (Debian: apt-get install chromium)"
        terminalreporter.write_line(left_out, yellow=True)


@pytest.fixture(autouse=True)
def _fresh_features() -> None:
    """Every test meets an empty feature store, as it meets an empty database."""
    from detection import catalog, conf, measuring
    from detection.features import connect

    connect(conf.current().redis_features_url).flushdb()
    catalog.refresh()
    measuring._away_until = 0.0  # a store another test took away is back


@pytest.fixture(scope="session")
def live_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSystem]:
    """The whole system, started once for all tests that only use it. Tests that break parts start one of their own."""
    system = LiveSystem.start(tmp_path_factory.mktemp("live") / "data")
    yield system
    assert system.stop() == 0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder for a system of the test's own."""
    return tmp_path / "data"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium. It lives for one module: while it runs, no event loop and no database may be used beside it."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        pytest.fail("Chromium is needed here and is not on PATH. Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a context of its own: no cookies, a window of 1280 by 900."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()
