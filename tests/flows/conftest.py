"""People on the shared running system. A sign-in is made once: limits on sign-ins are real here."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.flows.stage import Shop, closing, signed_in
from tests.live import LiveSystem


@pytest.fixture(scope="session")
def shop(live_system: LiveSystem) -> Iterator[Shop]:
    """An app whose key was made by the command while the system ran."""
    with closing():
        yield Shop.opened(live_system, "flows")


@pytest.fixture(scope="session")
def olga(live_system: LiveSystem) -> Iterator[httpx.Client]:
    """An analyst at the console."""
    with closing():
        yield signed_in(live_system, "olga")


@pytest.fixture(scope="session")
def ada(live_system: LiveSystem) -> Iterator[httpx.Client]:
    """An admin at the console."""
    with closing():
        yield signed_in(live_system, "ada")


@pytest.fixture(autouse=True)
def _connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every browser a test opened is closed after it; those of the fixtures above stay."""
    for name in {"shop", "olga", "ada"} & set(request.fixturenames):
        request.getfixturevalue(name)
    with closing():
        yield
