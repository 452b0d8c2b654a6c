"""The models' page: who is on duty, who waits in shadow, and how both did on the same days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.announcements import TrainingAsked, announce
from detection.anomaly import drift, shelf
from detection.anomaly.seal import Unusable
from detection.anomaly.trainer import NEED_ROWS, NEED_SUBJECTS
from detection.anomaly.vector import KINDS
from detection.anomaly.verdicts import SUFFIX
from detection.kernel.vocabulary import ModelState, Role
from detection.models import ModelVersion
from detection.response import learning
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer

WIDTH, HEIGHT = 240, 64
MOST_FEATURES = 8
OLDER = 6
NO_KIND = "There is no such model."


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Every kind with its versions, cards and plots."""
    context = {
        "section": "models",
        "kinds": [_kind(kind.name) for kind in KINDS]
        + [told for kind in KINDS if (told := _kind(kind.name + SUFFIX))["heard"]],
        "need": {"rows": NEED_ROWS, "members": NEED_SUBJECTS},
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/models.html", context)


@admin_action
def train(request: HttpRequest) -> HttpResponse:
    """Ask for every model to be taught anew; a worker does it."""
    announce(TrainingAsked())
    return _said(request, "The models are being taught anew. What comes of it shows here within a few minutes.")


@admin_action
def promote(request: HttpRequest) -> HttpResponse:
    """Put the version in shadow on duty, if it is no worse."""
    try:
        row = learning.promote(request.POST.get("kind", ""), actor=actor_of(request))
    except (shelf.NoSuchModel, Unusable) as fault:
        return _said(request, f"Nothing was changed: {fault}.", level="warning", status=409)
    if isinstance(row, learning.Refused):
        return _said(request, f"It stays in shadow: {row.text}.", level="warning", status=409)
    return _said(request, f"Version {row.version} of {row.kind} is on duty.")


@admin_action
def rollback(request: HttpRequest) -> HttpResponse:
    """Back to the version that was on duty before."""
    try:
        row = shelf.rollback(request.POST.get("kind", ""), actor=actor_of(request))
    except (shelf.NoSuchModel, Unusable) as fault:
        return _said(request, f"Nothing was changed: {fault}.", level="warning", status=409)
    return _said(request, f"Version {row.version} of {row.kind} is on duty again.")


def _said(request: HttpRequest, text: str, *, level: str = "success", status: int = 200) -> HttpResponse:
    return answer(request, text, to=reverse("pages:models"), level=level, status=status)


def _kind(name: str) -> dict[str, Any]:
    rows = list(ModelVersion.objects.filter(kind=name).order_by("-version")[: OLDER + 2])
    heard = [row for row in rows if row.state in {ModelState.ACTIVE, ModelState.SHADOW}]
    heard.sort(key=lambda row: row.state)
    return {
        "name": name,
        "heard": [_version(row) for row in heard],
        "older": [row for row in rows if row not in heard],
        "shadow": any(row.state == ModelState.SHADOW for row in heard),
        "before": any(row.activated_at and row.state == ModelState.RETIRED for row in rows),
    }


def _version(row: ModelVersion) -> dict[str, Any]:
    watch, card = row.watch, row.card
    days = watch.get("days", [])
    scores = watch.get("scores", {}).get("shares", [])
    moved = sorted(watch.get("psi", {}).items(), key=lambda one: -one[1])[:MOST_FEATURES]
    return {
        "row": row,
        "card": card,
        "watch": watch,
        "size": f"{card.get('size', 0) / 1024:,.0f} KB",
        "out": list(watch.get("words", {}).values()),
        "days": _bars([day["strange"] for day in days], [day["day"] for day in days]),
        "first_day": days[0]["day"] if days else "",
        "last_day": days[-1]["day"] if days else "",
        "scores": _bars(scores, [f"{number * 10}–{number * 10 + 10} %" for number in range(len(scores))]),
        "psi": [
            {"name": name.replace("_", " "), "value": value, "share": min(value / drift.MOVED, 1) * 100,
             "moved": value >= drift.MOVED}
            for name, value in moved
        ],
        "libraries": card.get("libraries", {}),
        "left_out": card.get("left_out", {}),
    }  # fmt: skip


def _bars(values: Sequence[float], labels: Sequence[str]) -> dict[str, Any]:
    """Numbers as bars in a box of ``WIDTH`` by ``HEIGHT``."""
    most = max(values, default=0) or 1
    step = WIDTH / max(len(values), 1)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "most": max(values, default=0),
        "bars": [
            {
                "x": round(at * step + 1, 2),
                "width": round(max(step - 2, 0.5), 2),
                "height": round(value / most * HEIGHT, 2),
                "y": round(HEIGHT - value / most * HEIGHT, 2),
                "label": label,
                "value": value,
            }
            for at, (value, label) in enumerate(zip(values, labels, strict=True))
        ],
    }
