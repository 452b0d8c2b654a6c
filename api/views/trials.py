"""Back-tests of rule changes: asked for here, run by a worker, read here while they run and when they are done."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors
from api.parsers import JSON
from api.permissions import ADMINS, GOVERNORS, Access
from api.schema import PROBLEMS, READ_PROBLEMS, RULE_BACKTEST
from api.serializers import shapes
from api.views.door import Door, known_id
from api.views.outcomes import period
from api.views.rules import fields
from detection.response import rules, trials


class RuleBacktests(Door):
    """Tries a change of a rule on stored events, beside the rule as it is: the real engine in memory, nothing stored,
    nobody told. Read the answer's ``id`` again until its ``status`` is ``done``."""

    access = {"GET": Access(roles=GOVERNORS), "POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="list_rule_backtests",
        summary="A rule's back-tests, newest first",
        responses={200: shapes.TrialPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any, rule_id: str) -> Response:
        if rules.find(rule_id) is None:
            raise errors.missing()
        results = [trials.wire(trial) for trial in trials.of_rule(rule_id)]
        return Response({"next": None, "previous": None, "results": results})

    @extend_schema(
        operation_id="backtest_rule",
        summary="Try a change of a rule before it is made",
        request={JSON: RULE_BACKTEST},
        responses={202: shapes.TrialShape, **PROBLEMS},
    )
    def post(self, request: Any, rule_id: str) -> Response:
        if rules.find(rule_id) is None:
            raise errors.missing()
        given = fields(self.body(), "state", "parameters", "severity", "from", "to")
        if "severity" in given and given["severity"] is None:
            given["severity"] = rules.OWN
        times = {name: given.pop(name) for name in ("from", "to") if given.get(name) is not None}
        wrong = [errors.fault(f"/{name}", "A text.") for name, value in times.items() if not isinstance(value, str)]
        if wrong:
            raise errors.faulty(*wrong)
        start, end = period(times, usual=trials.USUAL, longest=trials.LONGEST)
        asked = trials.ask(rule_id, actor=self.actor, start=start, end=end, **given)
        if asked.errors:
            raise errors.faulty(*asked.errors)
        if asked.trial is None:
            detail = f"{trials.MOST_WAITING} back-tests are waiting already. Try again when one is done."
            raise errors.Problem(429, detail, code="busy", retry_after=30)
        answer = Response(trials.wire(asked.trial), status=202)
        answer["Location"] = f"/api/v1/rules/{rule_id}/backtest/{asked.trial.pk}/"
        return answer


class RuleBacktest(Door):
    """One back-test: how far it is, and what came out."""

    access = {"GET": Access(roles=GOVERNORS)}

    @extend_schema(
        operation_id="read_rule_backtest", summary="A back-test", responses={200: shapes.TrialShape, **READ_PROBLEMS}
    )
    def get(self, request: Any, rule_id: str, trial_id: str) -> Response:
        trial = trials.find(rule_id, known_id(trial_id))
        if trial is None:
            raise errors.missing()
        return Response(trials.wire(trial))
