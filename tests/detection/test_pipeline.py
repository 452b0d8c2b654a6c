from __future__ import annotations

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.runner.spawn import kill_group, spawn
from config.runner.valkey import Valkey
from detection import announcements, batches, catalog, deciding, feed, inbox, measuring, pipeline
from detection.audit import ledger, verify
from detection.conf import ATTEMPTS, LEASE, current
from detection.features import connect
from detection.kernel.detector import Rule
from detection.kernel.features import FirstSeen
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import Action, ActorKind, EventState, Family, Severity, Trust
from detection.models import (
    Alert,
    AuditPending,
    Decision,
    Device,
    Event,
    FeedEntry,
    InboxItem,
    LockReason,
    Member,
    Notification,
    OtpChallenge,
)
from detection.response import alerts, challenges, codes, disputes, faults, locks
from tests.cast import BERLIN, happened, judge_all, large_payment, report, settled_life, stored

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def decide(payload):
    (item,) = report(payload, ring=False)
    assert item.event is not None
    return deciding.decide(item.event)


def test_a_large_payment_from_a_new_device_is_denied_alerted_and_locks():
    settled_life()
    answer = decide(large_payment())
    alert = Alert.objects.get()
    assert answer["verdict"] == "deny"
    assert answer["alert_id"] == str(alert.pk)
    assert answer["lock"]["state"] == "locked"
    assert answer["lock"]["scopes"] == ["payments"]
    assert "large-transaction-new-device" in [reason["code"] for reason in answer["reasons"]]
    assert (alert.severity, alert.action_taken, alert.status) == ("high", "lock", "open")
    assert all(reason["observed"] is not None and reason["threshold"] is not None for reason in alert.reasons)


def test_the_same_decision_is_answered_the_same():
    settled_life()
    payload = large_payment()
    assert decide(payload) == decide(payload)
    assert Decision.objects.count() == Alert.objects.count() == 1


def test_an_event_judged_by_a_worker_is_answered_from_its_verdict():
    settled_life()
    payload = large_payment()
    report(payload)
    judge_all()
    answer = decide(payload)
    assert answer["verdict"] == "deny"
    assert Alert.objects.count() == 1


def test_what_a_locked_member_does_is_refused_and_recorded():
    settled_life()
    decide(large_payment())
    refused = happened("transaction.attempted", amount="3.00", currency="EUR", device_id="mia-phone", session_id="s")
    answer = decide(refused)
    assert answer["verdict"] == "deny"
    assert answer["reasons"][0]["code"] == "member-locked"
    assert Event.objects.get(event_id=refused["event_id"]).outcome == "deny"
    assert decide(happened("page.viewed", path="/"))["verdict"] == "allow"


def test_an_ordinary_payment_is_allowed_and_raises_nothing():
    settled_life()
    answer = decide(
        happened("transaction.attempted", amount="30", currency="EUR", device_id="mia-phone", session_id="s")
    )
    assert answer["verdict"] == "allow"
    assert answer["lock"] is None
    assert not Alert.objects.exists()


def test_further_failed_logins_fold_into_one_alert():
    for _ in range(40):
        report(happened("login.failed", account_exists=True, ip="185.220.101.1", device_id="x"))
    judge_all()
    assert Alert.objects.filter(member__member_id="mia").count() == 1
    assert FeedEntry.objects.filter(kind="alert.raised").count() == 1
    assert Alert.objects.get().event_count >= 2


def test_a_stuffing_run_over_many_members_is_one_alert_about_its_source():
    report(*guesses_across(60))
    judge_all()
    alert = Alert.objects.get()
    assert (alert.subject, alert.member) == (f"address:{BERLIN}", None)
    assert alert.event_count > 40
    assert alert.reasons[0]["observed"] == 60
    (item,) = report(happened("login.succeeded", "mia", ip=BERLIN, device_id="thief", session_id="s"), ring=False)
    deciding.decide(item.event)
    assert Alert.objects.filter(member__member_id="mia").count() == 1


def test_after_a_day_of_event_time_the_next_hit_is_a_new_incident():
    settled_life()
    decide(large_payment())
    Alert.objects.update(last_seen_at=datetime.now(UTC) - timedelta(hours=25))
    decide(large_payment())
    assert Alert.objects.count() == 2
    assert Alert.objects.filter(folding=True).count() == 1


def test_events_of_one_member_are_judged_in_order_and_queries_do_not_grow():
    def cost(size, prefix):
        report(*[happened("page.viewed", f"{prefix}{n}", path="/", device_id=f"d{n}") for n in range(size)])
        with CaptureQueriesContext(connection) as queries:
            assert judge_all() == size
        return len(queries)

    cost(1, "warm-up")
    small, large = cost(3, "few"), cost(90, "many")
    assert large <= small + (0 if connection.vendor == "postgresql" else 3)


def test_a_member_with_work_in_flight_is_claimed_by_nobody_else():
    report(happened("logout"), happened("logout", member="sam"))
    first = inbox.claim(limit=1)
    report(happened("logout"))
    second = inbox.claim()
    assert first is not None
    assert second is not None
    assert {item.subject for item in first.items} == {"member:mia"}
    assert {item.subject for item in second.items} == {"member:sam"}
    assert inbox.claim() is None


def test_work_of_a_dead_worker_is_taken_up_and_the_revived_one_is_fenced_off():
    report(happened("logout"))
    zombie = inbox.claim()
    assert zombie is not None
    later = timezone.now() + LEASE + timedelta(seconds=1)
    heir = inbox.claim(now=later)
    assert heir is not None
    assert pipeline.handle(heir) == 1
    with pytest.raises(inbox.ClaimLost):
        pipeline.handle(zombie)
    assert not InboxItem.objects.exists()


@pytest.fixture
def poisonous():
    """A rule whose needs break the whole handful, and the roster without it afterwards."""

    class Poison(Exception):
        pass

    original = batches.additions

    def burst(record):
        if record.member_id == "poison":
            raise Poison
        return original(record)

    batches.additions = burst
    yield
    batches.additions = original


def test_poison_is_tried_five_times_then_dead_visible_and_replayable(poisonous):
    items = report(happened("logout", "poison"), happened("logout"), happened("logout", "sam"))
    judge_all()
    assert [stored(item).state for item in items] == [EventState.PENDING, EventState.PROCESSED, EventState.PROCESSED]
    for _ in range(ATTEMPTS):
        InboxItem.objects.update(due_at=timezone.now())
        judge_all()
    (letter,) = inbox.dead()
    assert (letter.error, letter.attempt) == ("Poison", ATTEMPTS)
    assert stored(items[0]).state == EventState.DEAD
    assert inbox.counts() == {"pending": 0, "dead": 1}
    assert inbox.replay() == 1
    assert stored(items[0]).state == EventState.PENDING


def test_a_worker_that_dies_each_time_still_spends_its_tries():
    (item,) = report(happened("logout"))
    now = timezone.now()
    for _ in range(ATTEMPTS):
        assert inbox.claim(now=now) is not None
        now += LEASE + timedelta(seconds=1)
    assert inbox.claim(now=now) is None
    assert stored(item).state == EventState.DEAD


def test_one_broken_rule_is_named_and_silences_nobody(monkeypatch):
    class Broken(Rule):
        """Always broken."""

        id = "broken"
        title = "Broken"
        severity = Severity.HIGH
        family = Family.IDENTITY
        listens_to = frozenset({"transaction.attempted"})

        def inspect(self, event, seen):
            raise ZeroDivisionError

    duty = catalog.on_duty()
    monkeypatch.setattr(catalog, "on_duty", lambda: catalog.Duty((Broken(), *duty.detectors), duty.shadow))
    settled_life()
    answer = decide(large_payment())
    assert answer["verdict"] == "deny"
    assert Event.objects.get(outcome="deny").broken == ["broken"]
    decide(large_payment())
    assert faults.counted() == {"broken": 2}
    assert b'secureretail_detector_faults_total{detector="broken"} 2.0' in Client().get("/metrics").content
    assert Notification.objects.filter(kind="detector.broken").count() == 1


def test_with_the_feature_store_dead_a_decision_is_answered_from_the_database(settings):
    settled_life()
    settings.REDIS_FEATURES_URL = "redis://127.0.0.1:1/0"
    answer = decide(large_payment())
    assert answer["degraded"] == ["features"]
    assert answer["verdict"] == "deny"
    assert InboxItem.objects.get().observe_only
    measuring._away_until = 0.0


def test_a_worker_without_the_feature_store_puts_the_work_back_untried(settings):
    (item,) = report(happened("logout"))
    settings.REDIS_FEATURES_URL = "redis://127.0.0.1:1/0"
    assert judge_all() == 0
    waiting = InboxItem.objects.get()
    assert (waiting.attempt, waiting.token, stored(item).state) == (0, None, EventState.PENDING)


def test_a_flushed_store_finds_its_past_again():
    settled_life()
    store = catalog.store()
    store._client.flushdb()  # what a lost Valkey looks like
    answer = decide(large_payment())
    assert answer["verdict"] == "deny"
    assert answer["degraded"] == []


def guesses_across(count=30):
    return [happened("login.failed", f"victim-{number}", ip=BERLIN) for number in range(count)]


def test_a_flushed_store_finds_what_crosses_members_again():
    report(*guesses_across())
    judge_all()
    connect(current().redis_features_url).flushdb()
    (item,) = report(happened("login.succeeded", "mia", ip=BERLIN, device_id="thief"), ring=False)
    deciding.decide(item.event)
    assert stored(item).seen["credential-stuffing"]["members short"] == 30


def test_a_decision_that_cannot_wait_for_everyones_past_says_so(monkeypatch):
    report(*guesses_across(3))
    judge_all()
    connect(current().redis_features_url).flushdb()
    late = threading.Event()
    monkeypatch.setattr(measuring, "_recall_everyone", lambda _store: late.wait(20))
    (item,) = report(happened("login.succeeded", "mia", ip=BERLIN, device_id="thief"), ring=False)
    try:
        assert deciding.decide(item.event, deadline=timedelta(milliseconds=200))["degraded"] == ["features"]
    finally:
        late.set()
        measuring._away_until = 0.0


def test_failed_and_challenged_sign_ins_never_teach_a_profile():
    settled_life()
    report(*[happened("login.failed", ip=BERLIN, device_id="thief") for _ in range(6)])
    judge_all()
    entered = decide(happened("login.succeeded", ip=BERLIN, device_id="thief", session_id="s-thief"))
    assert entered["verdict"] == "challenge"
    assert set(Device.objects.values_list("device_id", flat=True)) == {"mia-phone"}
    for _ in range(2):  # as the store learned it, and as it is rebuilt from the table
        (item,) = report(happened("transaction.attempted", amount="9", currency="EUR", device_id="thief", ip=BERLIN))
        judge_all()
        record = stored(item).record("mia")
        proved = FirstSeen("device_id")
        assert measuring.ask_store([record], [{proved}])[0][proved] is None
        connect(current().redis_features_url).flushdb()


def test_a_refused_payment_never_makes_the_attackers_device_known():
    settled_life()
    report(happened("login.failed", device_id="unheard-of", account_exists=True))
    decide(large_payment())
    member = Member.objects.get(member_id="mia")
    locks.release(member, actor=SYSTEM, by=ActorKind.STAFF, reason="the owner called us")
    Alert.objects.update(folding=False, status="resolved")
    assert decide(large_payment())["verdict"] == "deny"
    assert not Device.objects.filter(device_id="unheard-of").exists()


def test_low_trust_never_locks():
    settled_life()
    (item,) = report(large_payment(), trust=Trust.LOW)
    judge_all()
    assert not LockReason.objects.exists()
    assert Alert.objects.get().action_taken != Action.LOCK
    assert stored(item).risk_score >= 70


def test_guests_get_decisions_and_alerts_and_never_locks():
    for n in range(6):
        report(
            happened(
                "payment.failed", None, device_id="guest-1", payment_method_id=f"pm{n}", amount="1", currency="EUR"
            )
        )
    judge_all()
    assert not LockReason.objects.exists()
    assert Alert.objects.filter(subject="device:guest-1", member=None).exists()


def test_shadow_mode_computes_everything_and_enforces_nothing(settings):
    settings.MODE = "shadow"
    settled_life()
    answer = decide(large_payment())
    assert answer["verdict"] == "allow"
    assert answer["risk_score"] >= 70
    assert Alert.objects.get().action_taken == "none"
    assert not LockReason.objects.exists()


def test_everything_said_is_in_the_feed_and_everything_done_in_the_audit_chain():
    settled_life()
    decide(large_payment())
    said, cursor, more = feed.frames(feed.StaffViewer(), after=0)
    kinds = [frame["kind"] for frame in said]
    assert "alert.raised" in kinds
    assert "member.locked" in kinds
    assert not more
    assert cursor == said[-1]["cursor"]
    alert = next(frame["alert"] for frame in said if frame["kind"] == "alert.raised")
    assert alert["cursor"] <= cursor
    assert AuditPending.objects.filter(entry__action="member.locked").exists()
    ledger.sequence_all()
    assert verify.verify().code == verify.INTACT


def test_a_member_never_sees_a_frame_of_another():
    settled_life()
    decide(large_payment())
    mia, sam = Member.objects.get(member_id="mia"), Member.objects.create(member_id="sam")
    mine, _, _ = feed.frames(feed.MemberViewer(mia.pk), after=0)
    theirs, _, _ = feed.frames(feed.MemberViewer(sam.pk), after=0)
    assert {frame["kind"] for frame in mine} >= {"alert.raised", "member.locked", "health.changed"}
    assert theirs == []
    shown = next(frame["alert"] for frame in mine if frame["kind"] == "alert.raised")
    assert not {"detectors", "risk_score", "assignee", "suggested_actions"} & set(shown)


def test_a_device_the_member_disowned_is_new_again_even_after_a_flush():
    settled_life()
    decide(large_payment(device_id="mia-phone", amount="9000", ip="185.220.101.1"))
    (item,) = report(happened("login.failed", account_exists=True, device_id="mia-phone"))
    assert item.event is not None
    alert = Alert.objects.filter(device="mia-phone").first() or Alert.objects.create(
        subject="member:mia", incident="account", member=Member.objects.get(member_id="mia"), severity="medium",
        severity_rank=1, risk_score=45, title="t", summary="s", event_id="e", device="mia-phone",
        first_seen_at=timezone.now(), last_seen_at=timezone.now(),
    )  # fmt: skip
    assert (
        decide(
            happened(
                "transaction.attempted", amount="1900", currency="EUR", device_id="mia-phone", ip=BERLIN, session_id="q"
            )
        )["verdict"]
        != "deny"
    )
    disputes.deny(alert.pk, member=alert.member, actor=SYSTEM)
    pipeline.disown_device(announcements.DeviceDisowned("mia", "mia-phone"))
    for flush in (False, True):
        if flush:
            catalog.store()._client.flushdb()
        answer = decide(
            happened(
                "transaction.attempted", amount="1900", currency="EUR", device_id="mia-phone", ip=BERLIN, session_id="q"
            )
        )
        assert "large-transaction-new-device" in [reason["code"] for reason in answer["reasons"]]


def test_history_is_measured_for_the_models_and_judged_by_nobody():
    settled_life()
    paid = Event.objects.filter(type="transaction.succeeded").first()
    assert "anomaly-payments" in paid.seen
    assert not Alert.objects.exists()


def test_an_event_that_could_not_be_judged_is_never_answered_allow():
    (item,) = report(large_payment())
    Event.objects.filter(pk=item.event).update(state=EventState.DEAD)
    InboxItem.objects.update(dead=True)
    assert item.event is not None
    with pytest.raises(deciding.Busy):
        deciding.decide(item.event)


def test_a_decision_with_a_deadline_never_waits_for_a_worker_that_is_slow():
    settled_life()
    report(happened("logout"))
    held = inbox.claim()
    (item,) = report(large_payment(), ring=False)
    assert item.event is not None
    answer = deciding.decide(item.event, deadline=timedelta(milliseconds=50))
    assert answer["degraded"] == ["queue", "features"]
    assert answer["verdict"] == "deny"
    assert deciding.decide(item.event) == answer
    assert held is not None
    pipeline.handle(held)
    judge_all()
    assert stored(item).state == EventState.PROCESSED
    assert Alert.objects.count() == 1


def test_a_frozen_feature_store_never_holds_a_decision_past_its_deadline(settings, tmp_path):
    settled_life()
    frozen = Valkey.prepare(tmp_path / "valkey", password="for-this-test")
    process = spawn(frozen.command)
    try:
        while not frozen.answers(process.pid):
            time.sleep(0.02)
        settings.REDIS_FEATURES_URL = frozen.url
        catalog.store()
        os.kill(process.pid, signal.SIGSTOP)
        (item,) = report(large_payment(), ring=False)
        assert item.event is not None
        begun = time.monotonic()
        answer = deciding.decide(item.event, deadline=timedelta(milliseconds=200))
        waited = time.monotonic() - begun
    finally:
        os.kill(process.pid, signal.SIGCONT)
        kill_group(process)
        measuring._away_until = 0.0
    assert answer["degraded"] == ["features"]
    assert answer["verdict"] == "deny"
    assert waited < 2.0  # the store's own time-out, which would have been the wait


def unlock_by_code(member, session="a-session"):
    issued = challenges.issue(member, channel="email", session_key=session)
    code = codes.code_for(OtpChallenge.objects.get(pk=issued.challenge_id))
    actor = Actor(ActorKind.MEMBER, member.member_id)
    return challenges.answer(member, challenge_id=issued.challenge_id, code=code, session_key=session, actor=actor)


@pytest.mark.django_db(transaction=True)
def test_the_way_back_in_is_no_loop():
    """A code proves the device it was needed for: the payment that was stopped goes through."""
    settled_life()
    report(happened("account.created", email="mia@example.com"))
    judge_all()
    assert decide(large_payment())["verdict"] == "deny"
    assert unlock_by_code(Member.objects.get(member_id="mia")).result == "unlocked"
    assert decide(large_payment())["verdict"] == "allow"
    assert decide(large_payment(device_id="yet-another", session_id="s-other"))["verdict"] != "allow"


def test_staff_who_call_it_a_false_alarm_vouch_for_the_device():
    settled_life()
    decide(large_payment())
    alerts.resolve(Alert.objects.get().pk, actor=SYSTEM, disposition="false_positive", unlock=True, note="she called")
    assert decide(large_payment())["verdict"] == "allow"


@pytest.mark.django_db(transaction=True)
def test_saying_it_was_me_proves_nothing_and_a_disowned_device_is_never_proved():
    settled_life()
    report(happened("account.created", email="mia@example.com"))
    judge_all()
    decide(large_payment())
    member, alert = Member.objects.get(member_id="mia"), Alert.objects.get()
    disputes.confirm(alert.pk, member=member, actor=SYSTEM)
    assert not Device.objects.filter(trusted_at__isnull=False).exists()
    disputes.deny(decide(large_payment(session_id="s-2"))["alert_id"], member=member, actor=SYSTEM)
    unlock_by_code(member)
    assert not Device.objects.filter(trusted_at__isnull=False).exists()
    assert decide(large_payment(session_id="s-3"))["verdict"] == "deny"


def test_a_database_that_fails_under_a_handful_costs_no_event_a_try(monkeypatch):
    items = report(happened("logout"), happened("logout", "sam"))

    def locked(*_arguments, **_options):
        raise OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(pipeline.playbook, "respond", locked)
        for _ in range(2 * ATTEMPTS):
            InboxItem.objects.update(due_at=timezone.now())
            assert judge_all() == 0
    assert [stored(item).state for item in items] == [EventState.PENDING] * 2
    assert list(InboxItem.objects.values_list("attempt", flat=True)) == [0, 0]
    InboxItem.objects.update(due_at=timezone.now())
    assert judge_all() == 2


def cost_of_sign_ins(count: int, member: str) -> tuple[int, int]:
    """Queries and calls of the feature store for a handful of sign-ins from a stranger's device abroad."""
    settled_life(member, device=f"{member}-phone")
    now = timezone.now() - timedelta(seconds=count)
    who = {"device_id": f"{member}-stranger", "ip": BERLIN, "country": "RU", "user_agent": "python-requests/2.31"}
    tries = [
        happened("login.succeeded", member, occurred_at=now + timedelta(seconds=second), **who)
        for second in range(count)
    ]
    report(*tries)
    held = inbox.claim()
    assert held is not None
    before = store_calls()
    with CaptureQueriesContext(connection) as queries:
        assert pipeline.handle(held) == count
    refused = Event.objects.filter(member__member_id=member, type="login.succeeded").exclude(outcome="allow")
    assert refused.count() > count / 2
    return len(queries), store_calls() - before


def store_calls() -> int:
    commands = connect(current().redis_features_url).info("commandstats")
    return sum(about["calls"] for name, about in commands.items() if name in ("cmdstat_eval", "cmdstat_evalsha"))


def test_a_storm_of_refused_sign_ins_costs_no_question_each(monkeypatch):
    monkeypatch.setattr(catalog, "REFRESH_AFTER", 3600.0)  # reading the roster anew is no part of the handful
    few, many = cost_of_sign_ins(3, "sam"), cost_of_sign_ins(120, "mia")
    assert many[0] <= few[0] + 2
    assert many[1] <= few[1] + 8


def test_what_a_late_event_explains_is_seen_and_the_alert_counts_each_event_once():
    settled_life()
    now = timezone.now() - timedelta(minutes=10)
    strange = {"device_id": "a-stranger", "ip": BERLIN, "session_id": "s"}
    paid = large_payment(occurred_at=now + timedelta(minutes=5), amount="150", **strange)
    asked = decide(paid)
    report(happened("password.changed", occurred_at=now, **strange))
    judge_all()
    row = Event.objects.get(event_id=paid["event_id"])
    alert = Alert.objects.get(pk=row.alert_id)
    assert "credential-change-then-payment" not in {reason["code"] for reason in asked["reasons"]}
    assert "credential-change-then-payment" in {signal["detector"] for signal in row.signals}
    assert alert.event_count == Event.objects.filter(alert_id=alert.pk).count()
    assert Decision.objects.get().waiting, "the sender is to hear of it"
