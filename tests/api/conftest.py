"""Callers: the cast with keys and sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client as Browser

from api import throttling
from api.authentication import verified_keys
from detection.kernel.vocabulary import KeyScope, Role, Trust
from detection.models import ApiKey, Client, Member
from detection.response import accounts

EVERY_SCOPE = [scope.value for scope in KeyScope]


class Caller:
    """Somebody who calls: sends JSON, reads JSON. Faults of the server are answers here, never exceptions."""

    def __init__(self, *, key: str | None = None, user: Any = None, check_csrf: bool = False) -> None:
        self.browser = Browser(enforce_csrf_checks=check_csrf, raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        if user is not None:
            self.browser.force_login(user)

    def __call__(self, method: str, path: str, body: Any = None, *, kind: str | None = None, **headers: str) -> Any:
        sent: dict[str, Any] = {"headers": {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}}
        if body is not None:
            sent["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["content_type"] = kind or "application/json"
        elif kind:
            sent["data"], sent["content_type"] = b"", kind
        where = path if path.startswith(("/", "http:")) else f"/api/v1/{path}"
        return self.browser.generic(method, where, **sent)

    def get(self, path: str, **more: Any) -> Any:
        return self("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self("POST", path, {} if body is None else body, **more)

    def put(self, path: str, body: Any, **more: Any) -> Any:
        return self("PUT", path, body, **more)


@pytest.fixture(autouse=True)
def nobody_was_here() -> Iterator[None]:
    """Limits and remembered keys start afresh for every test."""
    throttling.forget_everything()
    verified_keys.forget()
    return


def key_of(name: str = "shop", *scopes: str, trust: Trust = Trust.NORMAL, signed: bool = False) -> str:
    client, _ = Client.objects.get_or_create(name=name)
    return ApiKey.issue(client, list(scopes or EVERY_SCOPE), trust=trust, requires_signature=signed)[1]


def staff_user(name: str, role: Role) -> Any:
    user, _ = get_user_model().objects.get_or_create(username=name)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def member_called(name: str) -> Member:
    return Member.objects.get_or_create(member_id=name)[0]


@pytest.fixture
def shop(db: None) -> Caller:
    return Caller(key=key_of("shop"))


@pytest.fixture
def olga(db: None) -> Caller:
    return Caller(user=staff_user("olga", Role.ANALYST))


@pytest.fixture
def ada(db: None) -> Caller:
    return Caller(user=staff_user("ada", Role.ADMIN))


@pytest.fixture
def mia(db: None) -> Caller:
    return Caller(user=accounts.user_for(member_called("mia")))


@pytest.fixture
def sam(db: None) -> Caller:
    return Caller(user=accounts.user_for(member_called("sam")))


@pytest.fixture
def stranger(db: None) -> Caller:
    return Caller()
