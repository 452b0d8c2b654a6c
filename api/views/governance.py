"""For those who answer for the system: keys, models, the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from api import errors
from api.authentication import verified_keys
from api.pagination import Order, paginate, whole
from api.permissions import ADMINS, GOVERNORS, Access, demand_renewed
from api.schema import PROBLEMS, READ_PROBLEMS
from api.serializers import forms, shapes
from api.views.alerts import PAGED
from api.views.door import Door
from detection.announcements import TrainingAsked, announce
from detection.anomaly import shelf
from detection.anomaly.seal import Unusable
from detection.kernel.records import iso
from detection.kernel.vocabulary import Trust
from detection.models import ApiKey, AuditEntry, ModelVersion
from detection.response import clients, learning
from detection.work import unit_of_work

T = TypeVar("T")


class Ping(Door):
    """Tells a key who it is."""

    access = {"GET": Access(any_key=True)}

    @extend_schema(operation_id="ping", summary="Does my key work?", responses={200: shapes.PingShape, **READ_PROBLEMS})
    def get(self, request: Any) -> Response:
        return Response({"app": self.credentials.client.name, "scopes": sorted(self.credentials.scopes)})


class Models(Door):
    """Every trained model, newest first, and how those on duty or in shadow do."""

    access = {"GET": Access(roles=GOVERNORS), "POST": Access(roles=ADMINS)}
    parameters = ("cursor", "limit")

    @extend_schema(
        operation_id="list_models",
        summary="Models",
        parameters=PAGED,
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        page = paginate(request, ModelVersion.objects.all(), Order("pk", whole, parse_key=whole))
        return Response(page.wire(_model_wire))

    @extend_schema(
        operation_id="train_models",
        summary="Teach the models anew, soon",
        request=None,
        responses={202: shapes.AskedShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        announce(TrainingAsked())
        return Response({"status": "asked"}, status=202)


class ModelPromotion(Door):
    """Puts the version in shadow on duty, if it is no worse than the one that is on the same days."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="promote_model",
        summary="Put the model in shadow on duty",
        request=forms.ModelForm,
        responses={200: shapes.ModelShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        kind = self.body(forms.ModelForm)["kind"]
        row = _moved(lambda: learning.promote(kind, actor=self.actor))
        if isinstance(row, learning.Refused):
            raise errors.Problem(409, f"It stays in shadow: {row.text}.", code="worse")
        return Response(_model_wire(row))


class ModelRollback(Door):
    """Puts the version that was on duty before back on duty."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="roll_back_model",
        summary="Back to the model before",
        request=forms.ModelForm,
        responses={200: shapes.ModelShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        kind = self.body(forms.ModelForm)["kind"]
        return Response(_model_wire(_moved(lambda: shelf.rollback(kind, actor=self.actor))))


def _moved(move: Callable[[], T]) -> T:
    try:
        return move()
    except (shelf.NoSuchModel, Unusable) as fault:
        raise errors.Problem(409, f"Nothing was changed: {fault}.", code="conflict") from fault


class Audit(Door):
    """The audit trail, newest first. Reading it is written into it."""

    access = {"GET": Access(roles=GOVERNORS)}
    parameters = ("cursor", "limit", "action", "actor", "target")

    @extend_schema(
        operation_id="list_audit",
        summary="The audit trail",
        parameters=[*(OpenApiParameter(name, str, required=False) for name in ("action", "actor", "target")), *PAGED],
        responses={200: shapes.ListShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        chosen = {
            name: request.query_params[name] for name in ("action", "actor", "target") if name in request.query_params
        }
        page = paginate(request, AuditEntry.objects.filter(**chosen), Order("seq", whole, key="seq", parse_key=whole))
        with unit_of_work(self.actor) as work:
            work.audit("audit.read", entries=len(page.rows))
        return Response(page.wire(_audit_wire))


class Keys(Door):
    """The keys of apps; the text of one is shown once, when it is made."""

    access = {"GET": Access(roles=GOVERNORS), "POST": Access(roles=ADMINS)}
    parameters = ("cursor", "limit")

    @extend_schema(
        operation_id="list_keys", summary="Keys", parameters=PAGED, responses={200: shapes.ListShape, **READ_PROBLEMS}
    )
    def get(self, request: Any) -> Response:
        rows = ApiKey.objects.select_related("client")
        return Response(paginate(request, rows, Order("pk", whole, parse_key=whole)).wire(_key_wire))

    @extend_schema(
        operation_id="create_key",
        summary="A new key",
        request=forms.KeyForm,
        responses={201: shapes.NewKeyShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        demand_renewed(request)
        given = self.body(forms.KeyForm)
        key, text = clients.issue_key(
            given["app"],
            sorted(set(given["scopes"])),
            actor=self.actor,
            trust=Trust[given["trust"].upper()],
            requires_signature=given["requires_signature"],
            expires_at=given.get("expires_at"),
        )
        return Response({**_key_wire(key), "key": text}, status=201)


class Key(Door):
    """Revokes a key; within five seconds it opens nothing any more, in any process."""

    access = {"DELETE": Access(roles=ADMINS)}

    @extend_schema(operation_id="revoke_key", summary="Revoke a key", responses={204: None, **PROBLEMS})
    def delete(self, request: Any, key_id: str) -> Response:
        demand_renewed(request)
        key = ApiKey.objects.select_related("client").filter(prefix=key_id).first()
        if key is None:
            raise errors.missing()
        clients.revoke(key, actor=self.actor)
        verified_keys.forget()
        return Response(status=204)


def _key_wire(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.prefix,
        "app": key.client.name,
        "scopes": key.scopes,
        "trust": Trust(key.trust).name.lower(),
        "requires_signature": key.requires_signature,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }


def _model_wire(model: ModelVersion) -> dict[str, Any]:
    return {
        "kind": model.kind,
        "version": model.version,
        "state": model.state,
        "digest": model.digest,
        "card": model.card,
        "watch": model.watch,
        "watched_at": iso(model.watched_at),
        "created_at": iso(model.created_at),
        "activated_at": iso(model.activated_at),
    }


def _audit_wire(entry: AuditEntry) -> dict[str, Any]:
    return {"seq": entry.seq, **entry.entry, "leaf_hash": entry.leaf_hash, "prev_hash": entry.prev_hash}
