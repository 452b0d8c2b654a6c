"""The web process: pages and REST over HTTP, the live feed over websockets."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
os.environ.setdefault("SECURERETAIL_PART", "web")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

_http = get_asgi_application()

from config.body_limit import BodyLimit
from realtime.routing import websocket_application

application = ProtocolTypeRouter({"http": BodyLimit(_http), "websocket": websocket_application})

# What is loaded now lives as long as the process: keeping it out of every later collection halves the slowest answers.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
