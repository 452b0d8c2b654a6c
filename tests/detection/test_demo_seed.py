from __future__ import annotations

import io
import json
import stat
from decimal import Decimal

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.test.utils import override_settings
from django.utils import timezone

from detection import conf, history
from detection.features import connect
from detection.kernel.vocabulary import EventState, KeyScope, Role, Trust
from detection.models import Alert, ApiKey, AuditPending, Contact, Device, Event, InboxItem, Member
from detection.response import accounts, health
from tests.cast import judge_all, large_payment, report, stored

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def demo(tmp_path):
    with override_settings(DEMO=True, DATA_DIR=tmp_path):
        yield tmp_path / "demo.json"


def seeded():
    out = io.StringIO()
    call_command("seed_demo", "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_demo_has_its_people_and_everybody_can_sign_in(demo):
    told = seeded()
    assert [(user["role"], user["username"]) for user in told["users"]] == [
        ("analyst", "olga"),
        ("admin", "ada"),
        ("member", "mia"),
        ("member", "sam"),
    ]
    for user in told["users"]:
        assert authenticate(username=user["username"], password=user["password"]) is not None
    roles = {user.username: accounts.role_of(user) for user in get_user_model().objects.all()}
    assert roles == {"olga": Role.ANALYST, "ada": Role.ADMIN, "mia": None, "sam": None}
    assert Member.objects.get(member_id="mia").user.username == "mia"
    assert len({user["password"] for user in told["users"]}) == 4


def test_its_keys_work_and_the_simulators_can_only_write(demo):
    told = seeded()
    key = ApiKey.objects.matching(told["api_key"])
    assert key.client.name == "shop"
    assert set(key.scopes) == {scope.value for scope in KeyScope}
    assert key.trust == Trust.NORMAL
    simulator = ApiKey.objects.matching(told["simulator_key"])
    assert simulator.client.name == "simulator"
    assert set(simulator.scopes) == {"events:write", "decisions:write", "labels:write", "members:import"}


def test_a_second_start_tells_the_same_and_adds_nothing(demo):
    first = seeded()
    before = (Event.objects.count(), ApiKey.objects.count(), get_user_model().objects.count())
    assert seeded() == first
    assert (Event.objects.count(), ApiKey.objects.count(), get_user_model().objects.count()) == before


def test_what_it_printed_is_kept_for_its_owner_only(demo):
    told = seeded()
    assert json.loads(demo.read_text()) == told
    assert stat.S_IMODE(demo.stat().st_mode) == 0o600
    trail = repr(list(AuditPending.objects.values()))
    assert told["api_key"] not in trail
    assert told["simulator_key"] not in trail


def test_a_lost_file_means_new_passwords_and_keys(demo):
    first = seeded()
    demo.unlink()
    second = seeded()
    assert first != second
    mia = next(user for user in second["users"] if user["username"] == "mia")
    assert authenticate(username="mia", password=mia["password"]) is not None
    assert ApiKey.objects.matching(second["api_key"]) is not None


def test_the_month_is_ordinary_and_over(demo):
    seeded()
    now = timezone.now()
    for name, device in (("mia", "mia-phone"), ("sam", "sam-laptop")):
        lived = Event.objects.filter(member__member_id=name).order_by("occurred_at")
        assert 100 < lived.count() < 300
        assert lived.last().occurred_at < now
        assert 27 <= (now - lived.first().occurred_at).days <= 30
        assert {event.state for event in lived} == {EventState.PROCESSED}
        assert {event.body["device_id"] for event in lived} == {device}
        assert {event.enriched["country"] for event in lived} == {"GB"}
        spent = [Decimal(event.body["amount"]) for event in lived if "amount" in event.body]
        assert len(spent) > 10
        assert all(20 <= amount <= 80 for amount in spent)
        assert (now - Device.objects.get(device_id=device).first_seen_at).days >= 27
    assert InboxItem.objects.count() == 0
    assert Alert.objects.count() == 0


def test_members_start_healthy_and_can_be_written_to(demo):
    seeded()
    for name in ("mia", "sam"):
        member = Member.objects.get(member_id=name)
        assert Contact.objects.safe(member, "email").value == f"{name}@example.com"
        assert health.of(member).score == 100


def test_the_month_is_what_a_large_payment_is_measured_against(demo):
    connect(conf.current().redis_features_url).flushdb()  # a new installation's store is empty
    seeded()
    histories, unproven = history.of_members({"mia"})
    assert len(histories["mia"]) == Event.objects.filter(member__member_id="mia").count()
    assert not unproven
    (small, large) = report(
        large_payment(device_id="mia-phone", amount="45.00"), large_payment(amount="1900.00", session_id="other")
    )
    judge_all()
    assert stored(small).outcome == "allow"
    assert stored(large).severity == "high"
    assert Alert.objects.get().member.member_id == "mia"


def test_a_dry_run_says_what_is_missing_and_makes_nothing(demo):
    out = io.StringIO()
    call_command("seed_demo", "--dry-run", stdout=out)
    assert out.getvalue() == "Missing: olga, ada, mia, sam\n"
    assert Member.objects.count() == 0
    assert not demo.exists()


def test_outside_the_demo_it_is_refused(tmp_path):
    with override_settings(DEMO=False, DATA_DIR=tmp_path), pytest.raises(CommandError, match="DEMO=1"):
        seeded()
    assert get_user_model().objects.count() == 0
