"""Where the shop's own systems are told, and how the telling went."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from api import errors
from api.pagination import Order, identifier, paginate
from api.permissions import ADMINS, GOVERNORS, Access
from api.schema import PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.alerts import PAGED
from api.views.door import Door, known_id
from detection.models import WebhookDelivery, WebhookEndpoint
from detection.response.webhooks import endpoints

STATES = {
    "waiting": {"sent_at": None, "failed_at": None},
    "delivered": {"sent_at__isnull": False},
    "given_up": {"failed_at__isnull": False},
}


class Endpoints(Door):
    """Every endpoint, newest first. The secret of a new one is shown once, in the answer that makes it."""

    access = {"GET": Access(roles=GOVERNORS), "POST": Access(roles=ADMINS)}
    parameters = ("cursor", "limit")

    @extend_schema(
        operation_id="list_webhook_endpoints",
        summary="Webhook endpoints",
        parameters=PAGED,
        responses={200: shapes.WebhookEndpointPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        page = paginate(request, WebhookEndpoint.objects.all(), Order("pk", identifier))
        return Response(page.wire(endpoints.wire))

    @extend_schema(
        operation_id="create_webhook_endpoint",
        summary="A new endpoint",
        request=forms.EndpointForm,
        responses={201: shapes.NewWebhookEndpointShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        given = self.body(forms.EndpointForm)
        made = _fit(endpoints.create(given["url"], given["kinds"], name=given.get("name", ""), actor=self.actor))
        return Response({**endpoints.wire(made.endpoint), "secret": made.secret}, status=201)


class Endpoint(Door):
    """One endpoint. Switched on again it forgets its failures; removed, its log goes with it."""

    access = {"GET": Access(roles=GOVERNORS), "PATCH": Access(roles=ADMINS), "DELETE": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="read_webhook_endpoint",
        summary="An endpoint",
        responses={200: shapes.WebhookEndpointShape, **READ_PROBLEMS},
    )
    def get(self, request: Any, endpoint_id: str) -> Response:
        return Response(endpoints.wire(_known(endpoint_id)))

    @extend_schema(
        operation_id="change_webhook_endpoint",
        summary="Set an endpoint otherwise",
        request=forms.EndpointChangeForm,
        responses={200: shapes.WebhookEndpointShape, **PROBLEMS},
    )
    def patch(self, request: Any, endpoint_id: str) -> Response:
        endpoint = _known(endpoint_id)
        made = _fit(endpoints.change(endpoint, actor=self.actor, **self.body(forms.EndpointChangeForm)))
        return Response(endpoints.wire(made.endpoint))

    @extend_schema(
        operation_id="delete_webhook_endpoint", summary="Remove an endpoint", responses={204: None, **PROBLEMS}
    )
    def delete(self, request: Any, endpoint_id: str) -> Response:
        endpoints.remove(_known(endpoint_id), actor=self.actor)
        return Response(status=204)


class Rotate(Door):
    """A new secret, shown once. For a day messages are signed with the old one too."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="A new secret for an endpoint",
        request=forms.NothingForm,
        responses={200: shapes.NewWebhookEndpointShape, **PROBLEMS},
    )
    def post(self, request: Any, endpoint_id: str) -> Response:
        endpoint = _known(endpoint_id)
        self.body(forms.NothingForm)
        made = endpoints.rotate(endpoint, actor=self.actor)
        return Response({**endpoints.wire(made.endpoint), "secret": made.secret})


class SendTest(Door):
    """Puts a ``webhook.test`` on its way; what became of it is in the deliveries."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="test_webhook_endpoint",
        summary="Send a test",
        request=forms.NothingForm,
        responses={202: shapes.WebhookDeliveryShape, **PROBLEMS},
    )
    def post(self, request: Any, endpoint_id: str) -> Response:
        endpoint = _enabled(_known(endpoint_id))
        self.body(forms.NothingForm)
        return Response(endpoints.delivery_wire(endpoints.test(endpoint, actor=self.actor)), status=202)


class Deliveries(Door):
    """What was sent there, newest first, with every attempt. What the other side answered is not kept."""

    access = {"GET": Access(roles=GOVERNORS)}
    parameters = ("state", "cursor", "limit")

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="Deliveries to an endpoint",
        parameters=[OpenApiParameter("state", str, enum=list(STATES), required=False), *PAGED],
        responses={200: shapes.WebhookDeliveryPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any, endpoint_id: str) -> Response:
        rows = WebhookDelivery.objects.filter(endpoint=_known(endpoint_id))
        state = request.query_params.get("state")
        if state is not None:
            if state not in STATES:
                raise errors.faulty(errors.fault("/state", f"One of {', '.join(STATES)}."))
            rows = rows.filter(**STATES[state])
        page = paginate(request, rows.select_related("message").prefetch_related("log"), Order("pk", identifier))
        return Response(page.wire(endpoints.delivery_wire))


class Replay(Door):
    """Says again what is named, or everything that was given up. Ids of messages stay the same."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="replay_webhooks",
        summary="Send again",
        request=forms.ReplayForm,
        responses={202: shapes.ReplayedShape, **PROBLEMS},
    )
    def post(self, request: Any, endpoint_id: str) -> Response:
        endpoint = _enabled(_known(endpoint_id))
        wanted = self.body(forms.ReplayForm).get("deliveries")
        return Response({"replayed": endpoints.replay(endpoint, actor=self.actor, deliveries=wanted)}, status=202)


def _known(text: str) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(pk=known_id(text)).first()
    if found is None:
        raise errors.missing()
    return found


def _enabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    if endpoint.disabled_at is not None:
        raise errors.Problem(409, "This endpoint is switched off. Switch it on first.", code="disabled")
    return endpoint


def _fit(made: endpoints.Made) -> Any:
    if made.faults:
        raise errors.faulty(*(errors.fault("/url", fault) for fault in made.faults))
    return made
