"""Presets of the rules: what each would change, taken and put back as one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.kernel.vocabulary import Role
from detection.models import RuleChange, RuleSetting
from detection.response import presets, rules
from detection.response.presets import Preset
from frontend_templates import ruling
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """The presets with what taking each would change now, and the one that was taken last."""
    context = {
        "section": "rules",
        "presets": [_shown(preset) for preset in presets.every()],
        "last": _last(),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/presets.html", context)


@admin_action
def apply(request: HttpRequest, preset: str) -> HttpResponse:
    """Set every rule as the preset has it."""
    found = presets.find(preset)
    to = reverse("pages:presets")
    if found is None:
        return answer(request, "There is no such preset.", to=to, level="warning", status=404)
    applied = presets.apply(found, actor=actor_of(request))
    if applied.batch is None:
        return answer(request, f"{found.title}: every rule stands so already. Nothing was changed.", to=to)
    undo = reverse("pages:undo_preset", args=[applied.batch])
    count = len(applied.differences)
    text = f"{found.title}: {count} rule{'s' if count != 1 else ''} set, as one change."
    return answer(request, text, to=to, undo=undo)


@admin_action
def undo(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Put back what a preset changed."""
    to = reverse("pages:presets")
    ruled = presets.undo(batch, actor=actor_of(request))
    changed = [one.rule_id for one in ruled if one.conflict]
    if not ruled:
        return answer(request, "There is no such change.", to=to, level="warning", status=404)
    if changed:
        text = f"Changed since, so nothing was put back: {', '.join(changed)}."
        return answer(request, text, to=to, level="warning", status=409)
    return answer(request, "Every rule stands as it did before the preset.", to=to)


def _shown(preset: Preset) -> dict[str, Any]:
    changes = [
        {"rule": one.rule, "words": ruling.differences(one.rule, one.before, one.after), "why": one.why}
        for one in presets.differences(preset)
    ]
    return {"preset": preset, "named": len(preset.rules), "changes": changes}


def _last() -> dict[str, Any] | None:
    """The preset that was taken last, unless it was put back or a rule of it was changed since."""
    newest = presets.newest()
    if newest is None or newest.batch is None:
        return None
    made = dict(RuleChange.objects.filter(batch=newest.batch).values_list("rule_id", "version"))
    settings: dict[str, RuleSetting] = rules.settings()
    if any(settings[rule_id].version != version for rule_id, version in made.items()):
        return None
    return {"change": newest, "title": newest.note.partition(" preset.")[0], "count": len(made)}
