"""The fixed cast of the tests: mia and sam are members, olga and ada are staff, shop is a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from detection import pipeline
from detection.intake import Item, accept
from detection.kernel.ids import uuid7
from detection.kernel.vocabulary import Trust
from detection.models import Client, Event

LONDON = "81.2.69.142"
BERLIN = "2.160.0.1"


def shop() -> Client:
    return Client.objects.get_or_create(name="shop")[0]


def happened(kind: str, member: str | None = "mia", **fields: Any) -> dict[str, Any]:
    """An event as the shop's app would send it."""
    payload: dict[str, Any] = {"event_id": str(uuid7()), "type": kind, **fields}
    if member is not None:
        payload["member_id"] = member
    if isinstance(payload.get("occurred_at"), datetime):
        payload["occurred_at"] = payload["occurred_at"].isoformat()
    return payload


def report(*payloads: Any, trust: Trust = Trust.NORMAL, client: Client | None = None, **options: Any) -> list[Item]:
    return accept(list(payloads), client=client or shop(), trust=trust, **options)


def judge_all() -> int:
    return pipeline.drain(seconds=20)


def settled_life(member: str = "mia", device: str = "mia-phone", days: int = 20) -> None:
    """A member's ordinary past: one device, one country, small purchases, told as history and taught."""
    now = datetime.now(UTC)
    past: list[dict[str, Any]] = []
    for day in range(days, 0, -1):
        moment = now - timedelta(days=day)
        common = {"device_id": device, "ip": LONDON, "session_id": f"{member}-{day}"}
        past.append(happened("login.succeeded", member, occurred_at=moment, **common))
        past.append(
            happened(
                "transaction.succeeded",
                member,
                occurred_at=moment + timedelta(minutes=9),
                amount=str(20 + day),
                currency="EUR",
                **common,
            )
        )
    items = report(*past, historic=True)
    assert {item.status for item in items} == {"accepted"}
    judge_all()


def large_payment(member: str = "mia", **fields: Any) -> dict[str, Any]:
    """The story everybody knows: a large payment from a device nobody has seen."""
    return happened(
        "transaction.attempted",
        member,
        **{
            "amount": "1900.00",
            "currency": "EUR",
            "device_id": "unheard-of",
            "ip": BERLIN,
            "session_id": "s-new",
            **fields,
        },
    )


def stored(item: Item) -> Event:
    return Event.objects.get(pk=item.event)
