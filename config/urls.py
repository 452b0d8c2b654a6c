"""All addresses: the programs' door, then the people's."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("api.urls")),
    path("", include("frontend_templates.urls")),
]

# Programs get problems, people get pages, whatever fails before a view.
handler400 = "api.errors.bad_request"
handler403 = "api.errors.forbidden"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
