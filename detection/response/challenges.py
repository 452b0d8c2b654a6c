"""Challenges: a one-time code is asked for, and answered.

Answering is charge first: the try is counted and committed on its own before anything is compared, so a crash or a
crowd of answers at once never gets a free guess.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from detection import conf
from detection.kernel.records import Actor, LockRecord
from detection.kernel.vocabulary import ActorKind, Channel
from detection.models import (
    AccountLock,
    CodeAttempt,
    Contact,
    LockReason,
    Member,
    Notification,
    OtpChallenge,
)
from detection.response import authenticators, codes, devices, letters, locks, ways
from detection.response.authenticators import Match
from detection.response.codes import key_id, live, same
from detection.response.ways import DAY, TOTP, seconds
from detection.work import UnitOfWork, unit_of_work

UNLOCK = "unlock"
STEP_UP = "step-up"
HOW = {
    Channel.EMAIL: "The member entered a one-time code sent by e-mail.",
    Channel.SMS: "The member entered a one-time code sent to their phone.",
    TOTP: "The member entered a code of their authenticator app.",
}


@dataclass(frozen=True, slots=True)
class Issued:
    """A code is on its way. ``sent_to`` is masked."""

    challenge_id: str
    sent_to: str
    expires_at: datetime
    resend_after: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """``code`` is one of not-locked, staff-lock, no-safe-channel, too-soon, daily-cap, self-service-off;
    ``retry_after`` is in seconds, None when waiting does not help."""

    code: str
    retry_after: int | None = None


class Result(StrEnum):
    UNLOCKED = "unlocked"
    PROVED = "proved"  # it is the member who is at it
    WRONG = "wrong"
    GONE = "gone"  # spent, expired, superseded, or made for another lock
    MISSING = "missing"  # unknown, another member's or another session's
    TOO_MANY = "too-many"  # the day's tries are used up, or self-service is off


@dataclass(frozen=True, slots=True)
class Answer:
    """``lock`` is what stands after the answer, None when the member is clear."""

    result: Result
    attempts_left: int = 0
    lock: LockRecord | None = None
    retry_after: int | None = None
    app_only: bool = False  # too many guesses at the app's codes: every other way is still open


def issue(
    member: Member,
    *,
    channel: str,
    session_key: str,
    source: str = "",
    purpose: str = UNLOCK,
    now: datetime | None = None,
) -> Issued | Refused:
    """Ask for a code: for the lock that stands, or (``STEP_UP``) to show that it is the member who is at it.

    One that is sent goes into the outbox; one of the member's app is only asked for. It replaces any code before it."""
    now = now or timezone.now()
    actor = Actor(ActorKind.MEMBER, member.member_id, member.user_id)
    with unit_of_work(actor) as work:
        row = locks.hold(member)
        refused = _not_now(member, purpose, now)
        if refused:
            return refused
        contact = ways.contact_of(member, channel, now)
        if contact is None and not (channel == TOTP and ways.app_of(member)):
            return Refused("no-safe-channel")
        wait = ways.wait(member, contact, source, now) if contact else None
        if wait:
            return Refused(*wait)
        OtpChallenge.objects.filter(live(), member=member, purpose=purpose).update(superseded_at=now)
        challenge = OtpChallenge.objects.create(
            id=secrets.token_hex(16),
            member=member,
            purpose=purpose,
            lock_version=row.version,
            channel=channel,
            sent_to=contact.masked if contact else "your authenticator app",
            contact=contact,
            key_id=key_id(),
            session=_digest(session_key),
            source=source,
            created_at=now,
            expires_at=now + conf.CODE_LIVES,
            max_attempts=conf.CODE_TRIES,
        )
        if contact:
            _send(work, member, challenge, contact, now)
            work.audit("code.sent", target=member.member_id, actor=actor, challenge=challenge.pk, channel=str(channel))
    resend_after = now + conf.CODE_RESEND_AFTER if contact else now
    return Issued(challenge.pk, challenge.sent_to, challenge.expires_at, resend_after)


def _not_now(member: Member, purpose: str, now: datetime) -> Refused | None:
    if purpose == UNLOCK:
        lock = locks.of(member, now=now)
        if lock is None:
            return Refused("not-locked")
        if not lock.self_unlock:
            return Refused("staff-lock")
    if Member.objects.filter(pk=member.pk).exclude(self_service_off_at=None).exists():
        return Refused("self-service-off")
    return None


def _send(work: UnitOfWork, member: Member, challenge: OtpChallenge, contact: Contact, now: datetime) -> None:
    letter = letters.write(
        "code.sent",
        {"sent_to": challenge.sent_to, "until": letters.when(challenge.expires_at, member)},
        member=member,
    )
    work.notify(
        Notification(
            member=member,
            channel=challenge.channel,
            kind="code.unlock" if challenge.purpose == UNLOCK else "code.proof",
            destination=contact.value,
            title=letter.title,
            body=letter.body,
            language=letters.languages.of(member),
            challenge=challenge.pk,
            created_at=now,
            due_at=now,
            expires_at=challenge.expires_at,
        )
    )


def answer(
    member: Member,
    *,
    challenge_id: str,
    code: str,
    session_key: str,
    actor: Actor,
    purpose: str = UNLOCK,
    now: datetime | None = None,
) -> Answer:
    """Try a code. The right one lifts every lock in force, or proves the member (``STEP_UP``), once.

    Call it outside any transaction."""
    now = now or timezone.now()
    challenge = (
        OtpChallenge.objects.select_related("member__user")
        .filter(pk=challenge_id, member=member, purpose=purpose)
        .first()
    )
    if challenge is None or not hmac.compare_digest(challenge.session, _digest(session_key)):
        return Answer(Result.MISSING)
    guess = challenge.channel == TOTP and codes.app_shaped(code)
    charged = _charge(challenge, member, actor, now, app=guess)
    if isinstance(charged, Answer):
        return charged
    found = authenticators.match(member.user, code, now=now) if challenge.channel == TOTP else None
    if not (found or (challenge.channel != TOTP and same(code, challenge))):
        return Answer(Result.WRONG, charged.left, locks.of(member, now=now))
    return _open(challenge, charged, found, actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class _Charged:
    attempt: CodeAttempt
    left: int


def _charge(challenge: OtpChallenge, member: Member, actor: Actor, now: datetime, *, app: bool) -> _Charged | Answer:
    """Count one try, in a transaction of its own. The member's lock row is held, so counts are exact in a crowd.

    A guess at the app's code weighs as much as there are codes that fit, so a row of wrong ones is as unlikely to hold
    a right one whichever way it was asked for."""
    with transaction.atomic(durable=True), unit_of_work(actor) as work:
        row = locks.hold(member)
        if not _fits(challenge, row, member, now):
            return Answer(Result.GONE, lock=locks.of(member, now=now))
        too_many = _tried_too_often(member, now, app=app)
        if too_many:
            return too_many
        usable = OtpChallenge.objects.filter(live(), pk=challenge.pk, expires_at__gt=now)
        if not usable.filter(attempts__lt=F("max_attempts")).update(attempts=F("attempts") + 1):
            return Answer(Result.GONE, lock=locks.of(member, now=now))
        weight = conf.APP_CODES_THAT_FIT if app else 1
        Member.objects.filter(pk=member.pk).update(code_failures=F("code_failures") + weight)
        spent = Member.objects.filter(
            pk=member.pk, code_failures__gt=conf.CONSECUTIVE_FAILURES - weight, self_service_off_at=None
        )
        if spent.update(self_service_off_at=now):
            work.audit("member.self_service_off", target=member.member_id, actor=actor)
        work.audit("code.tried", target=member.member_id, actor=actor, challenge=challenge.pk)
        attempt = CodeAttempt.objects.create(member=member, at=now, app=app)
        tried = OtpChallenge.objects.values_list("attempts", flat=True).get(pk=challenge.pk)
        return _Charged(attempt, challenge.max_attempts - tried)


def _fits(challenge: OtpChallenge, row: AccountLock, member: Member, now: datetime) -> bool:
    if challenge.purpose == UNLOCK:
        lock = locks.of(member, now=now)
        if lock is None or not lock.self_unlock:
            return False
    return row.version == challenge.lock_version and challenge.key_id == key_id()


def _tried_too_often(member: Member, now: datetime, *, app: bool) -> Answer | None:
    if Member.objects.filter(pk=member.pk).exclude(self_service_off_at=None).exists():
        return Answer(Result.TOO_MANY, lock=locks.of(member, now=now))
    today = CodeAttempt.objects.filter(member=member, at__gt=now - DAY).order_by("-at")
    limits = [(today, conf.TRIES_PER_DAY, False)]
    if app:
        limits.append((today.filter(app=True), conf.APP_TRIES_PER_DAY, True))
    for tried, most, app_only in limits:
        newest = list(tried.values_list("at", flat=True)[:most])
        if len(newest) == most:
            wait = seconds(newest[-1] + DAY - now)
            return Answer(Result.TOO_MANY, lock=locks.of(member, now=now), retry_after=wait, app_only=app_only)
    return None


def _open(challenge: OtpChallenge, charged: _Charged, found: Match | None, *, actor: Actor, now: datetime) -> Answer:
    """Consume the code and do what it is for, both or neither."""
    member = challenge.member
    with unit_of_work(actor) as work:
        row = locks.hold(member)
        if not _fits(challenge, row, member, now) or not OtpChallenge.objects.filter(live(), pk=challenge.pk).exists():
            return Answer(Result.GONE, lock=locks.of(member, now=now))
        if found and not authenticators.spend(found, actor=actor, now=now):
            return Answer(Result.WRONG, charged.left, locks.of(member, now=now))  # taken before: no code works twice
        OtpChallenge.objects.filter(pk=challenge.pk).update(consumed_at=now)
        CodeAttempt.objects.filter(pk=charged.attempt.pk).update(right=True)
        Member.objects.filter(pk=member.pk).update(code_failures=0, self_service_off_at=None)
        if challenge.purpose != UNLOCK:
            work.audit("member.proved", target=member.member_id, actor=actor, channel=challenge.channel)
            return Answer(Result.PROVED, lock=locks.of(member, now=now))
        reasons = LockReason.objects.in_force(now).filter(member=member)
        devices.trust(list(reasons.exclude(alert=None).values_list("alert", flat=True)), member)
        how = HOW[challenge.channel]
        released = locks.release(member, actor=actor, reason=how, by=ActorKind.MEMBER, now=now)
        return Answer(Result.UNLOCKED, lock=released.lock)


def expire_due(*, now: datetime | None = None) -> int:
    """Close codes whose end has passed (they were over by comparison) and forget what is older than a day, which
    nothing counts any more; how many were closed."""
    now = now or timezone.now()
    closed = OtpChallenge.objects.filter(live(), expires_at__lte=now).update(superseded_at=now)
    OtpChallenge.objects.filter(created_at__lt=now - DAY, expires_at__lt=now).delete()
    CodeAttempt.objects.filter(at__lt=now - DAY).delete()
    return closed


def _digest(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()
