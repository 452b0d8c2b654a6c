"""What both stores promise, on the same stream of events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from detection.features import EVERYONE, FeatureStore, MemoryStore, base
from detection.kernel.features import (
    REMEMBERED,
    Baseline,
    Count,
    Distinct,
    FirstSeen,
    Hours,
    Known,
    Last,
    Pace,
    Sum,
    Wish,
    types,
)
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import Trust

MakeStore = Callable[[Any], FeatureStore]

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAILED, SIGNED_IN, PAID = types("login.failed"), types("login.succeeded"), types("transaction.succeeded")

FAILURES = Count(FAILED, 10 * MINUTE)
DEVICE = FirstSeen("device_id")


def event(name: str, kind: str = "login.failed", after: timedelta = timedelta(0), **fields: Any) -> EventRecord:
    when = NOON + after
    facts = {"member_id": "mia", "event_id": f"app-{name}", **fields}
    return EventRecord(id=name, type=kind, occurred_at=when, received_at=when, **facts)


def ask(store: FeatureStore, wish: Wish, *events: EventRecord) -> list[Any]:
    """What each event is granted, all sent in one batch, nobody cold."""
    store.rebuild({name: [] for name in store.missing({EVERYONE} | {e.member_id for e in events if e.member_id})})
    return [seen[wish] for seen in store.observe_and_measure(events, [{wish}] * len(events)).seen]


def test_each_event_of_a_batch_sees_the_ones_before_it_and_itself(make_store: MakeStore) -> None:
    burst = [event(str(i), after=i * MINUTE) for i in range(5)]
    assert ask(make_store([FAILURES]), FAILURES, *burst) == [1, 2, 3, 4, 5]


def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    assert ask(store, FAILURES, event("a"), event("b", after=10 * MINUTE)) == [1, 1]
    sam = [event("c", member_id="sam"), event("d", after=10 * MINUTE - base.MICROSECOND, member_id="sam")]
    assert ask(store, FAILURES, *sam) == [1, 2]


def test_the_same_event_counts_once_however_often_it_comes(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    assert ask(store, FAILURES, event("a"), event("a"), event("a")) == [1, 1, 1]
    assert ask(store, FAILURES, event("a")) == [1]


def test_a_burst_that_arrives_shuffled_counts_like_one_in_order(make_store: MakeStore) -> None:
    minutes = [9, 3, 6, 0, 8]
    shuffled = [event(str(minute), after=minute * MINUTE) for minute in minutes]
    assert ask(make_store([FAILURES]), FAILURES, *shuffled)[-1] == 5


def test_an_event_hours_late_is_judged_by_its_own_time(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    ask(store, FAILURES, *(event(f"now{i}", after=5 * HOUR + i * MINUTE) for i in range(4)))
    assert ask(store, FAILURES, event("late"), event("late2", after=MINUTE)) == [1, 2]


def test_windows_of_one_key_are_closed_to_another(make_store: MakeStore) -> None:
    assert ask(make_store([FAILURES]), FAILURES, event("a"), event("b", member_id="sam")) == [1, 1]


def test_names_that_look_like_the_stores_own_keys_stay_apart(make_store: MakeStore) -> None:
    wishes = [FAILURES, DEVICE, Last(FAILED, HOUR)]
    store = make_store(wishes)
    names = ["mia", "mia+", "+mia", "warm:mia", "mia:", "möwe", "a b\n"]
    store.rebuild({name: [] for name in (*names, EVERYONE)})
    events = [event(str(i), member_id=name, device_id=name) for i, name in enumerate(names)]
    grant = store.observe_and_measure(events, [wishes] * len(events))
    assert all(seen[FAILURES] == 1 and seen[wishes[2]] is None for seen in grant.seen)


def test_a_guest_is_counted_by_address_and_by_subject(make_store: MakeStore) -> None:
    by_address, by_subject = Count(FAILED, HOUR, per="ip"), Count(FAILED, HOUR, per="subject")
    store = make_store([by_address, by_subject])
    events = [event(str(i), member_id=None, ip="8.8.8.8", device_id=f"d{i}") for i in range(3)]
    store.rebuild({EVERYONE: []})
    grant = store.observe_and_measure(events, [{by_address, by_subject}] * 3)
    assert [seen[by_address] for seen in grant.seen] == [1, 2, 3]
    assert [seen[by_subject] for seen in grant.seen] == [1, 1, 1]


@pytest.mark.parametrize(
    ("wish", "nothing"),
    [
        (Count(FAILED, HOUR, per="ip"), 0),
        (Distinct("ip", FAILED, HOUR, per="device"), 0),
        (Sum(PAID, HOUR, per="ip"), Decimal(0)),
        (Baseline(PAID, per="ip"), None),
        (Pace(PAID, HOUR, per="ip"), None),
        (Hours(PAID, per="ip"), None),
        (Last(PAID, HOUR, per="session"), None),
        (FirstSeen("device_id", per="email"), None),
        (Known("device_id", per="payment_method"), 0),
    ],
)
def test_a_wish_whose_key_is_absent_is_granted_its_empty_value(make_store: MakeStore, wish: Wish, nothing: Any) -> None:
    assert ask(make_store([wish]), wish, event("a")) == [nothing]


def test_different_values_count_once_each_and_leave_with_their_last_sight(make_store: MakeStore) -> None:
    wish = Distinct("ip", FAILED, 10 * MINUTE)
    minutes = [(0, "a"), (1, "b"), (2, "a"), (3, None), (11, "c"), (13, "c")]
    events = [event(str(minute), after=minute * MINUTE, ip=ip) for minute, ip in minutes]
    assert ask(make_store([wish]), wish, *events) == [1, 2, 2, 2, 2, 1]


def test_values_longer_than_a_key_should_be_are_still_told_apart(make_store: MakeStore) -> None:
    wish = Distinct("path", types(), HOUR)
    long = "/p" * 3000
    events = [event("a", path=long), event("b", path=long + "x"), event("c", path=long)]
    assert ask(make_store([wish]), wish, *events) == [1, 2, 2]


def test_a_sum_is_exact_and_keeps_currencies_apart(make_store: MakeStore) -> None:
    wish = Sum(PAID, HOUR)
    amounts = [("0.10", "EUR"), ("0.20", "EUR"), ("5", "USD"), ("1E+2", "EUR"), (None, None)]
    events = [
        event(str(i), "transaction.succeeded", i * MINUTE, amount=amount and Decimal(amount), currency=currency)
        for i, (amount, currency) in enumerate(amounts)
    ]
    granted = ask(make_store([wish]), wish, *events)
    assert granted == [Decimal("0.10"), Decimal("0.30"), Decimal(5), Decimal("100.30"), Decimal(0)]


def test_the_same_payment_read_back_with_more_noughts_is_the_same_payment(make_store: MakeStore) -> None:
    wish = Sum(PAID, HOUR)
    twice = [event("a", "transaction.succeeded", amount=Decimal(text), currency="EUR") for text in ("9.9", "9.9000")]
    assert ask(make_store([wish]), wish, *twice) == [Decimal("9.9"), Decimal("9.9")]


def test_a_habit_is_the_median_of_earlier_amounts_only(make_store: MakeStore) -> None:
    wish = Baseline(PAID, least=3)
    amounts = [10, 20, 30, 1000]
    events = [
        event(str(i), "transaction.succeeded", i * DAY, amount=Decimal(amount), currency="EUR")
        for i, amount in enumerate(amounts)
    ]
    assert ask(make_store([wish]), wish, *events) == [None] * 3 + [{"count": 3.0, "median": 20.0, "mad": 10.0}]


def test_a_habit_reads_the_newest_hundred(make_store: MakeStore) -> None:
    wish = Baseline(PAID)
    events = [
        event(f"{i:03}", "transaction.succeeded", i * HOUR, amount=Decimal(1 if i < 100 else 50), currency="EUR")
        for i in range(200)
    ]
    assert ask(make_store([wish]), wish, *events)[-1] == {"count": 100.0, "median": 50.0, "mad": 0.0}


def test_even_steps_have_no_spread_and_a_reader_has_one(make_store: MakeStore) -> None:
    wish = Pace(FAILED, HOUR, least=3)
    even = [event(f"e{i}", after=i * MINUTE) for i in range(5)]
    assert ask(make_store([wish]), wish, *even)[2:] == [
        None,
        {"count": 3.0, "median": 60.0, "spread": 0.0},
        {"count": 4.0, "median": 60.0, "spread": 0.0},
    ]
    reader = [event(f"r{i}", after=minute * MINUTE, member_id="sam") for i, minute in enumerate((0, 1, 3, 7, 15))]
    assert ask(make_store([wish]), wish, *reader)[-1] == {"count": 4.0, "median": 180.0, "spread": 1.083333}


def test_a_time_of_day_is_familiar_by_the_clock_across_midnight(make_store: MakeStore) -> None:
    wish = Hours(SIGNED_IN, least=3)
    evenings = [event(f"{i}", "login.succeeded", i * DAY + 11 * HOUR) for i in range(5)]  # 23:00
    soon_after = event("late", "login.succeeded", 5 * DAY + 14 * HOUR)  # 02:00
    at_noon = event("noon", "login.succeeded", 6 * DAY)
    granted = ask(make_store([wish]), wish, *evenings, soon_after, at_noon)
    assert granted[:4] == [None] * 3 + [None]  # the evening before is exactly a day ago, and no habit yet
    assert granted[5] == {"count": 5.0, "near": 5.0}
    assert granted[6] == {"count": 5.0, "near": 0.0}


def test_first_sight_is_remembered_and_the_judged_event_counts(make_store: MakeStore) -> None:
    events = [
        event("a", "login.succeeded", device_id="phone"),
        event("b", "login.succeeded", DAY, device_id="phone"),
        event("c", "login.succeeded", DAY, device_id="laptop"),
        event("d", "login.succeeded", DAY),
    ]
    assert ask(make_store([DEVICE]), DEVICE, *events) == [NOON, NOON, NOON + DAY, None]


@pytest.mark.parametrize("kind", ["login.failed", "mfa.failed", "page.viewed", "transaction.attempted"])
def test_only_events_that_prove_who_acted_teach(make_store: MakeStore, kind: str) -> None:
    known = Known("device_id")
    store = make_store([DEVICE, known])
    assert ask(store, DEVICE, *(event(str(i), kind, i * DAY, device_id="d1") for i in range(3))) == [None] * 3
    assert ask(store, known, event("z", "login.succeeded", 9 * DAY, device_id="d2")) == [0]


def test_a_key_of_low_trust_teaches_nothing(make_store: MakeStore) -> None:
    forged = event("a", "login.succeeded", device_id="d1", trust=Trust.LOW)
    assert ask(make_store([DEVICE]), DEVICE, forged) == [None]


def test_how_many_devices_were_proved_before(make_store: MakeStore) -> None:
    wish = Known("device_id")
    events = [event(str(i), "login.succeeded", i * DAY, device_id=f"d{i % 3}") for i in range(5)]
    assert ask(make_store([wish]), wish, *events) == [0, 1, 2, 3, 3]


def test_a_disputed_device_is_new_when_it_shows_again(make_store: MakeStore) -> None:
    store = make_store([DEVICE])
    ask(store, DEVICE, event("a", "login.succeeded", device_id="d1"))
    store.forget("mia", "device_id", "d1")
    assert ask(store, DEVICE, event("b", "transaction.attempted", DAY, device_id="d1")) == [None]
    assert ask(store, DEVICE, event("c", "login.succeeded", 2 * DAY, device_id="d1")) == [NOON + 2 * DAY]


def test_a_challenged_sign_in_is_taken_back_but_an_old_device_stays(make_store: MakeStore) -> None:
    store = make_store([DEVICE])
    old, new = event("a", "login.succeeded", device_id="old"), event("b", "login.succeeded", DAY, device_id="new")
    again = event("c", "login.succeeded", DAY, device_id="old")
    ask(store, DEVICE, old, new, again)
    store.unteach([new, again])
    later = [event(name, "transaction.attempted", 2 * DAY, device_id=name) for name in ("old", "new")]
    assert ask(store, DEVICE, *later) == [NOON, None]


def test_the_newest_earlier_event_is_remembered_whole(make_store: MakeStore) -> None:
    wish = Last(SIGNED_IN, DAY)
    first = event(
        "a", "login.succeeded", ip="8.8.8.8", latitude=52.5, longitude=13.4, country="DE", amount=Decimal("1.5")
    )
    granted = ask(make_store([wish]), wish, first, event("b", "login.succeeded", HOUR), event("c", after=2 * HOUR))
    assert granted[0] is None
    assert granted[1] == {
        **dict.fromkeys(REMEMBERED),
        "member_id": "mia",
        "trust": 1,
        "ip": "8.8.8.8",
        "latitude": 52.5,
        "longitude": 13.4,
        "country": "DE",
        "amount": Decimal("1.5"),
        "type": "login.succeeded",
        "changed": (),
        "occurred_at": NOON,
        "event_id": "app-a",
    }
    assert granted[2]["event_id"] == "app-b"


def test_an_event_a_day_old_is_no_longer_the_last(make_store: MakeStore) -> None:
    wish = Last(SIGNED_IN, DAY)
    events = [event("a", "login.succeeded"), event("b", "login.succeeded", DAY)]
    assert ask(make_store([wish]), wish, *events) == [None, None]


def test_no_types_means_every_type(make_store: MakeStore) -> None:
    wish = Count(types(), HOUR)
    events = [event("a"), event("b", "page.viewed"), event("c", "custom.wave")]
    assert ask(make_store([wish]), wish, *events) == [1, 2, 3]


def test_a_cold_member_stops_the_batch_and_changes_nothing(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    store.rebuild({"sam": []})
    batch = [event("a", member_id="sam"), event("b", after=MINUTE)]
    grant = store.observe_and_measure(batch, [{FAILURES}] * 2)
    assert (grant.seen, grant.cold) == ([], frozenset({"mia"}))
    store.rebuild({"mia": [event("before")]})
    assert [seen[FAILURES] for seen in store.observe_and_measure(batch, [{FAILURES}] * 2).seen] == [1, 2]


def test_a_rebuilt_past_answers_like_one_that_was_lived_through(make_store: MakeStore) -> None:
    store = make_store([FAILURES, DEVICE])
    past = [event("a", "login.succeeded", device_id="d1"), *(event(str(i), after=i * MINUTE) for i in range(3))]
    store.rebuild({"mia": past})
    store.rebuild({"mia": past})
    now = event("now", after=4 * MINUTE, device_id="d1")
    seen = store.observe_and_measure([now], [{FAILURES, DEVICE}]).seen[0]
    assert seen == {FAILURES: 4, DEVICE: NOON}


def test_what_was_challenged_in_the_past_fills_windows_but_teaches_nothing(make_store: MakeStore) -> None:
    count = Count(SIGNED_IN, HOUR)
    store = make_store([DEVICE, count])
    store.rebuild({"mia": [event("a", "login.succeeded", device_id="d1")]}, unproven={"a"})
    now = event("b", "login.succeeded", MINUTE, device_id="d1")
    assert store.observe_and_measure([now], [{DEVICE, count}]).seen == [{DEVICE: NOON + MINUTE, count: 2}]


def test_observing_needs_no_past(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    store.observe([event("a")])
    assert store.missing({"mia"}) == {"mia"}
    assert ask(store, FAILURES, event("b")) == [2]


def test_a_member_whose_past_grew_elsewhere_is_made_cold(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    store.rebuild({"mia": [], "sam": []})
    store.chill(["mia"])
    store.chill([])
    assert store.missing({"mia", "sam"}) == {"mia"}


def test_nobody_is_missing_among_nobody(make_store: MakeStore) -> None:
    assert make_store([FAILURES]).missing(set()) == frozenset()


def test_a_flood_stays_bounded_and_keeps_the_newest(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in base.MOST:
        monkeypatch.setitem(base.MOST, kind, 5)
    wishes = [Count(FAILED, HOUR), Distinct("ip", FAILED, HOUR), Known("device_id"), Last(FAILED, HOUR)]
    store = make_store(wishes)
    store.rebuild({"mia": []})
    for i in range(12):
        sent = [
            event(f"f{i:02}", after=i * MINUTE, ip=f"ip{i}"),
            event(f"s{i:02}", "login.succeeded", i * MINUTE, device_id=f"d{i}"),
        ]
        store.observe(sent)
    seen = store.observe_and_measure([event("now", "logout", 12 * MINUTE)], [wishes]).seen[0]
    assert [seen[wish] for wish in wishes[:3]] == [5, 5, 5]
    assert seen[wishes[3]]["event_id"] == "app-f11"


def test_wishes_may_differ_from_event_to_event(make_store: MakeStore) -> None:
    store = make_store([FAILURES, DEVICE])
    store.rebuild({"mia": []})
    grant = store.observe_and_measure([event("a"), event("b"), event("c")], [{FAILURES}, set(), {DEVICE}])
    assert grant.seen == [{FAILURES: 1}, {}, {DEVICE: None}]


ACROSS = [
    Distinct("member_id", FAILED, HOUR, per="ip"),
    Count(FAILED, HOUR, per="device"),
    Count(FAILED, HOUR, per="payment_method"),
    Count(FAILED, HOUR, per="session"),
    Count(FAILED, HOUR, per="email"),
    Count(FAILED, HOUR, per="recipient"),
    Count(FAILED, HOUR, per="subject"),
]
NAMED = {
    "ip": "8.8.8.8",
    "device_id": "d",
    "payment_method_id": "p",
    "session_id": "s",
    "email": "a@example.com",
    "recipient_id": "r",
}


def test_windows_across_members_are_cold_until_everyones_past_is_there(make_store: MakeStore) -> None:
    store = make_store(ACROSS)
    batch = [event("now", after=10 * MINUTE, member_id=None, **NAMED)]
    assert store.observe_and_measure(batch, [ACROSS]).cold == {EVERYONE}
    past = [event(f"{n}", after=n * MINUTE, member_id=f"m{n}", **NAMED) for n in range(5)]
    guest = event("guest", after=6 * MINUTE, member_id=None, **NAMED)
    store.rebuild({EVERYONE: [*past, guest]})
    (seen,) = store.observe_and_measure(batch, [ACROSS]).seen
    assert [seen[wish] for wish in ACROSS] == [5, 7, 7, 7, 7, 7, 2]


def test_the_past_of_everyone_fills_no_members_own_windows(make_store: MakeStore) -> None:
    own, by_subject = Count(FAILED, HOUR), Count(FAILED, HOUR, per="subject")
    store = make_store([own, by_subject])
    store.rebuild({EVERYONE: [event("a"), event("b")], "mia": []})
    assert store.observe_and_measure([event("c", after=MINUTE)], [{own, by_subject}]).seen == [{own: 1, by_subject: 1}]


def test_windows_of_members_alone_need_nobody_elses_past(make_store: MakeStore) -> None:
    store = make_store([FAILURES])
    store.rebuild({"mia": []})
    assert store.observe_and_measure([event("a")], [{FAILURES}]).cold == frozenset()


def test_a_hundred_thousand_events_of_one_member_at_one_address_leave_a_bounded_past(
    make_store: MakeStore, held: Callable[[FeatureStore], int]
) -> None:
    wishes = [Count(FAILED, DAY), Distinct("path", FAILED, DAY, per="ip")]
    store = make_store(wishes)
    flood, size = 100_000, 10_000
    for start in range(0, flood, size):
        store.observe(
            [
                event(f"{n}", after=n * timedelta(milliseconds=500), ip="8.8.8.8", path=f"/{n}")
                for n in range(start, start + size)
            ]
        )
    store.rebuild({"mia": [], EVERYONE: []})
    (seen,) = store.observe_and_measure([event("now", "logout", DAY - HOUR, ip="8.8.8.8")], [wishes]).seen
    assert [seen[wish] for wish in wishes] == [base.MOST["times"], base.MOST["values"]]
    assert held(store) <= base.MOST["times"] + base.MOST["values"]


def test_a_long_run_in_memory_holds_what_is_going_on_and_what_was_proved_and_no_more() -> None:
    store = MemoryStore([Count(FAILED, HOUR, per="ip"), DEVICE], complete=True)
    for day in range(5):
        store.observe([event(f"{day}-{n}", after=day * DAY, ip=f"10.{day}.0.{n}") for n in range(100)])
        store.observe([event(f"in-{day}", "login.succeeded", day * DAY, device_id="phone")])
        store.let_go(NOON + day * DAY)
    assert len(store._pasts) == 201  # the last day's addresses, a day's grace for what comes late, and the phone
    store.let_go(NOON + 4 * DAY + base.KNOWN_FOR)
    assert not store._pasts


def test_letting_go_changes_nothing_that_is_granted() -> None:
    wish = Count(FAILED, HOUR, per="ip")
    ours, theirs = MemoryStore([wish], complete=True), MemoryStore([wish], complete=True)
    for hour in (0, 10, 25, 25.5, 26):
        told = [event(f"{hour}-{n}", after=hour * HOUR, ip=f"10.0.0.{n}") for n in range(3)]
        told.append(event(f"{hour}-late", after=(hour - 24) * HOUR, ip="10.0.0.1"))  # as late as intake lets in
        asked = [[{wish}] * len(told)] * 2
        assert ours.observe_and_measure(told, asked[0]).seen == theirs.observe_and_measure(told, asked[1]).seen
        ours.let_go(NOON + hour * HOUR)
