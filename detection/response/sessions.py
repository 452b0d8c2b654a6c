"""Signed-in sessions of people, ended on the server."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Count
from django.utils import timezone

from detection.announcements import SessionsEnded, announce
from detection.enrich import user_agent
from detection.kernel.records import Actor
from detection.kernel.vocabulary import WebhookKind
from detection.models import Member, SignIn
from detection.work import UnitOfWork, unit_of_work

KEPT_FOR = timedelta(days=30)


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


def note(key: str, *, user_id: int, ip: str | None, agent: str, now: datetime | None = None) -> None:
    """Remember that this session is in use, from where and with what."""
    now = now or timezone.now()
    seen = {"user_id": user_id, "seen_at": now, "ip": ip or "", "agent": _words(agent)}
    SignIn.objects.update_or_create(session=key, defaults=seen, create_defaults={**seen, "started_at": now})


def moved(old: str | None, new: str | None) -> None:
    """The session goes on under another key."""
    if old and new:
        SignIn.objects.filter(session=old).update(session=new)


def of(user_id: int) -> list[SignIn]:
    """This user's sessions that are alive, the one used last first."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return list(SignIn.objects.filter(user=user_id, session__in=alive).order_by("-seen_at", "pk"))


def alive(user_ids: Collection[int]) -> dict[int, int]:
    """How many sessions each of these users has open; who has none is left out."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    found = SignIn.objects.filter(user__in=user_ids, session__in=living).values_list("user")
    return dict(found.annotate(count=Count("pk")).order_by())


def end_one(user_id: int, sign_in_id: int, *, actor: Actor) -> bool:
    """Sign this user out of one session of theirs; whether there was one. Its sockets close after commit."""
    with unit_of_work(actor) as work:
        found = SignIn.objects.filter(pk=sign_in_id, user=user_id).first()
        if found is None:
            return False
        import_module(settings.SESSION_ENGINE).SessionStore(found.session).delete()
        announce(SessionsEnded((user_id,), only_session=found.session))
        found.delete()
        work.audit("session.ended", target=actor.label, by="its owner")
        return True


def end_others(member: Member, *, keep: str | None, actor: Actor) -> int:
    """Sign a member out everywhere but here, in the shop too; how many sessions ended here."""
    with unit_of_work(actor) as work:
        ended = end([member.user_id], keep=keep) if member.user_id else 0
        revoke_at_shop(work, member, code="member-asked", text="The member signed out everywhere.")
        work.audit("sessions.ended", target=member.member_id, actor=actor, count=ended)
        return ended


def forget_old(*, now: datetime | None = None) -> int:
    """Drop what is known of sessions that have been over for a month; how many."""
    return SignIn.objects.filter(seen_at__lt=(now or timezone.now()) - KEPT_FOR).delete()[0]


def _words(agent: str) -> str:
    return (user_agent.read(agent).name or "")[:120]


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
