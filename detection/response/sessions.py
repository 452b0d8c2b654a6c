"""Signed-in sessions of people, ended on the server."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from detection.announcements import SessionsEnded, announce
from detection.kernel.vocabulary import WebhookKind
from detection.models import Member
from detection.work import UnitOfWork


def end(user_ids: Collection[int], *, keep: str | None = None) -> int:
    """Sign these users out everywhere but in the session ``keep``; how many sessions ended. Sockets close after commit.

    A session does not name its user in a column, so every live one is read.
    """
    if not user_ids:
        return 0
    wanted = {str(user_id) for user_id in user_ids}
    live = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=keep or "")
    theirs = [
        session.session_key
        for session in live.iterator(chunk_size=1000)
        if str(session.get_decoded().get(SESSION_KEY)) in wanted
    ]
    store = import_module(settings.SESSION_ENGINE).SessionStore  # it may keep a copy in a cache
    for key in theirs:
        store(key).delete()
    announce(SessionsEnded(tuple(user_ids), keep))
    return len(theirs)


def revoke_at_shop(
    work: UnitOfWork, member: Member, *, code: str, text: str, alert: UUID | None = None, new_password: bool = False
) -> None:
    """Ask the shop to end all sessions of this member, and whether to ask for a new password at the next sign-in."""
    work.publish(
        WebhookKind.SESSION_REVOKED,
        {
            "member_id": member.member_id,
            "reason": {"code": code, "text": text},
            "alert_id": str(alert) if alert else None,
            "ask_for_new_password": new_password,
        },
    )
