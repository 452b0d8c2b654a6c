"""All addresses: the programs' door, then the people's."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("api.urls")),
    path("", include("frontend_templates.urls")),
]
