"""Addresses of the live door."""

from __future__ import annotations

from channels.routing import URLRouter

websocket_application = URLRouter([])
