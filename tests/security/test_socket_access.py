from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime.routing import PATHS
from tests.realtime.servers import start_web
from tests.realtime.watching import Web
from tests.security import world as worlds
from tests.security.matrix import sockets

pytestmark = pytest.mark.django_db(transaction=True)

SOCKETS = sockets()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[Web]:
    with django_db_blocker.unblock():
        server, end = start_web(tmp_path_factory.mktemp("web"))
    yield server
    end()


def seat(web: Web, route: str, session: str | None) -> str:
    """``open`` when the server says hello, else the code it closed with; nothing else is ever said first."""
    with web.watch(route, session) as watcher:
        try:
            frame = watcher.next()
        except ConnectionClosed:
            return str(watcher.closed())
        return "open" if frame["kind"] == "hello" else str(frame)


def test_every_socket_has_a_row() -> None:
    assert {row["route"] for row in SOCKETS} == set(PATHS)


def test_everybody_gets_the_seat_the_matrix_says(web: Web) -> None:
    world = worlds.build()
    for row in SOCKETS:
        route = row["route"]
        callers = {name: expected for name, expected in row.items() if name != "route"}
        got = {name: seat(web, route, world.cookies.get(name, {}).get("sessionid")) for name in callers}
        assert got == callers, route


def test_a_key_opens_no_socket(web: Web) -> None:
    world = worlds.build()
    for route in PATHS:
        for caller in ("shop:alerts:read", "shop:members:read", "revoked"):
            with web.watch(route, headers=world.headers(caller)) as watcher:
                assert watcher.closed() == 4401
                assert watcher.frames == []


def test_a_page_from_elsewhere_opens_no_socket_with_anybody_s_cookie(web: Web) -> None:
    world = worlds.build()
    for route in PATHS:
        for name in worlds.PEOPLE:
            with pytest.raises(InvalidStatus) as refusal:
                web.watch(route, world.cookies[name]["sessionid"], origin="https://evil.example")
            assert refusal.value.response.status_code == 403
