"""Finding ports nobody uses."""

from __future__ import annotations

import socket

TRIES = 100


class PortTakenError(Exception):
    """The port asked for is in use; the text says what to do."""


def free(host: str = "127.0.0.1") -> int:
    """A port that is free now, chosen by the system."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(name: str, wanted: int, host: str, *, explicit: bool, without: frozenset[int] = frozenset()) -> int:
    """The wanted port, or the next free one above it. A port asked for by name is never exchanged for another.

    Raises PortTakenError when that one is in use.
    """
    if is_free(wanted, host) and wanted not in without:
        return wanted
    if explicit:
        raise PortTakenError(f"{name}={wanted} is in use on {host}. Stop what listens there, or choose another {name}.")
    for port in range(wanted + 1, min(wanted + TRIES, 65536)):
        if port not in without and is_free(port, host):
            return port
    raise PortTakenError(f"No free port from {wanted} to {wanted + TRIES} on {host}. Set {name} to one that is free.")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
