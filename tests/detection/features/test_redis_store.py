"""What only the shared store has to show: the server may forget, freeze, and serve several processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import RedisError

from detection.features import EVERYONE, MemoryStore, RedisStore, connect
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Hours, Known, Last, Pace, Sum, types
from detection.kernel.records import EventRecord

Wipe = Callable[[str], None]

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
KINDS = ("login.failed", "login.succeeded", "transaction.succeeded", "page.viewed", "custom.wave")
WISHES = (
    Count(types("login.failed"), timedelta(minutes=10)),
    Count(types("login.failed"), timedelta(hours=3)),
    Count(types(), timedelta(hours=1), per="subject"),
    Count(types("login.failed", "page.viewed"), timedelta(minutes=30), per="ip"),
    Distinct("ip", types("login.failed", "login.succeeded"), timedelta(hours=2)),
    Distinct("member_id", types(), timedelta(hours=2), per="ip"),
    Sum(types("transaction.succeeded"), timedelta(hours=6)),
    Baseline(types("transaction.succeeded"), timedelta(days=2), least=2),
    Pace(types(), timedelta(hours=6), least=2),
    Hours(types("login.succeeded", "page.viewed"), timedelta(days=3), least=1),
    Last(types("login.succeeded"), timedelta(hours=12)),
    Last(types(), timedelta(hours=5), per="ip"),
    FirstSeen("ip"),
    FirstSeen("member_id", per="ip"),
    Known("ip"),
)

happenings = st.builds(
    lambda number, kind, minute, member, ip, amount: EventRecord(
        id=f"{number}", event_id=f"app-{number}", type=kind, member_id=member, ip=ip,
        occurred_at=NOON + timedelta(minutes=minute), received_at=NOON,
        amount=amount, currency=None if amount is None else "EUR",
    ),
    st.integers(0, 10_000), st.sampled_from(KINDS), st.integers(0, 3 * 1440), st.sampled_from(["mia", "sam", None]),
    st.sampled_from(["8.8.8.8", "81.2.69.142", None]), st.none() | st.decimals(0, 1000, places=2),
)  # fmt: skip


def once(events: list[EventRecord]) -> list[EventRecord]:
    """An id belongs to one event."""
    return list({event.id: event for event in events}.values())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happenings, max_size=40).map(once), st.randoms(use_true_random=False))
def test_both_stores_agree_on_any_stream(
    features_url: str, prefix: str, wipe: Wipe, events: list[EventRecord], chance: Any
) -> None:
    wipe(prefix)
    shared, plain = RedisStore(connect(features_url), WISHES, prefix=prefix), MemoryStore(WISHES)
    shared.rebuild({"mia": events[:5], "sam": [], EVERYONE: events[3:9]})
    plain.rebuild({"mia": events[:5], "sam": [], EVERYONE: events[3:9]})
    while events:
        size = chance.randint(1, 12)
        batch, events = events[:size], events[size - chance.randint(0, 1) :]
        wanted = [frozenset(chance.sample(WISHES, chance.randint(0, len(WISHES)))) for _ in batch]
        how = {name: frozenset(e.id for e in batch if chance.random() < 0.2) for name in ("unproven", "settled")}
        assert shared.observe_and_measure(batch, wanted, **how) == plain.observe_and_measure(batch, wanted, **how)
        if chance.random() < 0.2:
            shared.unteach(batch)
            plain.unteach(batch)
        if chance.random() < 0.2:
            shared.forget("mia", "ip", "8.8.8.8")
            plain.forget("mia", "ip", "8.8.8.8")


def signed_in(name: str, after: timedelta = timedelta(0)) -> EventRecord:
    when = NOON + after
    return EventRecord(
        id=name, event_id=name, type="login.succeeded", member_id="mia", device_id="d1", occurred_at=when,
        received_at=when,
    )  # fmt: skip


def test_a_second_process_sees_what_the_first_observed(features_url: str, prefix: str) -> None:
    wish = FirstSeen("device_id")
    first, second = (RedisStore(connect(features_url), [wish], prefix=prefix) for _ in range(2))
    first.rebuild({"mia": []})
    first.observe([signed_in("a")])
    assert second.observe_and_measure([signed_in("b", timedelta(days=1))], [{wish}]).seen == [{wish: NOON}]


def test_a_server_that_forgot_everything_makes_members_cold_again(features_url: str, prefix: str, wipe: Wipe) -> None:
    wish = FirstSeen("device_id")
    store = RedisStore(connect(features_url), [wish], prefix=prefix)
    store.rebuild({"mia": [signed_in("a")]})
    wipe(prefix)
    connect(features_url).script_flush()
    now = signed_in("b", timedelta(days=1))
    assert store.observe_and_measure([now], [{wish}]).cold == {"mia"}
    store.rebuild({"mia": [signed_in("a")]})
    assert store.observe_and_measure([now], [{wish}]).seen == [{wish: NOON}]


def test_a_longer_window_makes_members_cold_and_the_same_windows_do_not(features_url: str, prefix: str) -> None:
    failed = types("login.failed")
    store = RedisStore(connect(features_url), [Count(failed, timedelta(minutes=10))], prefix=prefix)
    store.rebuild({"mia": []})
    same = RedisStore(connect(features_url), [Count(failed, timedelta(minutes=10))], prefix=prefix)
    longer = RedisStore(connect(features_url), [Count(failed, timedelta(minutes=20))], prefix=prefix)
    assert same.missing({"mia"}) == frozenset()
    assert longer.missing({"mia"}) == {"mia"}


def test_everything_kept_has_an_end(features_url: str, prefix: str) -> None:
    client = connect(features_url)
    store = RedisStore(client, WISHES, prefix=prefix)
    store.rebuild({"mia": [], EVERYONE: []})
    events = [
        EventRecord(id=kind, event_id=kind, type=kind, member_id="mia", ip="8.8.8.8", occurred_at=NOON,
                    received_at=NOON)
        for kind in KINDS
    ]  # fmt: skip
    store.observe_and_measure(events, [WISHES] * len(events))
    kept = [key for pattern in (f"{prefix}:*", f"+{prefix}:*") for key in client.scan_iter(pattern)]
    assert kept
    assert all(0 < client.ttl(key) <= 402 * 86400 for key in kept)


def test_a_batch_is_one_call_to_the_server(features_url: str, prefix: str) -> None:
    client = connect(features_url)
    store = RedisStore(client, WISHES, prefix=prefix)
    store.rebuild({"mia": [], EVERYONE: []})
    store.observe([signed_in("warm-up")])
    events = [signed_in(str(i), timedelta(minutes=i)) for i in range(100)]
    before = client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
    store.observe_and_measure(events, [WISHES] * len(events))
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - before == 1


def test_a_server_that_is_away_surfaces_as_a_redis_error(tmp_path: Any) -> None:
    store = RedisStore(connect(f"unix://{tmp_path}/nobody.sock"), WISHES)
    with pytest.raises(RedisError):
        store.observe_and_measure([signed_in("a")], [WISHES])
