"""Answers as JSON, written by msgspec: times, decimals and ids need no help and no time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer

_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string")


class JSONRenderer(BaseRenderer):
    """UTF-8 JSON, the only thing these doors speak."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else _encoder.encode(data)


class AlwaysJSON(BaseContentNegotiation):
    """No ``Accept`` header can make a door fail."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type
