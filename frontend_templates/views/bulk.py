"""The same step on many alerts at once: what is dangerous asks for a reason, what is many is typed to confirm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from api.serializers.forms import MOST_AT_ONCE
from detection.kernel.vocabulary import Disposition
from detection.models import Alert
from detection.response import alerts
from detection.response.alerts import Acted
from frontend_templates import narrowing
from frontend_templates.access import actor_of, admin_action
from frontend_templates.answers import answer, by_script, safe_next

TYPED_ABOVE = 50
UNDO_KEY = "bulk_undo"


@dataclass(frozen=True, slots=True)
class Step:
    """A step as people call it: what was done, and what it needs to be told."""

    verb: Callable[..., Acted]
    button: str
    done: str
    asks_why: bool = False
    needs: tuple[str, ...] = ()


STEPS = {
    "acknowledge": Step(alerts.acknowledge, "Acknowledge", "acknowledged"),
    "assign": Step(alerts.assign, "Assign to me", "assigned to you"),
    "snooze": Step(alerts.snooze, "Put aside", "put aside for a day"),
    "resolve": Step(alerts.resolve, "Resolve…", "resolved", asks_why=True, needs=("disposition",)),
    "escalate": Step(alerts.escalate, "Escalate…", "escalated", asks_why=True),
    "reopen": Step(alerts.reopen, "Open again…", "opened again", asks_why=True),
}


@admin_action
def act(request: HttpRequest) -> HttpResponse:
    """Do one step to the chosen alerts, or to all that match; asks first where that is wise."""
    step = STEPS.get(request.POST.get("step", ""))
    to = safe_next(request, reverse("pages:feed"))
    ids, more = _chosen_ids(request)
    if step is None or not ids:
        return answer(request, "Please choose some alerts first.", to=to, level="error", status=400)
    missing = _missing(request, step, len(ids))
    if missing:
        return _ask(request, step, ids, missing, to, more=more)
    results = alerts.bulk(ids, verb=step.verb, actor=actor_of(request), **_arguments(request, step))
    done = [result["action_id"] for result in results if result["status"] == "done" and result["action_id"]]
    others = len(results) - len(done)
    request.session[UNDO_KEY] = done
    text = f"{len(done)} alert{'' if len(done) == 1 else 's'} {step.done}."
    if others:
        text += f" {others} had been dealt with by somebody else and {'was' if others == 1 else 'were'} left alone."
    if more:
        text += f" More match than {MOST_AT_ONCE}: do it again for the rest."
    undo = reverse("pages:undo_bulk") if done else None
    return answer(request, text, to=to, undo=undo, level="success" if done else "warning")


@admin_action
def undo(request: HttpRequest) -> HttpResponse:
    """Take the last step on many back, as far as nobody built upon it."""
    actor = actor_of(request)
    taken = [alerts.undo(action, actor=actor) for action in request.session.pop(UNDO_KEY, [])]
    back = sum(1 for acted in taken if not acted.conflict and not acted.missing)
    to = safe_next(request, reverse("pages:feed"))
    if not back:
        text = "It is too late to take this back, or somebody has changed the alerts since."
        return answer(request, text, to=to, level="warning", status=409)
    left = len(taken) - back
    text = f"Taken back: {back} alert{'' if back == 1 else 's'} as before."
    return answer(request, text + (f" {left} had changed since and stay." if left else ""), to=to)


def _chosen_ids(request: HttpRequest) -> tuple[list[UUID], bool]:
    """The alerts that are ticked, or the newest of all that match, 500 at most; and whether more match than that."""
    if request.POST.get("all"):
        wanted = narrowing.of_query(request.POST.get("query", "").lstrip("?"))
        found = narrowing.apply(Alert.objects.order_by("-created_at", "-id"), wanted)
        matching = list(found.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        return matching[:MOST_AT_ONCE], len(matching) > MOST_AT_ONCE
    ids = []
    for text in dict.fromkeys(request.POST.getlist("id")[:MOST_AT_ONCE]):
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids, bool(request.POST.get("more"))


def _missing(request: HttpRequest, step: Step, number: int) -> list[str]:
    missing = []
    if "disposition" in step.needs and request.POST.get("disposition") not in {item.value for item in Disposition}:
        missing.append("disposition")
    if step.asks_why and not request.POST.get("note", "").strip():
        missing.append("note")
    if number > TYPED_ABOVE and request.POST.get("confirm", "").strip() != str(number):
        missing.append("confirm")
    return missing


def _ask(request: HttpRequest, step: Step, ids: list[UUID], missing: list[str], to: str, *, more: bool) -> HttpResponse:
    if by_script(request):
        return answer(request, "This needs a word first.", to=to, level="warning", status=422, ask=True)
    context = {
        "section": "alerts",
        "number": len(ids),
        "more": more,
        "step": request.POST["step"],
        "done": step.done,
        "ids": ids,
        "missing": missing,
        "asks_why": step.asks_why,
        "asks_what": "disposition" in step.needs,
        "typed": len(ids) > TYPED_ABOVE,
        "given": request.POST,
        "again": "confirm" in request.POST or "note" in request.POST,
        "next": to,
    }
    return render(request, "operator/bulk.html", context)


def _arguments(request: HttpRequest, step: Step) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if step.asks_why:
        given["note"] = request.POST["note"].strip()[:1000]
    if "disposition" in step.needs:
        given["disposition"] = request.POST["disposition"]
    if step.verb is alerts.assign:
        given["assignee"] = request.user
    if step.verb is alerts.snooze:
        given["until"] = timezone.now() + timedelta(days=1)
    return given
