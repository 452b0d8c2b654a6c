"""What staff and members made of the demo's month: answers, what is still open, locks that came and went."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from detection.conf import LOCK_FOR
from detection.kernel.records import Verdict
from detection.kernel.vocabulary import Action, ActorKind, AlertStatus, Disposition, LockState
from detection.models import AccountLock, Alert, AlertAction, Dispute, Event, LockEvent, LockReason

STAFF = ("olga", "ada")
NOTES = {
    Disposition.CONFIRMED: ("Called the member: it was not them.", "The address is new everywhere, cards refused.", ""),
    Disposition.FALSE_POSITIVE: ("On holiday, wrote to us before.", "A new phone, confirmed by mail.", ""),
    Disposition.BENIGN: ("Our own price checker.", "Family shares the account.", ""),
}
STILL_OPEN = timedelta(hours=36)  # younger alerts are being worked on


def settle(
    alerts: Collection[UUID],
    locked: Sequence[tuple[Verdict, UUID]],
    *,
    bad: Collection[str],
    until: datetime,
    rng: Random,
) -> None:
    """Answer the older alerts, leave the younger ones at work, end the locks."""
    staff = {user.get_username(): user for user in get_user_model().objects.filter(username__in=STAFF)}
    found = list(Alert.objects.filter(pk__in=alerts).select_related("member").order_by("created_at", "event_id"))
    attacks = _attacks(found, bad)
    actions: list[AlertAction] = []
    for number, alert in enumerate(found):
        person = staff.get(STAFF[number % 3 == 0])
        if person is None:
            continue
        if until - alert.last_seen_at < STILL_OPEN or number % 17 == 5:
            actions += _at_work(alert, person, number, rng)
        else:
            actions += _answered(alert, person, alert.pk in attacks, rng)
    by_id = {alert.pk: alert for alert in found}
    _lock([(verdict, by_id[alert]) for verdict, alert in locked], until, rng)
    Alert.objects.bulk_update(
        found,
        ["status", "disposition", "resolved_at", "resolved_by", "folding", "assignee", "action_taken", "disputed"],
    )
    AlertAction.objects.bulk_create(actions)
    _dispute(found, attacks)


def _attacks(alerts: Sequence[Alert], bad: Collection[str]) -> set[Any]:
    """Alerts an attacker's event is in."""
    rows = Event.objects.filter(alert_id__in=[alert.pk for alert in alerts]).values_list("alert_id", "event_id")
    return {alert for alert, event_id in rows if event_id in bad}


def _at_work(alert: Alert, person: Any, number: int, rng: Random) -> list[AlertAction]:
    """Open, taken on, or handed up."""
    verb = ("", "acknowledge", "", "escalate")[number % 4]
    if not verb:
        return []
    alert.status = AlertStatus.ACKNOWLEDGED if verb == "acknowledge" else AlertStatus.ESCALATED
    alert.assignee = person
    note = "Several accounts from one line: please look." if verb == "escalate" else ""
    return [_action(alert, verb, person, rng, note=note)]


def _answered(alert: Alert, person: Any, attack: bool, rng: Random) -> list[AlertAction]:
    answer = Disposition.CONFIRMED if attack else rng.choice([Disposition.FALSE_POSITIVE, Disposition.BENIGN])
    step = _action(alert, "resolve", person, rng, note=rng.choice(NOTES[answer]))
    alert.status, alert.disposition, alert.folding = AlertStatus.RESOLVED, answer, False
    alert.resolved_at, alert.resolved_by, alert.assignee = step.at, person.get_username(), person
    step.after = {"status": alert.status.value, "disposition": answer.value}
    return [step]


def _action(alert: Alert, verb: str, person: Any, rng: Random, *, note: str) -> AlertAction:
    return AlertAction(
        alert=alert,
        verb=verb,
        actor=person.get_username(),
        actor_user=person,
        note=note,
        before={"status": AlertStatus.OPEN.value},
        at=alert.last_seen_at + timedelta(minutes=rng.uniform(4, 180)),
    )


def _dispute(alerts: Sequence[Alert], attacks: Collection[Any]) -> None:
    """What a few members said themselves."""
    theirs = [alert for alert in alerts if alert.member_id is not None and alert.status == AlertStatus.RESOLVED]
    said = [
        Dispute(
            member_id=alert.member_id,
            alert=alert,
            answer=Dispute.NOT_ME if alert.pk in attacks else Dispute.WAS_ME,
            reference=f"D-DEMO{number:03}",
            opened_at=alert.last_seen_at + timedelta(minutes=3),
            closed_at=alert.resolved_at,
        )
        for number, alert in enumerate(theirs[::3])
    ]
    Dispute.objects.bulk_create(said)
    disputed = [item.alert for item in said if item.answer == Dispute.NOT_ME]
    for alert in disputed:
        alert.disputed = True
    Alert.objects.bulk_update(disputed, ["disputed"])


def _lock(locked: Sequence[tuple[Verdict, Alert]], until: datetime, rng: Random) -> None:
    """A lock a member and attack, opened by its owner's code, by staff, or by its time; what has time left stands."""
    last: dict[int, datetime] = {}
    version: dict[int, int] = {}
    reasons, steps = [], []
    for verdict, alert in locked:
        member, since = alert.member_id, verdict.event.occurred_at
        assert member is not None
        alert.action_taken = Action.LOCK.value
        if since < last.get(member, since - timedelta(1)) + timedelta(hours=1):
            continue
        way = rng.choice(("member", "member", "staff", "time"))
        ended = since + (LOCK_FOR if way == "time" else timedelta(minutes=rng.uniform(2, 300)))
        stands = ended > until
        last[member] = ended
        signal = verdict.signals[0]
        by = {"member": alert.member.member_id if alert.member else "", "staff": "olga", "time": "system"}[way]
        reasons.append(
            LockReason(
                member_id=member,
                state=LockState.LOCKED,
                scopes=["payments"],
                code=signal.detector,
                text=signal.reason.text,
                by=ActorKind.SYSTEM,
                actor="system",
                alert=alert.pk,
                since=since,
                expires_at=since + LOCK_FOR,
                ended_at=None if stands else ended,
                ended_by="" if stands else by,
            )
        )
        placed, opened = ("clear", "locked", "system", since), ("locked", "clear", by, ended)
        for before, after, actor, at in (placed,) if stands else (placed, opened):
            version[member] = version.get(member, 0) + 1
            text = signal.reason.text if after == "locked" else ""
            steps.append(
                LockEvent(
                    member_id=member, version=version[member], before=before, after=after,
                    code=signal.detector, text=text, actor=actor, at=at,
                )
            )  # fmt: skip
    AccountLock.objects.bulk_create(AccountLock(member_id=member, version=number) for member, number in version.items())
    LockReason.objects.bulk_create(reasons)
    LockEvent.objects.bulk_create(steps)
