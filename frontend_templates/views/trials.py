"""Back-tests of rule changes on pages: asked for from a rule's form, followed while they run, read when done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from detection.kernel.detector import registered
from detection.kernel.vocabulary import Role
from detection.models import Event, RuleSetting, RuleTrial
from detection.response import rules, trials
from detection.response.settings import setting_of
from frontend_templates import drawing, ruling
from frontend_templates.access import actor_of, admin_action, role_of, staff_page
from frontend_templates.answers import answer
from frontend_templates.views.rules import GONE, refused, typed_in

DAYS = ("1", "7", "14", "30")


@admin_action
def ask(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Try what was typed into a rule's form on stored events, and go where that can be followed."""
    cls = rules.find(rule_id)
    if cls is None:
        return answer(request, GONE, to=reverse("pages:rules"), level="warning", status=404)
    typed = typed_in(request)
    days = int(typed["days"]) if typed.get("days") in DAYS else trials.USUAL.days
    asked = trials.ask(
        rule_id,
        actor=actor_of(request),
        state=typed.get("state") or None,
        parameters=ruling.parameters(cls, typed),
        severity=typed.get("severity") or None,
        start=timezone.now() - timedelta(days=days),
    )
    if asked.errors:
        return refused(request, cls, typed, asked.errors)
    if asked.trial is None:
        text = "Several back-tests are waiting already. Try again when one of them is done."
        return answer(request, text, to=reverse("pages:rule", args=[rule_id]), level="warning", status=409)
    return redirect("pages:rule_backtest", rule_id, asked.trial.pk)


@staff_page
def page(request: HttpRequest, rule_id: str, trial_id: UUID) -> HttpResponse:
    """How far a back-test is, or what came out of it."""
    cls, trial = rules.find(rule_id), trials.find(rule_id, trial_id)
    if cls is None or trial is None:
        raise Http404
    setting = RuleSetting.objects.filter(rule_id=rule_id).first()
    context = {
        "section": "rules",
        "rule": ruling.told(cls, setting),
        "trial": trial,
        "running": trial.status not in RuleTrial.OVER,
        "percent": min(99, 100 * trial.judged // trial.total) if trial.total else 0,
        "words": ruling.differences(cls, setting, trial),
        "stands": setting is not None and setting_of(setting) == setting_of(trial),
        "outdated": trial.version != (setting.version if setting else 0),
        "fields": ruling.sent_as(cls, trial),
        "found": _found(trial) if trial.status == RuleTrial.DONE else None,
        "can_write": role_of(request) == Role.ADMIN,
    }
    return render(request, "operator/rule_backtest.html", context)


def _found(trial: RuleTrial) -> dict[str, Any]:
    result = trial.result
    before, after, known = result["before"], result["after"], result["known"]
    rows = [
        ("Events it spoke about", before["hits"], after["hits"]),
        ("Members", before["members"], after["members"]),
        ("Guests", before["guests"], after["guests"]),
        ("Alerts it spoke in", before["alerts"], after["alerts"]),
        ("Alerts a day", before["alerts_a_day"], after["alerts_a_day"]),
        ("Alerts nobody else spoke in", before["alone"], after["alone"]),
        (f"Known bad caught (of {known['bad']:,})", before["known_bad_caught"], after["known_bad_caught"]),
        (f"Known good hit (of {known['good']:,})", before["known_good_hit"], after["known_good_hit"]),
    ]
    whole = [
        ("Alerts", before["all"]["alerts"], after["all"]["alerts"]),
        ("Events challenged or refused", before["all"]["challenged"], after["all"]["challenged"]),
        ("Known bad among them", before["all"]["known_bad_challenged"], after["all"]["known_bad_challenged"]),
        ("Known good among them", before["all"]["known_good_challenged"], after["all"]["known_good_challenged"]),
    ]
    titles = {cls.id: cls.title for cls in registered()}
    most = max([*before["days"], *after["days"]], default=0)
    return {
        **{name: result[name] for name in ("from", "to", "cut", "events", "before_events", "seconds", "estimate")},
        "rows": [(name, was, now, _change(was, now)) for name, was, now in rows],
        "whole": [(name, was, now, _change(was, now)) for name, was, now in whole],
        "overlap": [
            {"title": titles.get(one["rule"], one["rule"]), "rule": one["rule"], "alerts": one["alerts"]}
            for one in after["overlap"]
        ],
        "after": after,
        "days": [(side, drawing.columns(days, width=336, height=56, most=most)) for side, days in _days(before, after)],
        "most": most,
        "samples": [
            ("Newly hit", result["newly_hit"]["count"], _events(result["newly_hit"]["events"])),
            ("No longer hit", result["no_longer_hit"]["count"], _events(result["no_longer_hit"]["events"])),
        ],
    }


def _days(before: dict[str, Any], after: dict[str, Any]) -> Sequence[tuple[str, list[int]]]:
    return ("As it is", before["days"]), ("As it would be", after["days"])


def _change(was: float, now: float) -> str:
    change = round(now - was, 2)
    return "same" if not change else f"+{change:,g}" if change > 0 else f"\u2212{-change:,g}"


def _events(keys: Sequence[str]) -> list[Event]:
    return list(Event.objects.filter(pk__in=keys).select_related("member").order_by("-occurred_at"))
