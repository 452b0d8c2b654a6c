"""An event's whole way into the tables as one statement: on PostgreSQL each further one costs a way there and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from detection.intake.references import references
from detection.intake.taken import Taken
from detection.models import Event, EventReference, InboxItem, Member, Receipt
from detection.models.rows import Table

RECEIPTS = Table(Receipt, ["client_id", "event_id", "digest", "event", "received_at"])
EVENTS = Table(
    Event,
    ["id", "client_id", "event_id", "type", "occurred_at", "received_at", "member_id", "subject", "trust", "body"],
)
INBOX = Table(InboxItem, ["event", "subject", "due_at", "created_at", "observe_only"])
_NAMES = Table(EventReference, ["client_id", "kind", "value", "event", "created_at"])

_GIVEN = (
    ("event", "uuid"),
    ("client", "bigint"),
    ("event_id", "text"),
    ("digest", "text"),
    ("received", "timestamptz"),
    ("type", "text"),
    ("occurred", "timestamptz"),
    ("name", "text"),
    ("subject", "text"),
    ("trust", "smallint"),
    ("body", "text"),
    ("historic", "boolean"),
)


class Entry(NamedTuple):
    """An event to take in: its digest, its member's name at the shop, its body as JSON, whether it only teaches."""

    event: Taken
    digest: str
    name: str | None
    text: str
    historic: bool


def insert(entries: Sequence[Entry]) -> dict[UUID, int | None]:
    """Receipts, events, work and further names of all entries whose id is new, all or nothing; the members' keys of
    those, by event. One query; members nobody had named before cost three more."""
    found, unknown = _insert(entries)
    if unknown:
        nameless = [entry for entry in entries if entry.event.pk in unknown]
        Member.objects.ensure({entry.name for entry in nameless if entry.name})
        found |= _insert(nameless)[0]
    return found


def _insert(entries: Sequence[Entry]) -> tuple[dict[UUID, int | None], set[UUID]]:
    names = [name for entry in entries for name in references(entry.event)]
    rows = [
        (
            e.pk,
            e.client_id,
            e.event_id,
            entry.digest,
            e.received_at,
            e.type,
            e.occurred_at,
            entry.name,
            e.subject,
            e.trust,
            entry.text,
            entry.historic,
        )
        for entry in entries
        for e in (entry.event,)
    ]
    statement, defaults = _statement(bool(names))
    values: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    values += defaults
    if names:
        told = [(n.client_id, n.kind, n.value, n.event, n.created_at) for n in names]
        values += [list(column) for column in zip(*told, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    return {event: member for event, member, new, _ in found if new}, {
        event for event, _, _, known in found if not known
    }


@cache
def _statement(with_names: bool) -> tuple[str, list[Any]]:
    """One text whatever the number of events, and the defaults between its columns of events and of further names.

    What names a member nobody has heard of is left out and reported: it has no key to point at yet. Rows are put in
    their order: of two with one id the first is taken, and the queue goes by its own numbers.
    """
    receipts, _ = RECEIPTS.from_select("client, event_id, digest, event, received", "FROM given WHERE known ORDER BY n")
    events, of_events = EVENTS.from_select(
        "event, client, event_id, type, occurred, received, member, subject, trust, body::jsonb", "FROM fresh"
    )
    work, of_work = INBOX.from_select("event, subject, received, received, historic", "FROM fresh ORDER BY n")
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in _GIVEN)
    columns = ", ".join(name for name, _ in _GIVEN)
    named_member = (
        f"SELECT u.*, (SELECT m.id FROM {Member._meta.db_table} m WHERE m.member_id = u.name) AS member "  # noqa: S608 - our own tables
        f"FROM unnest({arrays}) WITH ORDINALITY AS u({columns}, n)"
    )
    parts = [
        f"named AS MATERIALIZED ({named_member})",
        "given AS MATERIALIZED (SELECT *, name IS NULL OR member IS NOT NULL AS known FROM named)",
        f"taken AS ({receipts} ON CONFLICT DO NOTHING RETURNING event)",
        "fresh AS MATERIALIZED (SELECT given.* FROM given JOIN taken USING (event))",
        f"kept AS ({events})",
        f"work AS ({work})",
    ]
    if with_names:
        further, _ = _NAMES.from_select(
            "c, k, v, e, r",
            "FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::uuid[], %s::timestamptz[]) AS u(c, k, v, e, r) "
            "JOIN taken ON taken.event = e",
        )
        parts.append(f"further AS ({further})")
    # Who is unknown matters only where there is no receipt yet: a repeat makes no members.
    end = (
        f"SELECT g.event, g.member, t.event IS NOT NULL, g.known OR EXISTS (SELECT FROM {Receipt._meta.db_table} r "  # noqa: S608 - our own tables
        "WHERE r.client_id = g.client AND r.event_id = g.event_id) FROM given g LEFT JOIN taken t USING (event)"
    )
    return f"WITH {', '.join(parts)} {end}", [*of_events, *of_work]
