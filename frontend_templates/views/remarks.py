"""Notes of the staff about a member or a thing, on whatever page shows it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from detection.kernel.vocabulary import Role
from detection.models import Member, Remark
from detection.response import entities, remarks
from frontend_templates.access import actor_of, role_of, staff_action
from frontend_templates.answers import answer
from frontend_templates.forms import Note, complaint


@staff_action
def add(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Note something about it."""
    to = _page_of(kind, name)
    form = Note(request.POST)
    if not form.is_valid():
        return answer(request, complaint(form), to=to, level="error", status=400)
    remarks.add(kind, name, form.cleaned_data["note"], actor=actor_of(request))
    return answer(request, "Noted. The whole staff can read it.", to=to)


@staff_action
def remove(request: HttpRequest, remark_id: int) -> HttpResponse:
    """Take a note away: one's own, or as an administrator anybody's."""
    found = Remark.objects.filter(pk=remark_id).first()
    if found is None:
        raise Http404
    to = _page_of(found.kind, found.name)
    if not remarks.remove(found, actor=actor_of(request), any_author=role_of(request) == Role.ADMIN):
        text = "This note is somebody else’s. They or an administrator can take it away."
        return answer(request, text, to=to, level="warning", status=403)
    return answer(request, "The note is gone.", to=to)


def _page_of(kind: str, name: str) -> str:
    """The page about it. Raises Http404 for a kind or a member there is not."""
    if kind == remarks.MEMBER and Member.objects.filter(member_id=name).exists():
        return reverse("pages:member_file", args=[name])
    if kind not in entities.KINDS or len(name) > 200 or "\x00" in name or entities.canonical(kind, name) != name:
        raise Http404
    return reverse("pages:entity", args=[kind, name])
