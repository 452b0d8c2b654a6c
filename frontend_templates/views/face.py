"""The shop's own face: its colours and logo as files, and the page where an administrator sets them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from detection.models import Client, Face
from detection.response import faces
from frontend_templates.access import actor_of, admin_form
from frontend_templates.forms import FaceForm, complaint

KEPT = "public, max-age=300"


@require_safe
def style(request: HttpRequest, client_id: int) -> HttpResponse:
    """The colours, as a style sheet."""
    answer = HttpResponse(faces.style(_face(client_id)), content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = KEPT
    return answer


@require_safe
def logo(request: HttpRequest, client_id: int) -> HttpResponse:
    """The logo, as the kind of picture it is."""
    face = _face(client_id)
    if not face.logo:
        raise Http404
    answer = HttpResponse(bytes(face.logo), content_type=face.logo_type)
    answer["Cache-Control"] = KEPT
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


@admin_form
def page(request: HttpRequest) -> HttpResponse:
    """See and change how the pages look to each client's members."""
    clients = Client.objects.select_related("face").order_by("name")
    form = None
    if request.method == "POST":
        form = FaceForm(request.POST, request.FILES)
        fault = _kept(request, form)
        if not fault:
            return redirect("pages:face")
        messages.error(request, fault)
    return render(request, "operator/face.html", {"section": "face", "clients": clients, "form": form})


def _kept(request: HttpRequest, form: FaceForm) -> str:
    """Keep what was said; what is wrong with it, if anything."""
    if not form.is_valid():
        return complaint(form)
    said = form.cleaned_data
    client = Client.objects.filter(pk=said["client"]).first()
    if client is None:
        return "There is no such client."
    try:
        faces.set_up(
            client,
            actor=actor_of(request),
            name=said["name"],
            colour=said["colour"],
            contact=said["contact"],
            frame_origins=said["frame_origins"].split(),
            logo=said["logo"].read(faces.LARGEST_LOGO + 1) if said["logo"] else None,
            keep_logo=not said["no_logo"],
        )
    except faces.Unfit as unfit:
        return str(unfit)
    messages.success(request, f"{said['name']}: the face is kept. Members see it within five minutes.")
    return ""


def _face(client_id: int) -> Face:
    found = Face.objects.filter(client=client_id).first()
    if found is None:
        raise Http404
    return found
