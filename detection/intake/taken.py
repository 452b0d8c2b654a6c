"""An event on its way into the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class Taken:
    """What will be an Event's row; ``member_id`` is the member's key, as there."""

    pk: UUID
    client_id: int
    event_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    member_id: int | None
    subject: str
    trust: int
    body: dict[str, Any]
