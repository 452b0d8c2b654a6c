"""The rules' pages: how each one stands and does; admins set it otherwise, try that first, and put it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from detection.kernel.detector import Rule, registered
from detection.kernel.vocabulary import Role, RuleState, Severity
from detection.models import RuleChange, RuleSetting
from detection.response import faults, rules, trials
from frontend_templates import ruling
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer

GONE = "There is no such rule any more."
SORTS: dict[str, tuple[str, Any]] = {
    "week": ("Loudest, 7 days", lambda rule: (rule["speaks_for"], -rule["week"])),
    "day": ("Loudest, 24 h", lambda rule: (rule["speaks_for"], -rule["day"])),
    "precision": ("Least often right", lambda rule: 2.0 if rule["precision"] is None else rule["precision"]),
    "severity": ("Severity", lambda rule: (rule["speaks_for"], -Severity(rule["severity"]).rank)),
    "changed": ("Changed last", lambda rule: -rule["changed_at"].timestamp() if rule["changed_at"] else 0.0),
    "title": ("Name", lambda rule: rule["title"].casefold()),
}


@staff_page
def page(request: HttpRequest) -> HttpResponse:
    """Every rule in a line: how it stands, how loud and how right it is. What is chosen stands in the address."""
    now = timezone.now()
    settings, watch = rules.settings(), ruling.Watch.over(now)
    every = [ruling.told(cls, settings.get(cls.id)) | watch.of(cls, settings.get(cls.id)) for cls in registered()]
    chosen = _chosen(request)
    shown = sorted((rule for rule in every if _fits(rule, chosen)), key=SORTS["title"][1])
    shown.sort(key=SORTS[chosen.get("sort", "week")][1])
    context = {
        "section": "rules",
        "rules": shown,
        "all": len(every),
        "counts": {state.value: sum(rule["state"] == state for rule in every) for state in RuleState},
        "tripped": _tripped(settings),
        "broken": _broken(now),
        "chosen": chosen,
        "narrowed": bool(set(chosen) - {"sort"}),
        "sorts": [(name, word) for name, (word, _) in SORTS.items()],
        "families": sorted({rule["family"] for rule in every}),
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/rules.html", context)


def rule(request: HttpRequest, rule_id: str) -> HttpResponse:
    """A rule's own page, and where its form is sent."""
    return change(request, rule_id) if request.method == "POST" else one(request, rule_id)


def _broken(now: datetime) -> list[dict[str, Any]]:
    """Rules that failed within a day and were skipped for what they failed on."""
    failed = faults.lately(now)
    return [{"id": cls.id, "title": cls.title, "at": failed[cls.id]} for cls in registered() if cls.id in failed]


@staff_page
def one(request: HttpRequest, rule_id: str) -> HttpResponse:
    """One rule: how it does, how it is set, its back-tests and versions."""
    cls = rules.find(rule_id)
    if cls is None:
        raise Http404
    return _one(request, cls)


@admin_action
def change(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Set a rule otherwise. What cannot be taken comes back as it was typed, with the reason beside it."""
    cls = rules.find(rule_id)
    if cls is None:
        return answer(request, GONE, to=reverse("pages:rules"), level="warning", status=404)
    typed = typed_in(request)
    ruled = rules.change(
        rule_id,
        actor=actor_of(request),
        state=typed.get("state") or None,
        parameters=ruling.parameters(cls, typed),
        severity=typed.get("severity") or None,
        note=typed.get("note", ""),
        if_version=_version(typed.get("if_version")),
    )
    if ruled.errors:
        return refused(request, cls, typed, ruled.errors)
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


def typed_in(request: HttpRequest) -> dict[str, str]:
    return {name: text for name, text in request.POST.items() if isinstance(text, str)}


def refused(
    request: HttpRequest, cls: type[Rule], typed: Mapping[str, str], errors: list[dict[str, str]]
) -> HttpResponse:
    """The rule's page with what was typed and why it cannot be taken."""
    faults = {error["pointer"].removeprefix("/").replace("/", ":"): error["detail"] for error in errors}
    return _one(request, cls, typed=typed, faults=faults, status=400)


def _said(request: HttpRequest, ruled: rules.Ruled, done: str) -> HttpResponse:
    to = reverse("pages:rule", args=[ruled.rule_id])
    if ruled.conflict:
        text = f"{ruled.conflict['by']} was quicker and changed this rule. Nothing was changed by you: look first."
        return answer(request, text, to=to, level="warning", status=409)
    return answer(request, done, to=to)


def _one(
    request: HttpRequest,
    cls: type[Rule],
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    setting = RuleSetting.objects.filter(rule_id=cls.id).first()
    history, tried = rules.history(cls.id), trials.of_rule(cls.id, 8)
    done = next((trial for trial in tried if trial.result.get("after")), None)
    context = {
        "section": "rules",
        "rule": ruling.told(cls, setting) | ruling.Watch.over(timezone.now()).of(cls, setting),
        "form": ruling.form(cls, setting, typed or {}, faults or {}),
        "changes": ruling.versions(cls, setting, history),
        "tripped": history[0] if history and history[0].cause == RuleChange.TRIP else None,
        "before_trip": history[0].version - 1 if history else 0,
        "trials": [{"trial": trial, "words": ruling.differences(cls, setting, trial)} for trial in tried],
        "cost": done.result["after"]["microseconds"] if done else None,
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/rule.html", context, status=status)


def _tripped(settings: Mapping[str, RuleSetting]) -> list[dict[str, Any]]:
    """Rules that ran away and still stand so."""
    titles = {cls.id: cls.title for cls in registered()}
    return [
        {"change": made, "title": titles.get(made.rule_id, made.rule_id), "back": made.version - 1}
        for made in RuleChange.objects.filter(cause=RuleChange.TRIP).order_by("-at")
        if made.rule_id in settings and settings[made.rule_id].version == made.version
    ]


def _chosen(request: HttpRequest) -> dict[str, str]:
    """What the address chooses, as far as it means something."""
    given = {name: request.GET.get(name, "").strip()[:100] for name in ("q", "state", "severity", "family", "sort")}
    allowed = {"state": set(RuleState), "severity": set(Severity), "sort": set(SORTS)}
    return {name: text for name, text in given.items() if text and text in allowed.get(name, {text})}


def _fits(rule: Mapping[str, Any], chosen: Mapping[str, str]) -> bool:
    words = f"{rule['id']} {rule['title']} {rule['meaning']}".casefold()
    return (
        chosen.get("q", "").casefold() in words
        and chosen.get("state", rule["state"]) == rule["state"]
        and (chosen.get("severity") is None or (not rule["speaks_for"] and chosen["severity"] == rule["severity"]))
        and chosen.get("family", rule["family"]) == rule["family"]
    )


def _version(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
