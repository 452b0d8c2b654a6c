"""Members a storm restricted, released or locked together."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.kernel.vocabulary import Role
from detection.models import LockBatch
from detection.response import storms
from detection.response.storms import Asked
from frontend_templates.access import actor_of, admin_action, renewed, role_of, staff_page
from frontend_templates.answers import answer
from frontend_templates.forms import Settlement, complaint

RECENT = 10
REFUSALS = {
    "nothing-there": "Nobody is restricted by this any more.",
    "undecided": "A decision about them waits already.",
    "own-request": "You asked for this yourself: another administrator has to agree.",
    "gone": "This was settled or withdrawn in the meantime.",
}


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """What stands, and what was decided lately."""
    context = {
        "section": "storms",
        "storms": storms.standing(),
        "recent": LockBatch.objects.exclude(closed_at=None).select_related("client").order_by("-closed_at")[:RECENT],
        "admin": role_of(request) == Role.ADMIN,
        "me": request.user.pk,
    }
    return render(request, "operator/storms.html", context)


@admin_action
@renewed
def settle(request: HttpRequest) -> HttpResponse:
    """Release them all, or lock them all."""
    form = Settlement(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=reverse("pages:storms"), level="error", status=400)
    said = form.cleaned_data
    asked = storms.ask(said["client"], said["code"], verb=said["verb"], reason=said["reason"], actor=actor_of(request))
    return _told(request, asked)


@admin_action
@renewed
def approve(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Agree to what another administrator decided."""
    return _told(request, _known(storms.approve(batch_id, actor=actor_of(request))))


@admin_action
def withdraw(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Take a decision back before anybody agreed."""
    return _told(request, _known(storms.withdraw(batch_id, actor=actor_of(request))))


def _known(asked: Asked) -> Asked:
    if asked.refused == "gone" and asked.batch is None:
        raise Http404
    return asked


def _told(request: HttpRequest, asked: Asked) -> HttpResponse:
    to = reverse("pages:storms")
    if asked.refused:
        return answer(request, REFUSALS[asked.refused], to=to, level="warning", status=409)
    batch = asked.batch
    if batch is None:
        return answer(request, "The decision is withdrawn. Nothing was changed.", to=to)
    if batch.approved_at is None:
        return answer(
            request, "More than twenty members in ten minutes: a second administrator has to agree now.", to=to
        )
    done = "released" if batch.verb == LockBatch.RELEASE else "locked"
    if batch.closed_at is None:
        return answer(request, f"{batch.settled} of {batch.count} are {done}; the rest follows by itself.", to=to)
    return answer(request, f"{batch.settled} {'member is' if batch.settled == 1 else 'members are'} {done}.", to=to)
