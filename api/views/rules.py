"""The rules: how they stand, what an admin sets about them, and who set it so."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors
from api.parsers import JSON
from api.permissions import ADMINS, GOVERNORS, Access
from api.schema import PROBLEMS, READ_PROBLEMS, RULE_CHANGE, RULE_ROLLBACK
from api.serializers import shapes
from api.views.door import Door
from detection.kernel.detector import Rule as AnyRule
from detection.kernel.detector import registered
from detection.models import RuleSetting
from detection.response import rules


class Rules(Door):
    """Every rule with its settings."""

    access = {"GET": Access(roles=GOVERNORS)}

    @extend_schema(operation_id="list_rules", summary="Rules", responses={200: shapes.RulePageShape, **READ_PROBLEMS})
    def get(self, request: Any) -> Response:
        settings = rules.settings()
        results = [rules.wire(cls, settings.get(cls.id)) for cls in registered()]
        return Response({"next": None, "previous": None, "results": results})


class Rule(Door):
    """One rule. What is set about it holds within two seconds, is kept as a version and is audited."""

    access = {"GET": Access(roles=GOVERNORS), "PATCH": Access(roles=ADMINS)}

    @extend_schema(operation_id="read_rule", summary="A rule", responses={200: shapes.RuleShape, **READ_PROBLEMS})
    def get(self, request: Any, rule_id: str) -> Response:
        return Response(_wire(_known(rule_id)))

    @extend_schema(
        operation_id="change_rule",
        summary="Set a rule: state, parameters, severity",
        request={JSON: RULE_CHANGE},
        responses={200: shapes.RuleShape, **PROBLEMS},
    )
    def patch(self, request: Any, rule_id: str) -> Response:
        cls = _known(rule_id)
        given = fields(self.body(), "state", "parameters", "severity", "note", "if_version")
        if "severity" in given and given["severity"] is None:
            given["severity"] = rules.OWN
        return _answer(cls, rules.change(rule_id, actor=self.actor, **given))


class RuleRollback(Door):
    """Puts a rule back to how it stood at a version; 0 is the rule as it comes. That is a new version."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="roll_back_rule",
        summary="Put a rule back to a version",
        request={JSON: RULE_ROLLBACK},
        responses={200: shapes.RuleShape, **PROBLEMS},
    )
    def post(self, request: Any, rule_id: str) -> Response:
        cls = _known(rule_id)
        given = fields(self.body(), "version", "note", "if_version")
        return _answer(cls, rules.rollback(rule_id, given.pop("version", None), actor=self.actor, **given))


class RuleHistory(Door):
    """Every version of a rule, newest first: who set it so, when and why."""

    access = {"GET": Access(roles=GOVERNORS)}

    @extend_schema(
        operation_id="list_rule_changes",
        summary="A rule's versions",
        responses={200: shapes.RuleHistoryShape, **READ_PROBLEMS},
    )
    def get(self, request: Any, rule_id: str) -> Response:
        _known(rule_id)
        results = [rules.change_wire(made) for made in rules.history(rule_id)]
        return Response({"next": None, "previous": None, "results": results})


def _known(rule_id: str) -> type[AnyRule]:
    cls = rules.find(rule_id)
    if cls is None:
        raise errors.missing()
    return cls


def _wire(cls: type[AnyRule]) -> dict[str, Any]:
    return rules.wire(cls, RuleSetting.objects.filter(rule_id=cls.id).first())


def fields(given: Any, *names: str) -> dict[str, Any]:
    """The body's fields. Raises Problem 400 for what is no object, and for a field it does not have."""
    if not isinstance(given, dict):
        raise errors.faulty(errors.fault("", "Send a JSON object.", "not_an_object"))
    unknown = [name for name in given if name not in names]
    if unknown:
        detail = f"Unknown field. Known are {', '.join(names)}."
        raise errors.faulty(*(errors.fault(f"/{errors.escaped(name)}", detail, "unknown_field") for name in unknown))
    return dict(given)


def _answer(cls: type[AnyRule], ruled: rules.Ruled) -> Response:
    if ruled.errors:
        raise errors.faulty(*ruled.errors)
    if ruled.conflict:
        raise errors.Problem(409, "Somebody changed this rule meanwhile.", code="conflict", **ruled.conflict)
    return Response(_wire(cls))
