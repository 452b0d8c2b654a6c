"""The allow, block and watch lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from api import errors
from api.pagination import Order, paginate, whole
from api.parsers import BATCH, JSON, Unread, parse, raw
from api.permissions import ADMINS, READERS, Access
from api.schema import LIST_ENTRIES, LIST_ENTRY, PROBLEMS, READ_PROBLEMS
from api.serializers import shapes
from api.views.alerts import PAGED
from api.views.door import Door
from detection.kernel.lists import Unfit, canonical
from detection.kernel.vocabulary import ListEffect, ListKind
from detection.models import ListEntry
from detection.response import lists, sheets
from detection.work import unit_of_work

CSV = "text/csv"
FILTERS = ("effect", "kind", "value", "owner", "expired")
SCREENED = [
    OpenApiParameter("effect", str, enum=[effect.value for effect in ListEffect], required=False),
    OpenApiParameter("kind", str, enum=[kind.value for kind in ListKind], required=False),
    OpenApiParameter("value", str, description="exactly, in any spelling its kind has", required=False),
    OpenApiParameter("owner", str, required=False),
    OpenApiParameter("expired", bool, description="only what is over, or only what is not", required=False),
]


class Lists(Door):
    """What stands on the lists, newest first. An entry holds within two seconds of being made."""

    access = {"GET": Access(roles=READERS), "POST": Access(roles=ADMINS)}
    parameters = (*FILTERS, "cursor", "limit")

    @extend_schema(
        operation_id="list_list_entries",
        summary="Allow, block and watch lists",
        parameters=[*SCREENED, *PAGED],
        responses={200: shapes.ListEntryPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        page = paginate(request, chosen(request.query_params), Order("pk", whole, parse_key=whole))
        return Response(page.wire(lists.wire))

    @extend_schema(
        operation_id="create_list_entry",
        summary="Put something on a list",
        request={JSON: LIST_ENTRY},
        responses={201: shapes.ListEntryShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        line = lists.add(self.body(), actor=self.actor)
        if line.entry is None:
            raise errors.faulty(*line.errors)
        if line.status == "duplicate":
            raise errors.Problem(409, "This stands on the list already.", code="exists", id=line.entry.pk)
        return Response(lists.wire(line.entry), status=201)


class ListLine(Door):
    """One entry. Taken off, it is over within two seconds."""

    access = {"GET": Access(roles=READERS), "DELETE": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="read_list_entry", summary="An entry", responses={200: shapes.ListEntryShape, **READ_PROBLEMS}
    )
    def get(self, request: Any, entry_id: str) -> Response:
        entry = ListEntry.objects.filter(pk=_number(entry_id)).first()
        if entry is None:
            raise errors.missing()
        return Response(lists.wire(entry))

    @extend_schema(
        operation_id="delete_list_entry", summary="Take something off a list", responses={204: None, **PROBLEMS}
    )
    def delete(self, request: Any, entry_id: str) -> Response:
        if not lists.remove(_number(entry_id), actor=self.actor):
            raise errors.missing()
        return Response(status=204)


class ListRestore(Door):
    """Puts an entry that was taken off back as it was: its owner, reason and expiry are kept."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="restore_list_entry",
        summary="Put an entry back that was taken off",
        request=None,
        responses={200: shapes.ListEntryShape, **PROBLEMS},
    )
    def post(self, request: Any, entry_id: str) -> Response:
        line = lists.restore(_number(entry_id), actor=self.actor)
        if line is None:
            raise errors.missing()
        if line.entry is None:
            raise errors.Problem(409, "It has expired meanwhile.", code="expired")
        if line.status == "duplicate":
            raise errors.Problem(409, "This stands on the list already.", code="exists", id=line.entry.pk)
        return Response(lists.wire(line.entry))


class ListImport(Door):
    """Puts up to 10,000 things on lists, each on its own. ``owner``, ``id`` and ``created_at`` of an export are passed
    over: who imports owns what they import."""

    parser_classes = (Unread,)

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="import_list_entries",
        summary="Put many on lists, as JSON or CSV",
        request={JSON: LIST_ENTRIES, CSV: {"type": "string", "description": f"Columns: {', '.join(lists.COLUMNS)}"}},
        responses={200: shapes.ListImportShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        http = request._request
        body = raw(http, most=BATCH, media_types=(JSON, CSV))
        given = _sheet(body) if http.content_type == CSV else parse(http, body)
        if isinstance(given, dict) and list(given) == ["entries"]:
            given = given["entries"]
        if not isinstance(given, list):
            raise errors.faulty(errors.fault("", "Send a list of entries.", "not_a_list"))
        if not 1 <= len(given) <= lists.MOST_AT_ONCE:
            raise errors.faulty(errors.fault("", f"Send 1 to {lists.MOST_AT_ONCE} entries at once.", "length"))
        lines = lists.add_many(given, actor=self.actor)
        statuses = [line.status for line in lines]
        return Response(
            {
                "created": statuses.count("created"),
                "duplicates": statuses.count("duplicate"),
                "rejected": statuses.count("rejected"),
                "results": [line.wire() for line in lines],
            }
        )


class ListExport(Door):
    """The entries as a file that can be imported again. Exporting is written into the audit trail."""

    access = {"GET": Access(roles=READERS)}
    parameters = (*FILTERS, "format")

    @extend_schema(
        operation_id="export_list_entries",
        summary="The lists as CSV or JSON",
        parameters=[*SCREENED, OpenApiParameter("format", str, enum=["csv", "json"], default="csv", required=False)],
        responses={
            (200, CSV): OpenApiResponse({"type": "string"}, "every cell quoted, none that a spreadsheet would reckon"),
            (200, JSON): shapes.ListEntryShape(many=True),
            **READ_PROBLEMS,
        },
    )
    def get(self, request: Any) -> Any:
        kind = request.query_params.get("format", "csv")
        if kind not in ("csv", "json"):
            raise errors.faulty(errors.fault("/format", "csv or json."))
        entries = list(chosen(request.query_params).order_by("pk"))
        with unit_of_work(self.actor) as work:
            work.audit("lists.exported", target="lists", entries=len(entries), format=kind)
        if kind == "json":
            return Response([lists.wire(entry) for entry in entries])
        sheet = HttpResponse(lists.as_sheet(entries), content_type="text/csv; charset=utf-8")
        sheet["Content-Disposition"] = 'attachment; filename="lists.csv"'
        return sheet


def chosen(params: Mapping[str, str]) -> QuerySet[ListEntry]:
    """The entries that pass every filter given. Raises Problem 400 naming each one that cannot be."""
    rows, faults = ListEntry.objects.all(), []
    for name, words in (("effect", ListEffect), ("kind", ListKind)):
        if name in params and params[name] not in [word.value for word in words]:
            faults.append(errors.fault(f"/{name}", f"One of {', '.join(word.value for word in words)}."))
        elif name in params:
            rows = rows.filter(**{name: params[name]})
    if params.get("expired", "true") not in ("true", "false"):
        faults.append(errors.fault("/expired", "true or false."))
    if faults:
        raise errors.faulty(*faults)
    if "expired" in params:
        over = {"expires_at__lte": timezone.now()}
        rows = rows.filter(**over) if params["expired"] == "true" else rows.exclude(**over)
    if "owner" in params:
        rows = rows.filter(owner=params["owner"])
    return rows.filter(value__in=_spellings(params["value"])) if "value" in params else rows


def _spellings(value: str) -> set[str]:
    found = {value}
    for kind in ListKind:
        try:
            found.add(canonical(kind, value))
        except Unfit:
            continue
    return found


def _sheet(body: bytes) -> list[dict[str, str]]:
    try:
        return lists.from_sheet(body.decode())
    except UnicodeDecodeError:
        raise errors.faulty(errors.fault("", "The text is not UTF-8.", "malformed")) from None
    except sheets.BadSheet as bad:
        raise errors.faulty(errors.fault("", str(bad), "malformed")) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise errors.missing()
    return int(text)
