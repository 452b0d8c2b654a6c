"""Whatever is sent, the answer is a 2xx or a 4xx, and what was sent is not said back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detection.kernel.vocabulary import EventType
from tests.security import world as worlds
from tests.security.matrix import METHODS, path_of, routes
from tests.security.world import BODIES, World

CANARY = "canary4711"
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
NAMES = [
    "event_id type occurred_at member_id account_exists session_id device_id ip user_agent country city latitude",
    "longitude asn amount currency payment_method_id recipient_id order_id payment path http_status referrer query",
    "email phone changed metadata events members severity __proto__ deadline_ms label labels decided_at source",
]
FIELD = st.sampled_from(" ".join(NAMES).split())
TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["\x00", "\ud800", "٣", "1e400", "-0", "NaN", "9" * 40, "2026-13-45T99:99:99Z", "::ffff:1.2.3.4%x"]
    ),
)
LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.sampled_from([kind.value for kind in EventType])
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
EVENT = st.dictionaries(FIELD, VALUE, max_size=8)
PLAUSIBLE = st.fixed_dictionaries(
    {"type": st.sampled_from([kind.value for kind in EventType]), "member_id": st.just("mia")},
    optional=dict.fromkeys(("amount", "currency", "ip", "payment", "metadata", "changed", "occurred_at"), VALUE),
)
BODY = st.one_of(
    EVENT,
    PLAUSIBLE,
    VALUE,
    st.fixed_dictionaries({"events": VALUE}),
    st.fixed_dictionaries({"labels": VALUE}),
    st.fixed_dictionaries(
        {"label": st.just("fraud")}, optional={"event_id": VALUE, "order_id": VALUE, "payment": VALUE}
    ),
    st.fixed_dictionaries({"events": st.lists(EVENT | PLAUSIBLE, max_size=5)}),
)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    return worlds.build()


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def fair(answer: Any) -> None:
    assert 200 <= answer.status_code < 300 or 400 <= answer.status_code < 500, answer.content
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert isinstance(answer.json()["errors"], list)


@FEW
@given(value=BODY)
@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("events/", "shop:events:write"),
        ("decisions/", "shop:decisions:write"),
        ("labels/", "shop:labels:write"),
    ],
    ids=["event", "decision", "label"],
)
def test_any_json_is_taken_or_refused(world: World, path: str, key: str, value: Any) -> None:
    fair(world.answer(key, "POST", f"/api/v1/{path}", encoded(value), "application/json"))


@FEW
@given(body=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_any_bytes_are_taken_or_refused(world: World, body: bytes, kind: str) -> None:
    fair(world.answer("shop:events:write", "POST", "/api/v1/events/", body, kind))


@FEW
@given(
    value=st.fixed_dictionaries({"members": st.lists(st.dictionaries(FIELD | st.just("locale"), VALUE), max_size=4)})
)
def test_any_members_are_taken_or_refused(world: World, value: Any) -> None:
    fair(world.answer("shop:members:import", "PUT", "/api/v1/members/", encoded(value), "application/json"))


@FEW
@given(name=FIELD, wrapped=st.sampled_from(["plain", "list", "object", "batch"]))
def test_a_bad_value_is_never_said_back(world: World, name: str, wrapped: str) -> None:
    bad: Any = {"plain": CANARY, "list": [CANARY], "object": {"inner": CANARY}, "batch": CANARY}[wrapped]
    event = {"type": "no.such", name: bad}
    body = {"events": [event]} if wrapped == "batch" else event
    answer = world.answer("shop:events:write", "POST", "/api/v1/events/", encoded(body), "application/json")
    fair(answer)
    said = answer.json()
    for result in said.get("results", []):
        result.pop("event_id")  # the sender's own id tells which one is meant
    assert CANARY not in json.dumps(said)


@FEW
@given(data=st.data())
def test_any_body_at_any_door_is_fair(world: World, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(sorted(route for route in set(routes()) if route.startswith("api/v1/"))))
    method = data.draw(st.sampled_from(METHODS[1:]))
    fields = {name: data.draw(VALUE | st.just(value)) for name, value in BODIES.get(route, {"note": "x"}).items()}
    fields |= data.draw(st.dictionaries(TEXT, LEAF, max_size=1))
    caller = data.draw(st.sampled_from(["mia", "olga", "ada", "shop:members:lock", "shop:members:import"]))
    thing = data.draw(st.sampled_from(["mia", "missing"]))
    fair(world.answer(caller, method, path_of(route, world.names, thing), encoded(fields), "application/json"))


@FEW
@given(
    query=st.dictionaries(
        st.sampled_from(
            [
                "q",
                "member",
                "status",
                "cursor",
                "limit",
                "after",
                "ordering",
                "ip",
                "value",
                "effect",
                "format",
                "from",
                "to",
                "x",
            ]
        ),
        TEXT,
        max_size=3,
    )
)
@pytest.mark.parametrize(
    "path", ["alerts/", "feed/", "audit/", "members/mia/", "lists/", "lists/export/", "money/", "rules/precision/"]
)
def test_any_query_is_answered_or_refused(world: World, path: str, query: dict[str, str]) -> None:
    from urllib.parse import urlencode

    sent = urlencode(query, errors="surrogatepass")
    fair(world.answer("ada", "GET", f"/api/v1/{path}?{sent}", b"", "application/json"))


@FEW
@given(name=TEXT)
@pytest.mark.parametrize("path", ["events/{}/", "members/{}/", "alerts/{}/", "api-keys/{}/", "lists/{}/"])
def test_any_name_in_an_address_is_found_or_not(world: World, path: str, name: str) -> None:
    from urllib.parse import quote

    where = "/api/v1/" + path.format(quote(name, safe="", errors="surrogatepass") or "x")
    fair(world.answer("ada", "GET", where, b"", "application/json"))
