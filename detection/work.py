"""The unit of work: one transaction, and everything it has to say at its end.

    with unit_of_work() as work:
        …change rows…
        work.audit("member.unlocked", target="mia", reason="called us")
        work.tell(FrameKind.MEMBER_UNLOCKED, member=member, payload={…})

A verb called inside another's unit joins it. On leaving the outermost one, outbox, audit and feed rows are written, the
feed last, so that cursor order is commit order; the announcements follow the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from detection import conf
from detection.announcements import AuditWaiting, FeedAdvanced, OutboxFilled, WebhooksWaiting, announce
from detection.audit.ledger import pending
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import FrameKind, WebhookKind
from detection.models import (
    Alert,
    AuditPending,
    FeedEntry,
    Member,
    Notification,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)

FEED_LOCK = 0x5EC_FEED  # advisory lock of the feed's writers, PostgreSQL only; SQLite has a single writer

_current: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)


class UnitOfWork:
    """Collects what a transaction has to say. Made by ``unit_of_work()``."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._entries: list[FeedEntry] = []
        self._alerts: set[Any] = set()  # said already
        self._audits: list[AuditPending] = []
        self._notices: list[Notification] = []
        self._facts: list[tuple[WebhookKind, Alert | dict[str, Any]]] = []
        self._together: dict[Callable[[UnitOfWork, list[Any]], None], list[Any]] = {}

    def tell(
        self,
        kind: FrameKind,
        *,
        member: Member | None = None,
        alert: Alert | None = None,
        notification: Notification | None = None,
        payload: dict[str, Any] | None = None,
        for_staff: bool = True,
        for_member: bool = True,
    ) -> None:
        """A frame for the feed. An alert said twice in one unit is said once, raised wins over changed."""
        if alert is not None and alert.pk in self._alerts:
            return
        if alert is not None:
            self._alerts.add(alert.pk)
        self._entries.append(
            FeedEntry(
                kind=kind,
                member=member,
                alert=alert,
                notification=notification.pk if notification else None,
                payload=payload or {},
                for_staff=for_staff,
                for_member=for_member and member is not None,
            )
        )

    def audit(self, action: str, *, target: str = "", actor: Actor | None = None, **detail: Any) -> None:
        """An entry for the audit trail. ``detail`` holds plain values, no floats, no contact data, never a code."""
        self._audits.append(pending(action, actor=actor or self.actor, target=target, detail=detail))

    def notify(self, notification: Notification) -> None:
        """A message for the outbox; a page notice is also told live to its member."""
        notification.carrier = notification.carrier or notification.channel
        self._notices.append(notification)
        if notification.member_id and notification.channel == "page":
            self.tell(
                FrameKind.NOTICE_CREATED,
                member=notification.member,
                notification=notification,
                for_staff=False,
            )

    def publish(self, kind: WebhookKind, fact: Alert | dict[str, Any]) -> None:
        """A fact for the shop's own systems; an alert is told as it stands at the unit's end. Not in shadow mode."""
        if conf.current().enforcing and not any(told == (kind, fact) for told in self._facts):
            self._facts.append((kind, fact))

    def together(self, verb: Callable[[UnitOfWork, list[Any]], None], item: Any) -> None:
        """Have ``verb(work, items)`` called once at the unit's end, for all that was given it: what costs queries costs
        them once then, however many it is about."""
        self._together.setdefault(verb, []).append(item)

    def finish(self) -> None:
        """Write what was collected. Called once, inside the transaction, as its last statements."""
        for verb, items in self._together.items():
            verb(self, items)
        if self._notices:
            Notification.objects.bulk_create(self._notices)
            announce(OutboxFilled(len(self._notices)))
        if self._audits:
            AuditPending.objects.bulk_create(self._audits)
            announce(AuditWaiting(len(self._audits)))
        if self._facts:
            self._write_webhooks()
        if self._entries:
            self._write_feed()

    def _write_webhooks(self) -> None:
        endpoints = WebhookEndpoint.objects.wanting({str(kind) for kind, _ in self._facts})
        if not endpoints:
            return
        now = timezone.now()
        deliveries = []
        messages = []
        for kind, fact in self._facts:
            wanted_by = [endpoint for endpoint in endpoints if kind in endpoint.kinds]
            if wanted_by:
                messages.append(WebhookMessage.saying(kind, _told(fact), now))
                in_order = now + timedelta(microseconds=len(messages))
                deliveries += [WebhookDelivery.to(endpoint, messages[-1], in_order) for endpoint in wanted_by]
        WebhookMessage.objects.bulk_create(messages)
        WebhookDelivery.objects.bulk_create(deliveries)
        announce(WebhooksWaiting(len(deliveries)))

    def _write_feed(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FEED_LOCK])
        members = {entry.member_id for entry in self._entries if entry.for_member and entry.member_id}
        previous_staff = FeedEntry.objects.filter(for_staff=True).aggregate(last=Max("id"))["last"] or 0
        previous_member: dict[int, int] = {}
        if members:
            previous_member = dict(
                FeedEntry.objects.filter(member__in=members, for_member=True)
                .values_list("member")
                .annotate(last=Max("id"))
            )
        now = timezone.now()
        for entry in self._entries:
            entry.at = now
        written = FeedEntry.objects.bulk_create(self._entries)
        alerts = []
        for entry in written:
            if entry.alert is not None:
                entry.alert.cursor = entry.pk
                alerts.append(entry.alert)
        if alerts:
            Alert.objects.bulk_update(alerts, ["cursor"])
        announce(FeedAdvanced(tuple(entry.pk for entry in written), previous_staff, previous_member))


def _told(fact: Alert | dict[str, Any]) -> dict[str, Any]:
    """An alert as REST shows it, without the place in our feed, which is given last of all."""
    return {n: v for n, v in fact.record().wire().items() if n != "cursor"} if isinstance(fact, Alert) else fact


@contextmanager
def unit_of_work(actor: Actor = SYSTEM) -> Iterator[UnitOfWork]:
    """Open a unit of work, or join the one that is open."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    with transaction.atomic():
        work = UnitOfWork(actor)
        mark = _current.set(work)
        try:
            yield work
            work.finish()
        finally:
            _current.reset(mark)
