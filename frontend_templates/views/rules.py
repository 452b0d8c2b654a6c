"""The rules' page: what each one means and how it is set; admins set it otherwise and put it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from detection.kernel.detector import Assurance, Rule, registered
from detection.kernel.features import Wish
from detection.kernel.tuning import fitting, short
from detection.kernel.vocabulary import Role, RuleState, Severity
from detection.models import RuleChange, RuleSetting
from detection.response import rules
from frontend_templates import wording
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer

GONE = "There is no such rule any more."


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Every rule, what it watches, how it is set and who set it so."""
    return _page(request)


@admin_action
def change(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Set a rule otherwise. What cannot be taken comes back as it was typed, with the reason beside it."""
    cls = rules.find(rule_id)
    if cls is None:
        return answer(request, GONE, to=reverse("pages:rules"), level="warning", status=404)
    typed = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    ruled = rules.change(
        rule_id,
        actor=actor_of(request),
        state=typed.get("state") or None,
        parameters=_parameters(cls, typed),
        severity=typed.get("severity") or None,
        note=typed.get("note", ""),
        if_version=_version(typed.get("if_version")),
    )
    if ruled.errors:
        faults = {error["pointer"].removeprefix("/").replace("/", ":"): error["detail"] for error in ruled.errors}
        return _page(request, refused=(rule_id, typed, faults), status=400)
    done = f"Saved as version {ruled.version}." if ruled.changed else "It was set so already. Nothing was changed."
    return _said(request, ruled, f"{cls.title}: {done}")


@admin_action
def rollback(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Put a rule back to how it stood at a version."""
    cls = rules.find(rule_id)
    wanted = _version(request.POST.get("version"))
    ruled = rules.rollback(
        rule_id, wanted, actor=actor_of(request), if_version=_version(request.POST.get("if_version"))
    )
    if cls is None or ruled.errors:
        text = "That version is not here any more. Nothing was changed." if cls else GONE
        return answer(request, text, to=reverse("pages:rules"), level="warning", status=404)
    back = "as it comes" if wanted == 0 else f"as in version {wanted}"
    return _said(request, ruled, f"{cls.title} is set {back} again.")


def _said(request: HttpRequest, ruled: rules.Ruled, done: str) -> HttpResponse:
    to = f"{reverse('pages:rules')}#{ruled.rule_id}"
    if ruled.conflict:
        text = f"{ruled.conflict['by']} was quicker and changed this rule. Nothing was changed by you: look first."
        return answer(request, text, to=to, level="warning", status=409)
    return answer(request, done, to=to)


def _page(
    request: HttpRequest, *, refused: tuple[str, Mapping[str, str], Mapping[str, str]] | None = None, status: int = 200
) -> HttpResponse:
    settings = rules.settings()
    changes: dict[str, list[RuleChange]] = {}
    for made in RuleChange.objects.order_by("-version"):
        changes.setdefault(made.rule_id, []).append(made)
    shown = []
    for cls in registered():
        typed, faults = refused[1:] if refused and refused[0] == cls.id else ({}, {})
        setting = settings.get(cls.id)
        shown.append(
            _shown(cls, setting)
            | {"form": _form(cls, setting, typed, faults), "changes": _versions(cls, setting, changes.get(cls.id, []))}
        )
    context = {"section": "rules", "rules": shown, "can_write": role_of(request) == Role.ADMIN}
    return render(request, "operator/rules.html", context, status=status)


def _shown(cls: type[Rule], setting: RuleSetting | None) -> dict[str, Any]:
    values = _values(cls, setting)
    return {
        "id": cls.id,
        "title": cls.title,
        "meaning": (cls.__doc__ or "").strip().split("\n")[0],
        "severity": (setting.severity if setting else "") or cls.severity.value,
        "state": setting.state if setting else RuleState.LIVE.value,
        "version": setting.version if setting else 0,
        "suggests": cls.suggests.value,
        "lowers": values.get("lowers", 0),
        "listens_to": sorted(str(kind) for kind in cls.listens_to),
        "parameters": [(_spaced(name), wording.value(value)) for name, value in values.items()],
        "watches": [(_spaced(name), _wish(wish)) for name, wish in cls().tuned(**values).needs().items()],
    }


def _values(cls: type[Rule], setting: RuleSetting | RuleChange | None) -> dict[str, Any]:
    """Every parameter as it is set, in the rule's own types."""
    return cls().parameters() | fitting(cls(), setting.parameters if setting else {})[0]


def _form(
    cls: type[Rule], setting: RuleSetting | None, typed: Mapping[str, str], faults: Mapping[str, str]
) -> dict[str, Any]:
    own = cls().parameters()
    fields = [
        {
            "name": f"parameters:{name}",
            "label": _spaced(name),
            "value": typed.get(f"parameters:{name}", short(value)),
            "own": short(own[name]),
            "fault": faults.get(f"parameters:{name}"),
            "whole": isinstance(own[name], int),
        }
        for name, value in _values(cls, setting).items()
    ]
    known = {field["name"] for field in fields}
    return {
        "fields": fields,
        "state": typed.get("state", setting.state if setting else RuleState.LIVE.value),
        "states": [item.value for item in RuleState],
        "severity": typed.get("severity", (setting.severity if setting else "") or rules.OWN),
        "severities": [] if issubclass(cls, Assurance) else [item.value for item in Severity],
        "own_severity": cls.severity.value,
        "version": typed.get("if_version", setting.version if setting else 0),
        "note": typed.get("note", ""),
        "faults": [text for name, text in faults.items() if name not in known],
        "open": bool(faults),
    }


def _versions(cls: type[Rule], setting: RuleSetting | None, made: list[RuleChange]) -> list[dict[str, Any]]:
    """The versions of a rule, newest first, each with what it changed, in words."""
    current = setting.version if setting else 0
    told = []
    for change, before in zip(made, [*made[1:], None], strict=False):
        words = []
        if change.state != (before.state if before else RuleState.LIVE):
            words.append(f"state {change.state}")
        if change.severity != (before.severity if before else ""):
            words.append(f"severity {change.severity or 'its own'}")
        was, now = _values(cls, before), _values(cls, change)
        words += [f"{_spaced(name)} {wording.value(value)}" for name, value in now.items() if value != was[name]]
        told.append({"made": change, "words": words, "current": change.version == current})
    return told


def _parameters(cls: type[Rule], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as the verb takes it; an empty field means the rule's own value."""
    own = cls().parameters()
    given: dict[str, Any] = {}
    for key, text in typed.items():
        name = key.removeprefix("parameters:")
        if name == key:
            continue
        given[name] = None if not text.strip() and name in own else _number(text.strip(), own.get(name))
    return given


def _number(text: str, own: Any) -> Any:
    if isinstance(own, timedelta) and not text.isdigit():
        return text
    try:
        return Decimal(text) if len(text) <= 30 else text
    except InvalidOperation:
        return text


def _version(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _wish(wish: Wish) -> str:
    """A feature in words: "how many, per member, within 10 minutes"."""
    field = getattr(wish, "field", "").replace("_id", "").replace("_", " ")
    words = {
        "Count": "how many",
        "Distinct": f"how many different: {field}",
        "Sum": "the sum of amounts",
        "FirstSeen": f"since when known: {field}",
        "Last": "the one before",
        "Known": f"how many known: {field}",
        "Baseline": "the usual amount",
    }
    told = [words.get(type(wish).__name__, type(wish).__name__), f"per {_spaced(str(getattr(wish, 'per', '')))}"]
    within = getattr(wish, "within", None)
    return ", ".join([*told, f"within {wording.span(within)}"] if within else told)
