from __future__ import annotations

import io
import json
import stat

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from detection import inbox
from detection.audit import ledger, verify
from detection.kernel.vocabulary import EventState, KeyScope
from detection.models import Alert, ApiKey, AuditPending, Event, InboxItem, Member, Notification
from tests.cast import happened, report

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def ran(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_key_is_alone_on_the_last_line_and_works():
    told = ran("create_api_key", "till", "--scopes", "events:write, alerts:read")
    key = ApiKey.objects.matching(told.splitlines()[-1])
    assert key.client.name == "till"
    assert key.scopes == ["alerts:read", "events:write"]
    assert AuditPending.objects.get().entry["action"] == "api_key.created"


def test_a_key_can_be_told_as_json_and_a_high_one_has_to_sign():
    told = json.loads(ran("create_api_key", "bank", "--scopes", "events:write", "--trust", "high", "--json"))
    key = ApiKey.objects.matching(told["key"])
    assert key.requires_signature
    assert (told["client"], told["trust"], told["prefix"]) == ("bank", "high", key.prefix)


@pytest.mark.parametrize("scopes", ["events:write,nope", "", ",", "EVENTS:WRITE"])
def test_an_unknown_scope_is_refused_with_those_that_exist(scopes):
    with pytest.raises(CommandError) as refused:
        ran("create_api_key", "till", "--scopes", scopes)
    assert all(scope.value in str(refused.value) for scope in KeyScope)
    assert ApiKey.objects.count() == 0


def test_a_dry_run_makes_no_key():
    ran("create_api_key", "till", "--scopes", "events:write", "--dry-run")
    assert ApiKey.objects.count() == 0


def test_a_members_data_is_handed_out_whole_and_that_is_audited(mia, alert, lock, tmp_path):
    report(happened("login.succeeded", session_id="s1", device_id="phone"))
    alert(mia)
    lock(mia)
    told = json.loads(ran("export_member", "mia"))
    assert told["contacts"][0]["value"] == "mia@example.com"
    assert told["events"][0]["device_id"] == "phone"
    assert told["alerts"][0]["title"] == "Large payment from a new device"
    assert "detectors" not in told["alerts"][0]
    assert told["lock_history"][0]["after"] == "locked"
    assert told["notifications"]
    assert AuditPending.objects.order_by("id").last().entry["action"] == "member.exported"
    ran("export_member", "mia", "--out", str(tmp_path / "mia.json"))
    assert stat.S_IMODE((tmp_path / "mia.json").stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="exists"):
        ran("export_member", "mia", "--out", str(tmp_path / "mia.json"))


def test_an_erased_member_is_gone_and_the_audit_chain_still_holds(mia, sam, alert, lock):
    report(happened("login.succeeded", session_id="s1"), happened("logout", member="sam"))
    for member in (mia, sam):
        alert(member)
        lock(member)
    ledger.sequence_all()
    counts = json.loads(ran("erase_member", "mia", "--json"))["counts"]
    assert (counts["event"], counts["alert"]) == (1, 1)
    assert set(Member.objects.values_list("member_id", flat=True)) == {"sam"}
    assert not get_user_model().objects.filter(username="mia").exists()
    for model in (Event, Alert):
        assert model.objects.get().member == sam
    assert not Notification.objects.exclude(member=sam).exists()
    assert InboxItem.objects.get().subject == "member:sam"
    last = AuditPending.objects.get().entry
    assert last["action"] == "member.erased"
    assert "mia" not in json.dumps(last)
    ledger.sequence_all()
    assert verify.verify().code == verify.INTACT


def test_a_dry_run_erases_nothing(mia, alert):
    alert(mia)
    assert json.loads(ran("erase_member", "mia", "--dry-run", "--json"))["counts"]["alert"] == 1
    assert Alert.objects.count() == 1


def test_one_of_the_staff_keeps_their_sign_in_when_their_member_is_erased(mia):
    get_user_model().objects.filter(username="mia").update(is_superuser=True)
    ran("erase_member", "mia")
    assert get_user_model().objects.filter(username="mia").exists()


@pytest.mark.parametrize("command", ["erase_member", "export_member"])
def test_a_member_nobody_knows_is_an_error(db, command):
    with pytest.raises(CommandError, match="no member"):
        ran(command, "nobody")


@pytest.fixture
def dead(db):
    items = report(happened("logout"), happened("logout"))
    events = [item.event for item in items]
    InboxItem.objects.update(dead=True, attempt=5, error="ValueError")
    Event.objects.update(state=EventState.DEAD)
    return events


def test_dead_letters_are_listed_without_changing_anything(dead):
    told = json.loads(ran("replay_dead", "--json"))["dead"]
    assert {item["event"] for item in told} == {str(event) for event in dead}
    assert {item["error"] for item in told} == {"ValueError"}
    assert inbox.counts() == {"pending": 0, "dead": 2}


def test_dead_letters_are_replayed_by_id_or_all_and_that_is_audited(dead):
    assert json.loads(ran("replay_dead", str(dead[0]), "--dry-run", "--json")) == {"replayed": 1, "dry_run": True}
    assert inbox.counts() == {"pending": 0, "dead": 2}
    assert json.loads(ran("replay_dead", str(dead[0]), "--json"))["replayed"] == 1
    assert Event.objects.get(pk=dead[0]).state == EventState.PENDING
    assert json.loads(ran("replay_dead", "--all", "--json"))["replayed"] == 1
    assert inbox.counts() == {"pending": 2, "dead": 0}
    assert [row.entry["action"] for row in AuditPending.objects.all()] == ["inbox.replayed"] * 2


def test_replaying_wants_ids_or_all_and_not_both(dead):
    with pytest.raises(CommandError, match="not both"):
        ran("replay_dead", str(dead[0]), "--all")
    with pytest.raises(CommandError, match="not an event"):
        ran("replay_dead", "nonsense")
