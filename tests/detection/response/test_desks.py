from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from detection.response import desks

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def olga():
    return get_user_model().objects.create_user("olga")


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada")


def test_a_desk_nobody_settled_is_as_it_comes(olga):
    desk = desks.of(olga)
    assert (desk.time_zone, desk.keys) == ("", True)


def test_wishes_are_kept_and_a_zone_nobody_knows_is_left_aside(olga):
    desks.settle(olga, time_zone="Europe/Berlin", keys=False)
    assert (desks.of(olga).time_zone, desks.of(olga).keys) == ("Europe/Berlin", False)
    desks.settle(olga, time_zone="Mars/Base", keys=True)
    assert (desks.of(olga).time_zone, desks.of(olga).keys) == ("", True)


def test_a_view_of_the_same_name_replaces_the_old_one(olga):
    desks.keep(olga, name="Mine", query="assignee=olga")
    desks.keep(olga, name=" Mine ", query="severity=high")
    assert [(view.name, view.query) for view in desks.views(olga)] == [("Mine", "severity=high")]


def test_one_view_at_most_is_the_default(olga, ada):
    desks.keep(olga, name="A", query="", default=True)
    desks.keep(olga, name="B", query="status=open", default=True)
    desks.keep(ada, name="A", query="", default=True)
    assert desks.default_view(olga).name == "B"
    assert desks.default_view(ada).name == "A"


def test_views_are_few_have_a_name_and_are_ones_own(olga, ada):
    assert isinstance(desks.keep(olga, name="  ", query=""), desks.Refused)
    assert isinstance(desks.keep(olga, name="long", query="q" * 1001), desks.Refused)
    kept = [desks.keep(olga, name=f"view {number}", query="") for number in range(desks.MOST_VIEWS)]
    assert isinstance(desks.keep(olga, name="one more", query=""), desks.Refused)
    assert not desks.let_go(ada, kept[0].pk)
    assert desks.let_go(olga, kept[0].pk)
    assert not desks.let_go(olga, kept[0].pk)
