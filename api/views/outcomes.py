"""What became of it: labels in, and what they say about the rules and the money."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.response import Response

from api import errors, throttling
from api.pagination import moment
from api.parsers import BATCH, JSON, SINGLE, parse, raw, too_large
from api.permissions import READERS, Access
from api.schema import LABEL, LABELS, PROBLEMS, READ_PROBLEMS
from api.serializers import shapes
from api.views.door import Door
from api.views.events import listed
from detection.kernel.records import iso
from detection.kernel.vocabulary import KeyScope
from detection.response import labels, money, precision
from detection.response.labels import Noted

MOST_LABELS = 500
USUAL_PERIOD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=366)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
PERIOD = [
    OpenApiParameter(
        "from", str, description="ISO 8601 with a zone, or a day (UTC); default: 30 days back", required=False
    ),
    OpenApiParameter("to", str, description="as from; a day is meant whole; default: now", required=False),
]


class Labels(Door):
    """Takes what turned out: fraud, legitimate, chargeback, early_warning. A label may come before its event."""

    access = {"POST": Access(scope=KeyScope.LABELS_WRITE)}

    @extend_schema(
        operation_id="send_labels",
        summary="Say what turned out to be fraud, or not",
        request={JSON: {"oneOf": [LABEL, LABELS]}},
        responses={
            202: PolymorphicProxySerializer(
                "LabelsAnswer", [shapes.LabelledShape, shapes.LabelBatchShape], resource_type_field_name=None
            ),
            **PROBLEMS,
        },
    )
    def post(self, request: Any) -> Response:
        http = request._request
        body = raw(http, most=BATCH)
        value = parse(http, body)
        if isinstance(value, dict) and "labels" in value:
            return self._many(listed(value, "labels"))
        if len(body) > SINGLE:
            raise too_large(SINGLE)
        return self._one(value)

    def _one(self, value: Any) -> Response:
        line = labels.add_many([value], client=self.credentials.client, actor=self.actor)[0]
        if line.label is None:
            raise errors.faulty(*line.errors)
        receipt = {
            line.label.get_kind_display(): line.label.value,
            "label": line.label.label,
            "duplicate": line.status == "duplicate",
            "matched": line.matched,
            "received_at": iso(line.label.received_at),
        }
        return Response(receipt, status=202)

    def _many(self, values: list[Any]) -> Response:
        if not 1 <= len(values) <= MOST_LABELS:
            raise errors.faulty(errors.fault("/labels", f"Send 1 to {MOST_LABELS} labels at once.", "length"))
        throttling.keys.take(self.credentials.key.pk, len(values) - 1)
        return Response(_summary(labels.add_many(values, client=self.credentials.client, actor=self.actor)), status=202)


class RulePrecision(Door):
    """How often each rule was right, by labels, staff and members."""

    access = {"GET": Access(roles=READERS)}
    parameters = ("from", "to")

    @extend_schema(
        operation_id="rule_precision",
        summary="Precision of the rules, with its interval",
        parameters=PERIOD,
        responses={200: shapes.PrecisionsShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        start, end = period(request.query_params)
        return Response({"from": iso(start), "to": iso(end), "results": precision.per_rule(start, end)})


class Money(Door):
    """Money stopped and lost, good orders hindered, per day and per rule."""

    access = {"GET": Access(roles=READERS)}
    parameters = ("from", "to")

    @extend_schema(
        operation_id="money",
        summary="What it was worth",
        parameters=PERIOD,
        responses={200: shapes.MoneyShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        start, end = period(request.query_params)
        return Response({"from": iso(start), "to": iso(end), **money.report(start, end)})


def period(
    params: Mapping[str, str], *, usual: timedelta = USUAL_PERIOD, longest: timedelta = LONGEST_PERIOD
) -> tuple[datetime, datetime]:
    """The time between ``from`` and ``to``, the last thirty days by default. Raises Problem 400."""
    now = timezone.now()
    found, faults = {}, []
    for name, whole_day in (("from", timedelta(0)), ("to", timedelta(days=1))):
        if name not in params:
            continue
        text = params[name].replace(" ", "+")  # a plus that was not encoded arrives as a space
        try:
            day = bool(_DAY.fullmatch(text))
            read = datetime.fromisoformat(text).replace(tzinfo=UTC) if day else moment(text)
            if not 1970 <= read.year <= 9000:
                raise ValueError
            found[name] = read + whole_day if day else read
        except ValueError:
            faults.append(errors.fault(f"/{name}", "ISO 8601 with a zone, or a day like 2026-11-01."))
    end = found.get("to", now)
    start = found.get("from", end - usual)
    if not faults and not timedelta(0) < end - start <= longest:
        faults.append(errors.fault("/from", f"Before to, and at most {longest.days} days."))
    if faults:
        raise errors.faulty(*faults)
    return start, end


def _summary(lines: Sequence[Noted]) -> dict[str, Any]:
    results = []
    for line in lines:
        result: dict[str, Any] = {"index": line.index, "status": line.status, "matched": line.matched}
        results.append({**result, "errors": list(line.errors)} if line.errors else result)
    statuses = [line.status for line in lines]
    return {
        "accepted": statuses.count("accepted"),
        "duplicates": statuses.count("duplicate"),
        "rejected": statuses.count("rejected"),
        "results": results,
    }
