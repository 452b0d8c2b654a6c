"""Everybody who may knock and everything they may knock for, built once and put back after every knock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone

from api import throttling
from api.authentication import verified_keys
from detection.intake import accept
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, KeyScope, LockState, Role, Severity, Trust
from detection.models import (
    Alert,
    AlertAction,
    ApiKey,
    Client,
    Contact,
    Device,
    Face,
    InboxItem,
    ListEntry,
    LockBatch,
    Member,
    Notification,
    OtpChallenge,
    PortalToken,
    Remark,
    RemovedEntry,
    RuleTrial,
    SignIn,
    WebhookDelivery,
)
from detection.response import accounts, alerts, challenges, codes, links, locks, portal, presets
from detection.response import staff as people
from detection.response.webhooks import endpoints
from tasks import pulse

PEOPLE = ("mia", "sam", "locked", "disabled", "olga", "ada", "auditor")
SCOPES = tuple(scope.value for scope in KeyScope)


@dataclass
class World:
    """``cookies`` by person, ``keys`` by app and scope, and the names of what exists."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    revoked_key: str = ""
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    code: str = ""
    batch: str = ""
    browser: Browser = field(default_factory=lambda: Browser(raise_request_exception=False))

    def headers(self, caller: str) -> dict[str, str]:
        """How a caller shows who it is: a person's cookie, or ``app:scope`` as a key."""
        if caller == "revoked":
            return {"Authorization": f"Bearer {self.revoked_key}"}
        app, _, scope = caller.partition(":")
        return {"Authorization": f"Bearer {self.keys[app, scope]}"} if scope else {}

    def knock(self, caller: str, method: str, path: str, body: bytes, kind: str) -> int:
        """The status a caller gets."""
        return self.answer(caller, method, path, body, kind).status_code

    def answer(self, caller: str, method: str, path: str, body: bytes, kind: str) -> Any:
        """The whole answer a caller gets; whatever it changed is put back."""
        self.browser.cookies.clear()
        self.browser.cookies.load(self.cookies.get(caller, {}))
        throttling.forget_everything()
        with put_back():
            data = b"" if method in {"GET", "DELETE"} else body
            return self.browser.generic(method, path, data, kind, headers=self.headers(caller))


@contextmanager
def put_back() -> Iterator[None]:
    """A transaction that never commits. What must not run inside another one does not take it for one."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)
    verified_keys.forget()


def build() -> World:
    """Members mia and sam, one that is locked and one whose user is disabled; staff of each role; two apps."""
    made = World()
    users = {name: _member(name) for name in ("mia", "sam", "locked", "disabled")}
    users |= {
        "olga": _staff("olga", Role.ANALYST),
        "ada": _staff("ada", Role.ADMIN),
        "auditor": _staff("auditor", Role.AUDITOR),
    }
    made.cookies = {name: _signed_in(user) for name, user in users.items()}
    made.cookies["expired"] = _expired(users["mia"])
    users["disabled"].is_active = False
    users["disabled"].save()
    clients = {name: Client.objects.create(name=name) for name in ("shop", "app")}
    for name, client in clients.items():
        for scope in SCOPES:
            made.keys[name, scope] = ApiKey.issue(client, [scope])[1]
    old, made.revoked_key = ApiKey.issue(clients["shop"], list(SCOPES))
    ApiKey.objects.filter(pk=old.pk).update(revoked_at=timezone.now())
    _things(made, clients["shop"], users)
    return made


def _member(name: str) -> Any:
    member = Member.objects.create(member_id=name)
    Contact.objects.create(member=member, kind=Contact.EMAIL, value=f"{name}@example.com")
    return accounts.user_for(member)


def _staff(name: str, role: Role) -> Any:
    user = get_user_model().objects.create_user(name)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def _signed_in(user: Any) -> dict[str, str]:
    browser = Browser()
    browser.force_login(user)
    return {name: morsel.value for name, morsel in browser.cookies.items()}


def _expired(user: Any) -> dict[str, str]:
    browser = Browser()
    browser.force_login(user)
    session = browser.session
    session.set_expiry(timedelta(seconds=-1))
    session.save()
    return {name: morsel.value for name, morsel in browser.cookies.items()}


def _things(made: World, shop: Client, users: dict[str, Any]) -> None:
    mia, locked = (Member.objects.get(member_id=name) for name in ("mia", "locked"))
    staff = Actor(ActorKind.STAFF, "olga", users["olga"].pk)
    alert, second = (_alert(mia, f"account-{number}") for number in (1, 2))
    acted = alerts.acknowledge(second.pk, actor=staff)
    locks.place(locked, state=LockState.LOCKED, code="rule", text="A test.", by=ActorKind.SYSTEM, actor=staff)
    issued = challenges.issue(locked, channel="email", session_key=made.cookies["locked"]["sessionid"])
    assert isinstance(issued, challenges.Issued)
    later = timezone.now() + timedelta(days=1)  # nothing runs out while the whole matrix is walked
    OtpChallenge.objects.update(created_at=timezone.now() - timedelta(seconds=61), expires_at=later)
    AlertAction.objects.update(at=later)
    made.code = codes.code_for(OtpChallenge.objects.get())
    event = {"event_id": "e-1", "type": "login.succeeded", "member_id": "mia", "session_id": "s-1"}
    dead = accept([event], client=shop, trust=Trust.NORMAL)[0].event
    InboxItem.objects.filter(event=dead).update(dead=True)
    listed = ListEntry.objects.create(effect="watch", kind="device", value="d-0", reason="a test", owner="ada")
    mail = Notification.objects.create(
        member=mia, channel="email", kind="alert.raised", destination="mia@example.com", title="A test", alert=alert.pk
    )
    RemovedEntry.objects.create(
        entry_id=listed.pk, effect="watch", kind="device", value="d-0", reason="a test", owner="ada",
        created_at=later, removed_by="ada",
    )  # fmt: skip
    tried = RuleTrial.objects.create(
        rule_id="failed-login-burst", state="live", starts_at=later, ends_at=later, by="ada"
    )
    made.batch = str(presets.apply(presets.every()[0], actor=SYSTEM).batch)
    hook = endpoints.create("https://shop.example.com/hooks", ["alert.raised"], actor=staff)
    assert hook.endpoint is not None
    endpoints.test(hook.endpoint, actor=staff)
    WebhookDelivery.objects.update(failed_at=timezone.now())
    Face.objects.create(client=shop, name="shop", colour="#0b6656", logo=b"\x89PNG\r\n\x1a\n", logo_type="image/png")
    device = Device.objects.create(
        member=mia, device_id="d-1", first_seen_at=timezone.now(), last_seen_at=timezone.now()
    )
    sign_in = SignIn.objects.create(user=users["mia"], session="another-session")
    batch = LockBatch.objects.create(
        client=shop, code="rule", verb="release", reason="a test", count=21, asked_by="o", asked_by_user=users["olga"]
    )
    hook = endpoints.create("https://shop.example.com/hooks", ["alert.raised"], actor=staff)
    assert hook.endpoint is not None
    endpoints.test(hook.endpoint, actor=staff)
    WebhookDelivery.objects.update(failed_at=timezone.now())
    remark = Remark.objects.create(kind="device", name="d-0", text="a test", author="o", author_user=users["olga"])
    link = people.new_link(users["olga"].pk, actor=Actor(ActorKind.STAFF, "ada", users["ada"].pk)).link
    token, _ = portal.create(mia, client=shop)
    PortalToken.objects.update(expires_at=later)
    pulse.client().delete(*(f"pulse:{part}" for part in pulse.PARTS))  # of workers in other tests
    made.names = {
        "event_id": {"mia": "e-1", "missing": "none"},
        "alert_id": {"mia": str(alert.pk), "missing": str(uuid4())},
        "action_id": {"mia": str(acted.action_id), "missing": str(uuid4())},
        "member_id": {"mia": "mia", "missing": "nobody"},
        "client_id": {"mia": str(shop.pk), "missing": "0"},
        "event_pk": {"mia": str(dead), "missing": str(uuid4())},
        "code": {"mia": "set-up-app", "missing": "none"},
        "remark_id": {"mia": str(remark.pk), "missing": "0"},
        "user_id": {"mia": str(users["olga"].pk), "missing": "0"},
        "person": {"mia": link[0], "missing": "none"},
        "proof": {"mia": link[1], "missing": "none"},
        "device_id": {"mia": str(device.pk), "missing": "0"},
        "sign_in_id": {"mia": str(sign_in.pk), "missing": "0"},
        "batch_id": {"mia": str(batch.pk), "missing": str(uuid4())},
        "entry_id": {"mia": str(listed.pk), "missing": "0"},
        "trial_id": {"mia": str(tried.pk), "missing": str(uuid4())},
        "preset": {"mia": "retail", "missing": "none"},
        "batch": {"mia": made.batch, "missing": str(uuid4())},
        "kind": {"mia": "device", "missing": "planet"},
        "name": {"mia": "d-0", "missing": "d-none"},
        "form": {"mia": "csv", "missing": "xls"},
        "view_id": {"mia": "1", "missing": "0"},
        "rule_id": {"mia": "failed-login-burst", "missing": "no-such-rule"},
        "endpoint_id": {"mia": str(hook.endpoint.pk), "missing": str(uuid4())},
        "carrier": {"mia": "email", "missing": "none"},
        "key_id": {"mia": ApiKey.objects.get(revoked_at__isnull=False).prefix, "missing": "none"},
        "link": {"mia": links.token_of(mail.pk), "missing": "none"},
        "token": {"mia": token, "missing": "none"},
        "challenge": {"mia": issued.challenge_id, "missing": "0" * 32},
    }


def _alert(member: Member, incident: str) -> Alert:
    now = timezone.now()
    return Alert.objects.create(
        subject=f"member:{member.member_id}",
        incident=incident,
        member=member,
        severity=Severity.MEDIUM,
        severity_rank=Severity.MEDIUM.rank,
        risk_score=45,
        title="Repeated failed logins",
        summary="Someone is guessing.",
        event_id="e-1",
        first_seen_at=now,
        last_seen_at=now,
    )


#: A body that would do, by route, for whoever may: JSON for programs, form fields for pages.
BODIES: dict[str, Any] = {
    "api/v1/events/": {"event_id": "e-2", "type": "page.viewed", "ip": "81.2.69.142"},
    "api/v1/decisions/": {"event_id": "e-3", "type": "page.viewed", "ip": "81.2.69.142"},
    "api/v1/members/": {"members": [{"member_id": "mia", "email": "mia@example.com"}]},
    "api/v1/members/<path:member_id>/": {"email": "mia@example.com"},
    "api/v1/members/<path:member_id>/lock/": {"reason": "asked"},
    "api/v1/members/<path:member_id>/unlock/": {"reason": "asked"},
    "api/v1/alerts/bulk/": {"ids": ["none"], "action": "acknowledge"},
    "api/v1/alerts/<str:alert_id>/resolve/": {"disposition": "benign"},
    "api/v1/alerts/<str:alert_id>/assign/": {"assignee": None},
    "api/v1/alerts/<str:alert_id>/comment/": {"note": "called"},
    "api/v1/alerts/<str:alert_id>/snooze/": {"until": "2100-01-01T00:00:00Z"},
    "api/v1/labels/": {"event_id": "e-1", "label": "fraud"},
    "api/v1/lists/": {"effect": "watch", "kind": "device", "value": "d-1", "reason": "asked"},
    "api/v1/lists/import/": {"entries": [{"effect": "watch", "kind": "device", "value": "d-1", "reason": "asked"}]},
    "api/v1/rules/<str:rule_id>/": {"state": "shadow"},
    "api/v1/rules/<str:rule_id>/rollback/": {"version": 0},
    "api/v1/rules/<str:rule_id>/backtest/": {"parameters": {"limit": 8}},
    "api/v1/rules/preset/": {"preset": "retail", "dry_run": True},
    "api/v1/rules/preset/undo/": {"batch": "{batch}"},
    "api/v1/me/unlock/": {"channel": "email"},
    "api/v1/models/promote/": {"kind": "payments"},
    "api/v1/models/rollback/": {"kind": "payments"},
    "api/v1/me/unlock/verify/": {"challenge_id": "{challenge}", "code": "{code}"},
    "admin_dashboard/messages/ways/<str:carrier>/change/": {"floor": "low"},
    "member/notices/ways/": {"security": "email"},
    "api/v1/webhook-endpoints/": {"url": "https://shop.example.com/more", "kinds": ["alert.raised"]},
    "api/v1/webhook-endpoints/<str:endpoint_id>/": {"name": "orders"},
    "admin_dashboard/webhooks/new/": {"url": "https://shop.example.com/more", "kinds": "alert.raised"},
    "admin_dashboard/webhooks/<uuid:endpoint_id>/change/": {
        "url": "https://shop.example.com/more",
        "kinds": "alert.raised",
    },
    "api/v1/api-keys/": {"app": "till", "scopes": ["events:write"]},
    "admin_dashboard/notes/<str:kind>/<path:name>/": {"note": "called"},
    "admin_dashboard/keys/new/": {"app": "till", "scopes": "events:write", "trust": "normal"},
    "admin_dashboard/staff/invite/": {"name": "second", "role": "analyst"},
    "admin_dashboard/staff/<int:user_id>/": {"do": "end"},
    "login/password/<str:person>/<str:proof>/": {"password": "a few plain words", "again": "a few plain words"},
    "answer/<str:link>/": {"answer": "no"},
    "member/unlock/": {"challenge_id": "{challenge}", "code": "{code}"},
    "admin_dashboard/storms/settle/": {"code": "rule", "verb": "release", "reason": "asked"},
    "admin_dashboard/alerts/<uuid:alert_id>/resolve/": {"disposition": "benign"},
    "admin_dashboard/alerts/<uuid:alert_id>/override/": {"note": "she called"},
    "admin_dashboard/alerts/<uuid:alert_id>/escalate/": {"note": "look"},
    "admin_dashboard/alerts/<uuid:alert_id>/comment/": {"note": "called"},
    "admin_dashboard/lock/<path:member_id>/": {"reason": "asked", "scope": "payments", "length": "24"},
    "admin_dashboard/alerts/<uuid:alert_id>/snooze/": {"hours": "24"},
    "admin_dashboard/list/<str:kind>/<path:name>/": {"effect": "watch", "reason": "asked"},
    "admin_dashboard/desk/views/": {"name": "mine", "query": "?status=open"},
    "admin_dashboard/rules/<str:rule_id>/": {"state": "shadow"},
    "admin_dashboard/rules/<str:rule_id>/rollback/": {"version": "0"},
    "admin_dashboard/rules/<str:rule_id>/backtest/": {"parameters:limit": "8"},
    "admin_dashboard/lists/add/": {"effect": "watch", "kind": "device", "value": "d-1", "reason": "asked"},
    "admin_dashboard/lists/import/": {"lines": "watch,device,d-1,asked"},
    "admin_dashboard/unlock/<path:member_id>/": {"reason": "asked"},
}


def body_for(made: World, route: str, thing: str) -> tuple[bytes, str]:
    """The body and its type for a route."""
    fields = BODIES.get(route, {})
    challenge = made.names["challenge"]["missing" if thing == "missing" else "mia"]
    filled = {
        name: value.replace("{challenge}", challenge).replace("{code}", made.code).replace("{batch}", made.batch)
        if isinstance(value, str)
        else value
        for name, value in fields.items()
    }
    if route.startswith("api/"):
        return json.dumps(filled).encode(), "application/json"
    return urlencode(filled).encode(), "application/x-www-form-urlencoded"
