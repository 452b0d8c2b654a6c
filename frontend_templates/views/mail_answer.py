"""The question of a mail, answered without signing in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from api import throttling
from api.addresses import client_ip
from detection.models import Dispute
from detection.response import disputes, faces, links
from detection.response.letters import languages


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, link: str) -> HttpResponse:
    """GET shows two buttons and does nothing; POST takes the answer, for this alert and once."""
    request.face = faces.of(None)  # type: ignore[attr-defined]
    if throttling.links.take(client_ip(request)).wait:
        return _show(request, None, status=429, fault="Too many tries. Please wait a moment, then try again.")
    if request.method != "POST":
        asked = links.read(link)
        return _show(request, asked, status=200 if asked else 410)
    said = request.POST.get("answer")
    if said not in {"yes", "no"}:
        return _show(request, links.read(link), status=400, fault="Please press one of the two buttons.")
    answered = links.answer(link, was_me=said == "yes", ip=client_ip(request))
    return redirect("pages:mail_answer", link=link) if answered else _show(request, None, status=410)


def _show(request: HttpRequest, asked: links.Question | None, *, status: int, fault: str = "") -> HttpResponse:
    case = None
    if asked and asked.said == Dispute.NOT_ME and asked.dispute:
        case = disputes.case(asked.dispute)
    language = languages.of(asked.member if asked else None)
    title, summary = languages.what(asked.alert, language) if asked else ("", "")
    context = {
        "asked": asked,
        "language": language,
        "say": languages.words(language)["answer"],
        "title": title,
        "summary": summary,
        "when": languages.when(asked.alert.last_seen_at, asked.member) if asked else "",
        "alert": asked.alert if asked else None,
        "case": case,
        "settled": bool(asked and asked.alert.status == "resolved" and not asked.said),
        "fault": fault,
    }
    return render(request, "public/mail_answer.html", context, status=status)
