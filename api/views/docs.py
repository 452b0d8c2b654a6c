"""The schema, and a page to read and try it, offline."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import schema
from api.permissions import EVERYONE
from api.renderers import AlwaysJSON
from api.views.door import Door


class ChosenByQuery(AlwaysJSON):
    """YAML, or JSON with ``?format=json`` or when only JSON is asked for."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        asked = request.query_params.get("format", "")
        accepted = request.headers.get("Accept", "")
        json = asked == "json" or (asked == "" and "json" in accepted and "yaml" not in accepted)
        chosen = renderers[1] if json else renderers[0]
        return chosen, chosen.media_type


class Schema(Door):
    """OpenAPI 3.1."""

    access = {"GET": EVERYONE}
    parameters = ("format",)
    renderer_classes = (OpenApiYamlRenderer, OpenApiJsonRenderer)
    content_negotiation_class = ChosenByQuery
    _made: ClassVar[dict[str, Any] | None] = None

    @extend_schema(exclude=True)
    def get(self, request: Any) -> Response:
        if Schema._made is None:
            Schema._made = schema.document()
        return Response(Schema._made)


@csrf_exempt
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI from our own files."""
    return render(request, "api/docs.html")
