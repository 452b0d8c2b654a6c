"""Everything the sockets would have said since a cursor."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from api import errors
from api.permissions import MEMBERS, READERS, Access, member_of
from api.schema import READ_PROBLEMS
from api.serializers import shapes
from api.views.door import Door
from detection import feed

AFTER = OpenApiParameter("after", str, description="A cursor; absent means from the beginning.", required=False)


class StaffFeed(Door):
    access = {"GET": Access(roles=READERS)}
    parameters = ("after",)

    @extend_schema(
        operation_id="read_feed",
        summary="The live feed since a cursor",
        parameters=[AFTER],
        responses={200: shapes.FeedShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        return _since(request, feed.StaffViewer())


class MyFeed(Door):
    access = {"GET": MEMBERS}
    parameters = ("after",)

    @extend_schema(
        operation_id="read_my_feed",
        summary="My live feed since a cursor",
        parameters=[AFTER],
        responses={200: shapes.FeedShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        member = member_of(request)
        assert member is not None  # the permission asked before
        return _since(request, feed.MemberViewer(member.pk))


def _since(request: Any, viewer: feed.Viewer) -> Response:
    after = feed.parse_cursor(request.query_params.get("after"))
    if after is None or after >= 2**63:
        fault = errors.fault("/after", "Send a cursor as it was given.")
        raise errors.Problem(400, "This cursor is not one of ours.", code="invalid-cursor", errors=[fault])
    frames, cursor, more = feed.frames(viewer, after=after)
    return Response({"results": frames, "cursor": cursor, "more": more})
