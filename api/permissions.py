"""Who may come in by which door. Nothing is allowed that a door does not declare."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission

from api.authentication import Credentials
from api.errors import Problem
from detection import conf
from detection.kernel.vocabulary import KeyScope, Role
from detection.models import Member
from detection.response import accounts


@dataclass(frozen=True, slots=True)
class Access:
    """One method's guests: keys with ``scope`` (any live key when ``any_key``), staff of ``roles``, members."""

    scope: KeyScope | None = None
    any_key: bool = False
    roles: frozenset[Role] = frozenset()
    member: bool = False
    public: bool = False


RENEWED_WITHIN = timedelta(minutes=5)

READERS = frozenset(Role)
WORKERS = frozenset({Role.ANALYST, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
GOVERNORS = frozenset({Role.ADMIN, Role.AUDITOR})

EVERYONE = Access(public=True)
MEMBERS = Access(member=True)


class Declared(BasePermission):
    """Compares the caller with what the door's ``access`` says of the method; silence means no."""

    def has_permission(self, request: Any, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        access = view.access.get(method)
        if access is not None and access.public:
            return True
        if not request.user.is_authenticated:
            return False
        if access is None:
            raise MethodNotAllowed(request.method or "")
        if isinstance(request.auth, Credentials):
            return self._key_may(request.auth, access)
        return self._person_may(request, access)

    def _key_may(self, credentials: Credentials, access: Access) -> bool:
        if access.any_key or (access.scope is not None and access.scope.value in credentials.scopes):
            return True
        detail = f"This needs a key with the scope {access.scope.value}." if access.scope else "Keys may not do this."
        raise Problem(403, detail, code="scope-missing")

    def _person_may(self, request: Any, access: Access) -> bool:
        if access.member and member_of(request) is not None:
            return True
        if access.roles and role_of(request) in access.roles:
            return True
        raise Problem(403, "Your role does not allow this.", code="role-missing")


def role_of(request: Any) -> Role | None:
    """The staff role of the person asking, read once a request."""
    if not hasattr(request, "_role"):
        request._role = accounts.role_of(request.user)
    role: Role | None = request._role
    return role


def member_of(request: Any) -> Member | None:
    """The member the person asking is, read once a request."""
    if not hasattr(request, "_member"):
        request._member = Member.objects.filter(user_id=request.user.pk).first()
    member: Member | None = request._member
    return member


def is_staff(request: HttpRequest) -> bool:
    """For plain views: whether staff of any role is signed in."""
    user = request.user
    return user.is_authenticated and accounts.role_of(user) is not None


def demand_renewed(request: Any) -> None:
    """For an action of staff that can hurt: the sign-in may be five minutes old. Raises Problem 403. The demo's
    passwords are printed on its pages and prove nothing, so it does not ask."""
    if conf.current().demo or isinstance(request.auth, Credentials):
        return
    if time.time() - request.session.get("signed_in_at", 0) > RENEWED_WITHIN.total_seconds():
        raise Problem(403, "Please show your password again first, at /login/again/.", code="sign-in-again")
