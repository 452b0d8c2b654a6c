"""What a member was told, and how they want to be told."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors
from api.pagination import Order, moment, paginate
from api.permissions import MEMBERS
from api.schema import PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.alerts import PAGED
from api.views.mine import PAGING, READ, MemberDoor
from detection.response import preferences
from detection.response.letters import languages


class MyNotifications(MemberDoor):
    access = READ
    parameters = PAGING

    @extend_schema(
        operation_id="my_notifications",
        summary="What we told you",
        parameters=PAGED,
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        page = paginate(request, self.member.notifications.all(), Order("created_at", moment))
        return Response(page.wire(lambda notice: notice.wire()))


class MyPreferences(MemberDoor):
    """By which ways beside the page a member hears of each topic."""

    access = {"GET": MEMBERS, "PUT": MEMBERS}

    @extend_schema(
        operation_id="my_preferences",
        summary="How you tell me, and in which language",
        responses={200: shapes.PreferencesShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        topics = [topic.wire() for topic in preferences.topics(self.member)]
        return Response({"language": languages.of(self.member), "topics": topics})

    @extend_schema(
        operation_id="choose_preferences",
        summary="Tell me by these ways; a topic left out stays as it is",
        request=forms.PreferencesForm,
        responses={200: shapes.PreferencesShape, **PROBLEMS},
    )
    def put(self, request: Any) -> Response:
        given = self.body(forms.PreferencesForm)
        wanted = {topic.name: given.get(topic.name, topic.chosen) for topic in preferences.topics(self.member)}
        fault = preferences.choose(self.member, wanted, actor=self.actor, language=given.get("language", ""))
        if fault:
            raise errors.faulty(errors.fault(f"/{preferences.SECURITY}", fault, "needs_one"))
        return self.get(request)
