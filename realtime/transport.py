"""How much a viewer has not taken yet.

Neither ASGI nor Channels tell a consumer what waits to be sent, and daphne buffers without a bound. The number is
there, though: the ``send`` that daphne hands to an application is bound to the connection's protocol, whose Twisted
transport keeps what the kernel would not take. Under a server of another kind nothing is found and nothing counted;
those hold ``send`` back themselves.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import Any

#: What the kernel may hold of a connection beyond what is on its way: the rest stays with us, where it is counted.
KERNEL_HOLDS = 64 * 1024


def meter(send: Any) -> Callable[[], int]:
    """A function that says how many bytes of this connection wait for their reader, in this process and unsent."""
    transport = _transport(send)
    if transport is None:
        return lambda: 0
    _keep_out_of_the_kernel(transport)

    def unsent() -> int:
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen

    return unsent


def _transport(send: Any) -> Any | None:
    protocol = send.args[0] if isinstance(send, functools.partial) and send.args else None
    transport = getattr(protocol, "transport", None)
    known = all(hasattr(transport, name) for name in ("dataBuffer", "offset", "_tempDataLen"))
    return transport if known else None


def _keep_out_of_the_kernel(transport: Any) -> None:
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    connection = transport.getHandle()
    if option is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, option, KERNEL_HOLDS)
