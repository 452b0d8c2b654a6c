"""The way in for events, and what became of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.response import Response

from api import errors, throttling
from api.parsers import BATCH, JSON, NDJSON, SINGLE, StrictJSON, StrictLines, parse, raw, too_large
from api.permissions import READERS, Access
from api.schema import BATCH_OF_EVENTS, DECISION, EVENT, PROBLEMS
from api.serializers import shapes
from api.views.door import Door
from detection import deciding
from detection.intake import Item, accept, strict_json
from detection.kernel.records import iso
from detection.kernel.vocabulary import EventState, KeyScope
from detection.models import Client, Event, Receipt

MOST_EVENTS = 500


class Events(Door):
    """Takes events. What is answered 202 is stored for good; it is judged a moment later."""

    access = {"POST": Access(scope=KeyScope.EVENTS_WRITE)}
    parser_classes = (StrictJSON, StrictLines)

    @extend_schema(
        operation_id="send_events",
        summary="Report one event, or up to 500",
        request={JSON: {"oneOf": [EVENT, BATCH_OF_EVENTS]}, NDJSON: EVENT},
        responses={
            202: PolymorphicProxySerializer(
                "EventsAnswer", [shapes.ReceiptShape, shapes.BatchShape], resource_type_field_name=None
            ),
            **PROBLEMS,
        },
    )
    def post(self, request: Any) -> Response:
        http = request._request
        body = raw(http, most=BATCH, media_types=(JSON, NDJSON))
        if http.content_type == NDJSON:
            return self._many(strict_json.lines(body))
        value = parse(http, body)
        if isinstance(value, dict) and "events" in value:
            return self._many(listed(value, "events"))
        if len(body) > SINGLE:
            raise too_large(SINGLE)
        return self._one(value)

    def _one(self, value: Any) -> Response:
        item = taken(accept([value], client=self.credentials.client, trust=self.credentials.trust)[0])
        receipt = {
            "event_id": item.event_id,
            "duplicate": item.status == "duplicate",
            "received_at": iso(item.received_at),
        }
        return Response(receipt, status=202)

    def _many(self, values: list[Any]) -> Response:
        if not 1 <= len(values) <= MOST_EVENTS:
            raise errors.faulty(errors.fault("/events", f"Send 1 to {MOST_EVENTS} events at once.", "length"))
        throttling.keys.take(self.credentials.key.pk, len(values) - 1)
        items = accept(values, client=self.credentials.client, trust=self.credentials.trust)
        return Response(_summary(items), status=202)


class EventDetail(Door):
    """An event, its state, and what was found."""

    access = {"GET": Access(scope=KeyScope.EVENTS_READ, roles=READERS)}

    @extend_schema(
        operation_id="read_event",
        summary="An event and what became of it",
        responses={200: shapes.EventShape, **PROBLEMS},
    )
    def get(self, request: Any, event_id: str) -> Response:
        clients = [self.credentials.client] if self.by_key else list(Client.objects.all())
        receipts = Receipt.objects.filter(client__in=clients, event_id=event_id).order_by("-received_at")
        ours = receipts.values_list("event", flat=True).first()
        event = Event.objects.select_related("member").filter(pk=ours).first() if ours else None
        if event is None:
            raise errors.missing()
        return Response(event_wire(event))


class Decisions(Door):
    """Judges one event while the caller waits."""

    access = {"POST": Access(scope=KeyScope.DECISIONS_WRITE)}

    @extend_schema(
        operation_id="decide",
        summary="May this happen?",
        request={JSON: DECISION},
        responses={200: shapes.DecisionShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        http = request._request
        value = parse(http, raw(http))
        deadline = None
        if isinstance(value, dict) and "deadline_ms" in value:
            deadline = _deadline(value.pop("deadline_ms"))
        items = accept([value], client=self.credentials.client, trust=self.credentials.trust, ring=False)
        item = taken(items[0])
        assert item.event is not None
        return Response(deciding.decide(item.event, deadline=deadline))


def taken(item: Item) -> Item:
    """The item again, when it was accepted. Raises Problem 400 or 409."""
    if item.status == "rejected":
        raise errors.faulty(*item.errors)
    if item.status == "conflict":
        raise errors.Problem(409, "This event_id was used for another event.", code="conflict", errors=item.errors)
    return item


def event_wire(event: Event) -> dict[str, Any]:
    """An event as staff and its own app see it."""
    judged = event.state == EventState.PROCESSED
    return {
        **event.body,
        "event_id": event.event_id,
        "type": event.type,
        "occurred_at": iso(event.occurred_at),
        "received_at": iso(event.received_at),
        "member_id": event.member.member_id if event.member else None,
        "state": event.state,
        "verdict": (event.outcome or None) if judged else None,
        "risk_score": event.risk_score if judged else None,
        "severity": (event.severity or None) if judged else None,
        "signals": event.signals if judged else [],
        "alert_id": str(event.alert_id) if judged and event.alert_id else None,
    }


def listed(value: dict[str, Any], name: str) -> list[Any]:
    """The list of a batch. Raises Problem 400 when it is none or something stands beside it."""
    faults = [
        errors.fault(f"/{errors.escaped(key)}", "This field is not known here.", "unknown")
        for key in value
        if key != name
    ]
    if not isinstance(value[name], list):
        faults.append(errors.fault(f"/{name}", "This has to be a list.", "not_a_list"))
    if faults:
        raise errors.faulty(*faults)
    found: list[Any] = value[name]
    return found


def _summary(items: Sequence[Item]) -> dict[str, Any]:
    results = []
    for item in items:
        result: dict[str, Any] = {"index": item.index, "event_id": item.event_id, "status": item.status}
        if item.errors:
            result["errors"] = list(item.errors)
        results.append(result)
    kinds = [item.status for item in items]
    return {
        "accepted": kinds.count("accepted"),
        "duplicates": kinds.count("duplicate"),
        "rejected": kinds.count("rejected") + kinds.count("conflict"),
        "results": results,
    }


def _deadline(value: Any) -> timedelta:
    if type(value) is not int or not 1 <= value <= 60_000:
        raise errors.faulty(errors.fault("/deadline_ms", "A whole number of milliseconds from 1 to 60000."))
    return timedelta(milliseconds=value)
