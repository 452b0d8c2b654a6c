from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from detection.audit import ledger, verify
from detection.audit.canonical import canonical, leaf_hash
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import AuditEntry, AuditPending
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]
OLGA = Actor(ActorKind.STAFF, "olga")


def write(count=3):
    with unit_of_work(OLGA) as work:
        for number in range(count):
            work.audit("rule.changed", target=f"rule:{number}", number=number, note="naïve ☂")


def test_entries_are_chained_without_a_gap():
    write(5)
    assert ledger.sequence_all() == 5
    entries = list(AuditEntry.objects.order_by("seq"))
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.prev_hash for entry in entries[1:]] == [entry.leaf_hash for entry in entries[:-1]]
    assert not AuditPending.objects.exists()
    assert verify.verify().code == verify.INTACT


@pytest.mark.parametrize(
    "alter",
    [
        lambda: AuditEntry.objects.filter(seq=3).update(actor="ada"),
        lambda: AuditEntry.objects.filter(seq=3).update(action="nothing.happened"),
        lambda: AuditEntry.objects.filter(seq=3).update(entry={"action": "nothing.happened"}),
        lambda: AuditEntry.objects.filter(seq=3).update(leaf_hash="0" * 64),
        lambda: AuditEntry.objects.filter(seq=3).update(prev_hash="0" * 64),
        lambda: AuditEntry.objects.filter(seq=3).delete(),
        lambda: AuditEntry.objects.filter(seq=3).update(seq=33),
    ],
)
def test_whatever_is_altered_is_found_where_it_was_altered(alter):
    write(5)
    ledger.sequence_all()
    alter()
    finding = verify.verify()
    assert (finding.code, finding.bad_seq) == (verify.ALTERED, 3)


def test_the_command_tells_by_its_exit_code(capsys):
    write(2)
    ledger.sequence_all()
    call_command("verify_audit")
    assert "2 entries, intact" in capsys.readouterr().out
    AuditEntry.objects.filter(seq=2).update(target="rule:9")
    with pytest.raises(SystemExit) as caught:
        call_command("verify_audit")
    assert caught.value.code == 1
    assert "seq 2" in capsys.readouterr().out


def test_what_waits_for_over_a_minute_is_a_backlog():
    write(1)
    AuditPending.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert verify.verify().code == verify.BACKLOG


def test_what_is_rolled_back_leaves_no_entry():
    def fail_halfway():
        with unit_of_work(OLGA) as work:
            work.audit("rule.changed", target="rule:1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert not AuditPending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_sequencers_at_once_make_one_chain():
    for _ in range(20):
        write(5)

    def run(_n):
        try:
            return ledger.sequence(limit=7)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        while AuditPending.objects.exists():
            list(pool.map(run, range(6)))
    assert AuditEntry.objects.count() == 100
    assert verify.verify().code == verify.INTACT


def test_equal_meanings_have_equal_bytes_and_floats_have_no_place():
    assert leaf_hash(canonical({"b": 1, "a": "e\u0301"}), 1, "x") == leaf_hash(canonical({"a": "é", "b": 1}), 1, "x")
    with pytest.raises(TypeError):
        canonical({"score": 0.5})
