from __future__ import annotations

import json

import pytest
from django.utils import timezone

from detection.models import Contact, Device
from detection.response import members

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_overview_is_the_members_whole_state_in_json(mia, alert, lock):
    now = timezone.now()
    Device.objects.create(member=mia, device_id="phone", first_seen_at=now, last_seen_at=now)
    Device.objects.create(member=mia, device_id="not-hers", first_seen_at=now, last_seen_at=now, distrusted_at=now)
    Contact.objects.create(member=mia, kind="phone", value="+4917012345678")
    alert(mia)
    lock(mia)
    found = json.loads(json.dumps(members.overview(mia)))
    assert found["member_id"] == "mia"
    assert found["lock"]["state"] == "locked"
    assert found["health"]["score"] == 48
    assert (found["open_alerts"], found["devices"]) == (1, 1)
    assert [contact["value"] for contact in found["contacts"]] == ["m•••@example.com", "•••78"]


def test_an_overview_of_a_quiet_member_is_calm(sam):
    found = members.overview(sam)
    assert found["lock"] is None
    assert found["health"]["band"] == "good"
    assert found["open_alerts"] == 0
    assert found["open_disputes"] == []
    assert found["last_seen_at"] is None
