"""The web process: pages and REST over HTTP, the live feed over websockets."""

from __future__ import annotations

import os
import sys
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
os.environ.setdefault("SECURERETAIL_PART", "web")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

_http = get_asgi_application()

from config.collector import spare_what_is_loaded
from detection import catalog
from realtime.routing import websocket_application

application = ProtocolTypeRouter({"http": _http, "websocket": websocket_application})

if "daphne.server" in sys.modules:
    from config import front

    front.install()

if os.environ["SECURERETAIL_PART"] == "web":
    # Decisions are judged in this process: its first one should not wait for the model libraries.
    threading.Thread(target=catalog.warm, name="warm", daemon=True).start()

spare_what_is_loaded()
