"""Alerts: what staff works on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth import get_user_model
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.response import Response

from api import errors, filters
from api.pagination import only, paginate
from api.permissions import ADMINS, READERS, WORKERS, Access, demand_renewed
from api.schema import PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.door import Door, known_id
from detection import feed
from detection.conf import ALONE_UP_TO
from detection.kernel.records import iso
from detection.kernel.vocabulary import KeyScope
from detection.models import Alert, AlertAction, cursor_text
from detection.response import accounts, alerts, budgets, members, reversals
from detection.response.alerts import Acted

SCREENED = [OpenApiParameter(name, str, required=False) for name in filters.FILTERS]
PAGED = [
    OpenApiParameter("cursor", str, description="Follow next and previous as they were given.", required=False),
    OpenApiParameter("limit", int, description="1 to 200, default 50", required=False),
]
SORTED = OpenApiParameter("ordering", str, enum=filters.ORDERINGS, default="-created_at", required=False)


class AlertList(Door):
    """The alerts, newest first, narrowed by filters."""

    access = {"GET": Access(scope=KeyScope.ALERTS_READ, roles=READERS)}
    parameters = (*filters.FILTERS, "ordering", "cursor", "limit")

    @extend_schema(
        operation_id="list_alerts",
        summary="Alerts",
        parameters=[*SCREENED, SORTED, *PAGED],
        responses={200: shapes.AlertPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        params = request.query_params
        rows = filters.narrowed(alerts.visible(), params)
        order = filters.ordering(params)
        cursor = cursor_text(feed.latest(feed.StaffViewer()))  # before the rows: what comes after is in the feed
        page = paginate(request, rows, order)
        return Response(page.wire(lambda alert: alert.record().wire(), feed_cursor=cursor))


class AlertDetail(Door):
    """One alert with everything people did to it."""

    access = {"GET": Access(scope=KeyScope.ALERTS_READ, roles=READERS)}

    @extend_schema(
        operation_id="read_alert", summary="An alert", responses={200: shapes.AlertDetailShape, **READ_PROBLEMS}
    )
    def get(self, request: Any, alert_id: str) -> Response:
        alert = alerts.visible().filter(pk=known_id(alert_id)).first()
        if alert is None:
            raise errors.missing()
        trail = [_action_wire(action) for action in alerts.trail(alert)]
        return Response({**alert.record().wire(), "actions": trail})


class AlertVerb(Door):
    """Does one thing to one alert."""

    access = {"POST": Access(roles=WORKERS)}
    form: ClassVar[type[Any]] = forms.AlertForm
    verb: ClassVar[Callable[..., Acted]]

    def post(self, request: Any, alert_id: str) -> Response:
        given = arguments(self.body(self.form), request.user)
        if given.get("unlock"):
            demand_renewed(request)
        return acted(type(self).verb(alert_id, actor=self.actor, **given))


def _verb(name: str, verb: Callable[..., Acted], form: type[Any], summary: str) -> type[AlertVerb]:
    """A door for one verb."""
    made = type(name, (AlertVerb,), {"verb": staticmethod(verb), "form": form, "__module__": __name__})
    described = extend_schema(
        operation_id=f"{name.lower()}_alert",
        summary=summary,
        request=form,
        responses={200: shapes.ActedShape, **PROBLEMS},
    )
    return extend_schema_view(post=described)(made)  # type: ignore[no-any-return]


Acknowledge = _verb("Acknowledge", alerts.acknowledge, forms.AlertForm, "Somebody is looking at it")
Resolve = _verb("Resolve", alerts.resolve, forms.ResolveForm, "Close it with what it was")
Reopen = _verb("Reopen", alerts.reopen, forms.NotedForm, "Take it up again")
Escalate = _verb("Escalate", alerts.escalate, forms.NotedForm, "Ask for more senior eyes")
Assign = _verb("Assign", alerts.assign, forms.AssignForm, "Give it to somebody")
Comment = _verb("Comment", alerts.comment, forms.CommentForm, "Leave a note")
Snooze = _verb("Snooze", alerts.snooze, forms.SnoozeForm, "Put it aside for a while")


class Bulk(Door):
    """Does one thing to many alerts, each on its own."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="bulk_alerts",
        summary="The same action on many alerts",
        request=forms.BulkForm,
        responses={200: shapes.ListShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        given = dict(self.body(forms.BulkForm))
        verb = getattr(alerts, given.pop("action"))
        ids = given.pop("ids", None)
        if ids is None:
            ids = _matching(given.pop("filter"))
        demand_renewed(request)
        if given.get("unlock") and not budgets.alone(self.actor, len(ids)):
            detail = f"Unlocking more than {ALONE_UP_TO} members within ten minutes takes two administrators: use the"
            detail += " storms page."
            raise errors.Problem(403, detail, code="second-admin")
        fitting = arguments({name: value for name, value in given.items() if _takes(verb, name)}, request.user)
        return Response({"results": alerts.bulk(ids, verb=verb, actor=self.actor, **fitting)})


class Undo(Door):
    """Puts back what an action changed, within 30 s."""

    access = {"POST": Access(roles=WORKERS)}

    @extend_schema(
        operation_id="undo_action",
        summary="Undo within 30 s",
        request=forms.NothingForm,
        responses={200: shapes.ActedShape, **PROBLEMS},
    )
    def post(self, request: Any, action_id: str) -> Response:
        self.body(forms.NothingForm)
        unlocked = reversals.take_back(known_id(action_id), actor=self.actor)
        if unlocked.late:
            raise errors.Problem(409, "It is too late to take this back, or the lock was changed since.", code="late")
        if unlocked.member is not None:
            return Response(members.overview(unlocked.member))
        action = AlertAction.objects.filter(pk=known_id(action_id)).values_list("pk", flat=True).first()
        if action is None:
            raise errors.missing()
        return acted(alerts.undo(action, actor=self.actor))


def acted(outcome: Acted) -> Response:
    """The alert as it is now, or who was first. Raises Problem 404 and 409."""
    if outcome.conflict:
        raise errors.Problem(
            409, "This is no longer possible: somebody was first.", code="conflict", **outcome.conflict
        )
    if outcome.refused:
        raise errors.Problem(409, outcome.refused, code="refused")
    if outcome.missing or outcome.alert is None:
        raise errors.missing()
    return Response({**outcome.alert.record().wire(), "action_id": outcome.action_id})


def arguments(given: dict[str, Any], user: Any) -> dict[str, Any]:
    """What a form gave, as the verbs take it: an assignee is a person."""
    found = dict(given)
    if "assignee" in found:
        found["assignee"] = _staff(found["assignee"], user)
    return found


def _staff(name: str | None, user: Any) -> Any:
    if name is None:
        return None
    if name == "me":
        return user
    person = get_user_model().objects.filter(username=name, is_active=True).first()
    if person is None or accounts.role_of(person) is None:
        raise errors.faulty(errors.fault("/assignee", "There is no such staff member.", "unknown"))
    return person


def _matching(params: dict[str, str]) -> list[UUID]:
    only(params, *filters.FILTERS)
    rows = filters.narrowed(Alert.objects.order_by("-created_at", "-pk"), params)
    ids = list(rows.values_list("pk", flat=True)[: forms.MOST_AT_ONCE + 1])
    if len(ids) > forms.MOST_AT_ONCE:
        raise errors.faulty(errors.fault("/filter", f"More than {forms.MOST_AT_ONCE} alerts pass it; narrow it."))
    return ids


def _takes(verb: Callable[..., Any], name: str) -> bool:
    return name in verb.__annotations__


def _action_wire(action: AlertAction) -> dict[str, Any]:
    return {
        "id": str(action.pk),
        "verb": action.verb,
        "by": action.actor,
        "note": action.note,
        "at": iso(action.at),
        "undone_at": iso(action.undone_at),
    }
