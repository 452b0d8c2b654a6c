"""What stands before the sockets: the origin check, the limit of an address, the two paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from realtime.consumers import AlertsConsumer, MemberConsumer
from realtime.origin import is_ours

PATHS: dict[str, Any] = {
    "/ws/alerts/": AlertsConsumer.as_asgi(),
    "/ws/member/": MemberConsumer.as_asgi(),
}

#: Open sockets by address that are not, or not yet, someone's. A signed-in user's are counted by user.
_strangers: Counter[str] = Counter()

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def websocket_application(scope: Scope, receive: Receive, send: Send) -> None:
    """Every websocket handshake. Refused with 403: a foreign or missing origin, an unknown path, an address that has
    too many sockets open that are not yet someone's."""
    consumer = PATHS.get(scope["path"])
    address = _address(scope)
    most = getattr(settings, "STRANGERS_PER_ADDRESS", 20)
    if consumer is None or not is_ours(scope["headers"]) or _strangers[address] >= most:
        await send({"type": "websocket.close"})
        return
    stranger = _Stranger(address)
    try:
        await consumer({**scope, "admitted": stranger.is_known}, receive, send)
    finally:
        stranger.is_known()


class _Stranger:
    """A socket that counts against its address until its user is known."""

    def __init__(self, address: str) -> None:
        self._address: str | None = address
        _strangers[address] += 1

    def is_known(self) -> None:
        """Count it no longer."""
        if self._address is None:
            return
        _strangers[self._address] -= 1
        if not _strangers[self._address]:
            del _strangers[self._address]
        self._address = None


def _address(scope: Scope) -> str:
    """Where the socket comes from, seen through the proxies that are ours."""
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        passed = [value.decode("latin1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = [hop.strip() for hop in ",".join(passed).split(",") if hop.strip()]
        if len(hops) >= proxies:
            return hops[-proxies]
    return (scope.get("client") or ("", 0))[0]
