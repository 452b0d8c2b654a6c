"""REST and pages on a WSGI server, for installations that keep daphne for websockets only."""

from __future__ import annotations

import os
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.prod")
os.environ.setdefault("SECURERETAIL_PART", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from config.collector import spare_what_is_loaded
from detection import catalog

threading.Thread(target=catalog.warm, name="warm", daemon=True).start()

spare_what_is_loaded()
