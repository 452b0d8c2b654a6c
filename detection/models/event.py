"""What apps reported, the receipts they hold, and the queue of what is not judged yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connections, models
from django.utils import timezone

from detection.kernel.ids import uuid7
from detection.kernel.records import EventRecord
from detection.kernel.vocabulary import EventState, Outcome, Severity, Trust
from detection.models import rows
from detection.models.client import Client
from detection.models.member import Member

#: Fields of the wire shape kept in ``body`` and handed to detectors as they are.
BODY_FIELDS = [
    "account_exists",
    "session_id",
    "device_id",
    "ip",
    "user_agent",
    "country",
    "city",
    "latitude",
    "longitude",
    "asn",
    "currency",
    "payment_method_id",
    "recipient_id",
    "order_id",
    "payment",
    "path",
    "http_status",
    "referrer",
    "query",
    "email",
    "phone",
    "metadata",
]


#: What judging writes, one statement for a batch.
VERDICT_FIELDS = [
    "state",
    "outcome",
    "risk_score",
    "severity",
    "signals",
    "seen",
    "broken",
    "degraded",
    "alert_id",
    "judged_at",
    "enriched",
]


class EventQuerySet(models.QuerySet["Event"]):
    def of_member(self, member: Member) -> EventQuerySet:
        return self.filter(member=member).order_by("-occurred_at", "-id")

    def write_verdicts(self, events: Sequence[Event]) -> None:
        """Store what judging set on each event: one prepared statement, run over the batch in one go."""
        if not events:
            return
        connection = connections[self.db]
        quote = connection.ops.quote_name
        sets = ", ".join(f"{quote(name)} = %s" for name in VERDICT_FIELDS)
        sql = (
            f"UPDATE {quote(Event._meta.db_table)} SET {sets} "  # noqa: S608 - names of our own columns only
            "WHERE id = %s AND received_at = %s"  # prunes partitions
        )
        adapt = rows.adapters(Event, (*VERDICT_FIELDS, "id", "received_at"), connection)
        with connection.cursor() as cursor:
            cursor.executemany(sql, [[ready(getattr(event, name)) for name, ready in adapt] for event in events])


class Event(models.Model):
    """An accepted event. Partitioned by month of ``received_at`` on PostgreSQL: nothing points at it by constraint."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_index=False, related_name="+")
    event_id = models.CharField(max_length=128)
    type = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, db_index=False, related_name="events")
    subject = models.CharField(max_length=300)
    trust = models.SmallIntegerField(default=int(Trust.NORMAL))
    body = models.JSONField()  # redacted and canonical, wire names
    enriched = models.JSONField(default=dict)  # what enrichment added
    state = models.CharField(max_length=10, default=EventState.PENDING)
    outcome = models.CharField(max_length=10, blank=True, default="")
    risk_score = models.SmallIntegerField(null=True)
    severity = models.CharField(max_length=6, blank=True, default="")
    signals = models.JSONField(default=list)
    seen = models.JSONField(default=dict)  # what detectors saw: triage shows it, training uses it
    broken = models.JSONField(default=list)  # detectors that raised and were skipped
    degraded = models.JSONField(default=list)
    alert_id = models.UUIDField(null=True)
    judged_at = models.DateTimeField(null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["member", "-occurred_at"], name="event_member_time"),
            models.Index(fields=["subject", "-occurred_at"], name="event_subject_time"),
            models.Index(fields=["alert_id"], name="event_alert", condition=models.Q(alert_id__isnull=False)),
            models.Index(fields=["type", "-occurred_at"], name="event_type_time"),
        ]

    def record(self, member_id: str | None) -> EventRecord:
        """What detectors read; ``member_id`` is the shop's (the caller has it at hand, so no query is made)."""
        body: dict[str, Any] = {name: self.body[name] for name in BODY_FIELDS if self.body.get(name) is not None}
        amount = self.body.get("amount")
        enriched = dict(self.enriched)
        return EventRecord(
            id=str(self.id),
            event_id=self.event_id,
            type=self.type,
            occurred_at=self.occurred_at,
            received_at=self.received_at,
            client_id=self.client_id,
            trust=Trust(self.trust),
            simulated=bool(body.get("metadata", {}).get("simulated")),
            member_id=member_id,
            amount=Decimal(amount) if amount is not None else None,
            changed=tuple(self.body.get("changed") or ()),
            **{**enriched, **body},
        )

    @property
    def verdict_known(self) -> bool:
        return self.state == EventState.PROCESSED

    def shown_outcome(self) -> tuple[Outcome, Severity]:
        return Outcome(self.outcome or "allow"), Severity(self.severity or "low")


class Receipt(models.Model):
    """Proof that a client's id was taken, kept longer than any sender retries (at least seven days)."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    event_id = models.CharField(max_length=128)
    digest = models.CharField(max_length=64)  # SHA-256 of the canonical body
    event = models.UUIDField()
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "event_id"], name="receipt_once")]


class Decision(models.Model):
    """The answer given to a decision, replayed word for word when asked again."""

    event = models.UUIDField(primary_key=True)
    answer = models.JSONField()
    decided_at = models.DateTimeField(default=timezone.now)
    waiting = models.BooleanField(default=False)  # something was skipped: the full result is still to be told

    class Meta:
        indexes = [
            models.Index(fields=["decided_at"], name="decision_waiting", condition=models.Q(waiting=True)),
        ]


class InboxItem(models.Model):
    """Work waiting for an event. The row is the truth; Celery only rings the bell."""

    event = models.UUIDField(unique=True)
    subject = models.CharField(max_length=300)
    dead = models.BooleanField(default=False)
    observe_only = models.BooleanField(default=False)  # judged without features: only teach them
    attempt = models.SmallIntegerField(default=0)
    token = models.UUIDField(null=True)  # of the claim that holds it
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=120, blank=True, default="")  # exception class only, never its text

    class Meta:
        indexes = [
            models.Index(fields=["dead", "due_at", "id"], name="inbox_due"),
            models.Index(fields=["subject", "lease_until"], name="inbox_subject"),
            models.Index(fields=["token"], name="inbox_token"),
        ]
