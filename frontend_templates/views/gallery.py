"""The parts pages are made of, on one page: what a change of style is looked at on."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from detection.enrich import geoip
from frontend_templates import charts
from frontend_templates.access import staff_page

CONNECTIONS = (
    ("live", "Live"),
    ("waiting", "Reconnecting in 4 s"),
    ("offline", "Offline"),
    ("paused", "Paused"),
)


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Every part once, with made-up content."""
    signs = re.findall(r'id="i-([a-z-]+)"', render_to_string("partials/sprite.html"))
    context = {
        "section": "gallery",
        "chart": charts.bars([3, 0, 5, 8, 2, 1, 13], list("MTWTFSS"), what="Events a day"),
        "world": charts.world({"GB": 9, "DE": 5, "BR": 2, "SG": 3}, geoip.countries()),
        "connections": CONNECTIONS,
        "signs": signs,
    }
    return render(request, "operator/gallery.html", context)
