from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from detection.models import LockReason
from tests.security import world as worlds
from tests.security.matrix import METHODS, Row, path_of, routes, rows
from tests.security.world import SCOPES, World, body_for

ROWS = rows()
ROUTES = sorted(set(routes()))
#: How a door says no.
REFUSALS = frozenset({302, 401, 403, 404, 405})


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), worlds.put_back():
        yield worlds.build()


def test_a_knock_that_opens_leaves_nothing_behind(db: None) -> None:
    made = worlds.build()
    path = path_of("api/v1/members/<path:member_id>/lock/", made.names, "mia")
    for _ in range(2):
        assert made.knock("olga", "POST", path, b'{"reason": "asked"}', "application/json") == 200
    assert not LockReason.objects.filter(member__member_id="mia").exists()


def test_every_address_has_a_row() -> None:
    assert set(ROUTES) - {row.route for row in ROWS} == set(), "say in access_matrix.csv who may"


def test_every_row_has_an_address() -> None:
    assert {row.route for row in ROWS} - set(ROUTES) == set()


def test_no_row_stands_twice() -> None:
    names = [str(row) for row in ROWS]
    assert len(names) == len(set(names))


def test_what_has_a_name_in_its_address_is_tried_with_one_that_is_missing() -> None:
    for route in ROUTES:
        for method in {row.method for row in ROWS if row.route == route and "<" in route}:
            things = {row.thing for row in ROWS if row.route == route and row.method == method}
            assert things == {"mia", "missing"}, (method, route)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_everybody_gets_what_the_matrix_says(world: World, row: Row) -> None:
    path = path_of(row.route, world.names, row.thing)
    body, kind = body_for(world, row.route, row.thing)
    expected = dict(row.cells)
    scopes = SCOPES if row.route.startswith("api/v1/") else SCOPES[:1]  # pages take no keys
    expected |= {f"shop:{scope}": row.key if scope in row.scopes else row.no_scope for scope in scopes}
    expected |= {f"app:{scope}": row.other_key for scope in row.scopes}
    got = {caller: world.knock(caller, row.method, path, body, kind) for caller in expected}
    assert got == expected


@pytest.mark.parametrize("route", ROUTES)
def test_a_method_without_a_row_lets_nobody_in(world: World, route: str) -> None:
    path = path_of(route, world.names, "mia")
    known = {row.method for row in ROWS if row.route == route}
    for method in METHODS:
        if method in known:
            continue
        body, kind = body_for(world, route, "mia")
        for caller in ("anonymous", "mia", "olga", "ada", "auditor", "shop:events:write"):
            status = world.knock(caller, method, path, body, kind)
            assert status in REFUSALS, (method, route, caller, status)


def test_another_s_thing_and_none_are_answered_with_the_same_body(world: World) -> None:
    compared = 0
    for row in ROWS:
        if row.thing != "missing":
            continue
        for caller in ("mia", "sam", "app:events:read"):
            answers = []
            for thing in ("mia", "missing"):
                body, kind = body_for(world, row.route, thing)
                path = path_of(row.route, world.names, thing)
                answers.append(world.answer(caller, row.method, path, body, kind))
            if answers[0].status_code == 404 and row.route.startswith("api/"):
                assert answers[0].content == answers[1].content, (row, caller)
                compared += 1
    assert compared >= 4
