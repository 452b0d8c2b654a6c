"""Members: imported by the shop, looked at, locked, unlocked, signed in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors, throttling
from api.parsers import BATCH, JSON, parse, raw
from api.permissions import READERS, WORKERS, Access, demand_renewed
from api.schema import MEMBER, MEMBERS, PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.door import Door, known_member
from detection.intake import import_members
from detection.kernel.records import iso
from detection.kernel.vocabulary import KeyScope, LockScope, LockState
from detection.models import Member
from detection.response import locks, members, portal

MOST_MEMBERS = 500


class MemberImport(Door):
    """Takes what the shop knows of many members."""

    access = {method: Access(scope=KeyScope.MEMBERS_IMPORT) for method in ("PUT", "POST")}

    @extend_schema(
        operation_id="import_members",
        summary="Import up to 500 members",
        request={JSON: MEMBERS},
        responses={200: shapes.ImportShape, **PROBLEMS},
    )
    def put(self, request: Any) -> Response:
        http = request._request
        value = parse(http, raw(http, most=BATCH))
        found = value.get("members") if isinstance(value, dict) else None
        if not isinstance(found, list) or len(value) != 1:
            raise errors.faulty(errors.fault("/members", "Send an object with nothing but a list of members."))
        if not 1 <= len(found) <= MOST_MEMBERS:
            raise errors.faulty(errors.fault("/members", f"Send 1 to {MOST_MEMBERS} members at once.", "length"))
        throttling.keys.take(self.credentials.key.pk, len(found) - 1)
        results = []
        for item in import_members(found, client=self.credentials.client, actor=self.actor):
            result: dict[str, Any] = {"index": item.index, "member_id": item.member_id, "status": item.status}
            results.append({**result, "errors": list(item.errors)} if item.errors else result)
        accepted = sum(result["status"] == "accepted" for result in results)
        return Response({"accepted": accepted, "rejected": len(results) - accepted, "results": results})

    @extend_schema(
        operation_id="import_members_post",
        summary="Import up to 500 members",
        request={JSON: MEMBERS},
        responses={200: shapes.ImportShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        return self.put(request)


class MemberDetail(Door):
    """One member: health, lock, open alerts."""

    access = {
        "GET": Access(scope=KeyScope.MEMBERS_READ, roles=READERS),
        "PUT": Access(scope=KeyScope.MEMBERS_IMPORT),
    }

    @extend_schema(operation_id="read_member", summary="A member", responses={200: shapes.MemberShape, **READ_PROBLEMS})
    def get(self, request: Any, member_id: str) -> Response:
        return Response(members.overview(known_member(member_id)))

    @extend_schema(
        operation_id="import_member",
        summary="Import one member",
        request={JSON: MEMBER},
        responses={200: shapes.ImportedShape, **PROBLEMS},
    )
    def put(self, request: Any, member_id: str) -> Response:
        value = self.body()
        if not isinstance(value, dict):
            raise errors.faulty(errors.fault("", "A member is a JSON object.", "not_an_object"))
        if value.setdefault("member_id", member_id) != member_id:
            raise errors.faulty(errors.fault("/member_id", "The address names another member."))
        item = import_members([value], client=self.credentials.client, actor=self.actor)[0]
        if item.errors:
            raise errors.faulty(*item.errors)
        return Response({"member_id": item.member_id, "status": item.status})


class Lock(Door):
    """Locks or restricts a member, with a reason."""

    access = {"POST": Access(scope=KeyScope.MEMBERS_LOCK, roles=WORKERS)}

    @extend_schema(
        operation_id="lock_member",
        summary="Lock or restrict a member",
        request=forms.LockForm,
        responses={200: shapes.MemberShape, **PROBLEMS},
    )
    def post(self, request: Any, member_id: str) -> Response:
        member = self.other(member_id)
        given = self.body(forms.LockForm)
        endless = "expires_at" in given and given["expires_at"] is None
        if endless and self.by_key:
            raise errors.faulty(errors.fault("/expires_at", "Only staff may lock without an end."))
        locks.place(
            member,
            state=LockState(given["state"]),
            code="shop-lock" if self.by_key else "staff-lock",
            text=given["reason"],
            by=self.by,
            actor=self.actor,
            scopes=(LockScope(given["scope"]),),
            self_unlock=self.by_key,
            expires_at=given.get("expires_at"),
            no_end=endless,
            client=self.credentials.client if self.by_key else None,
        )
        return Response(members.overview(member))

    def other(self, member_id: str) -> Member:
        """The member, who may not be the person acting. Raises Problem 403 and 404."""
        member = known_member(member_id)
        if not self.by_key and member.user_id == self.request.user.pk:
            raise errors.Problem(403, "Not your own account.", code="own-account")
        return member


class Unlock(Lock):
    """Lifts a member's lock, with a reason; staff take it back within 30 s by its ``action_id``."""

    access = {"POST": Access(scope=KeyScope.MEMBERS_UNLOCK, roles=WORKERS)}

    @extend_schema(
        operation_id="unlock_member",
        summary="Lift a member's lock",
        request=forms.UnlockForm,
        responses={200: shapes.UnlockedMemberShape, **PROBLEMS},
    )
    def post(self, request: Any, member_id: str) -> Response:
        member = self.other(member_id)
        demand_renewed(request)
        given = self.body(forms.UnlockForm)
        released = locks.release(member, actor=self.actor, reason=given["reason"], by=self.by)
        if not released.done:
            raise errors.Problem(409, "There is no lock to lift.", code="not-locked")
        action = str(released.action) if released.action else None
        return Response({**members.overview(member), "action_id": action})


class PortalSession(Door):
    """Makes a link by which the shop's signed-in customer comes to their page here."""

    access = {"POST": Access(scope=KeyScope.PORTAL_CREATE)}

    @extend_schema(
        operation_id="create_portal_session",
        summary="A sign-in link, good once and for five minutes",
        request=forms.PortalForm,
        responses={201: shapes.PortalShape, **PROBLEMS},
    )
    def post(self, request: Any, member_id: str) -> Response:
        member = known_member(member_id)
        given = self.body(forms.PortalForm)
        token, expires_at = portal.create(member, client=self.credentials.client, locale=given.get("locale", ""))
        url = request._request.build_absolute_uri(f"/portal/{token}/")
        return Response({"url": url, "expires_at": iso(expires_at)}, status=201)
