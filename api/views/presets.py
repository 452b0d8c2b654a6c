"""Presets of the rules: looked at, taken as one change, and put back as one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import errors
from api.parsers import JSON
from api.permissions import ADMINS, GOVERNORS, Access
from api.schema import PRESET_CHOICE, PRESET_UNDO, PROBLEMS, READ_PROBLEMS
from api.serializers import shapes
from api.views.door import Door, known_id
from api.views.rules import fields
from detection.response import presets
from detection.response.presets import Preset


class Presets(Door):
    """How the rules stand in a kind of business. Rules a preset does not name stand as they come."""

    access = {"GET": Access(roles=GOVERNORS), "POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="list_presets",
        summary="Presets, and what each would change now",
        responses={200: shapes.PresetPageShape, **READ_PROBLEMS},
    )
    def get(self, request: Any) -> Response:
        return Response({"next": None, "previous": None, "results": [_wire(preset) for preset in presets.every()]})

    @extend_schema(
        operation_id="apply_preset",
        summary="Set every rule as a preset has it",
        request={JSON: PRESET_CHOICE},
        responses={200: shapes.AppliedShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        given = fields(self.body(), "preset", "dry_run")
        name, dry = given.get("preset"), given.get("dry_run", False)
        preset = presets.find(name) if isinstance(name, str) else None
        faults = []
        if preset is None:
            faults.append(errors.fault("/preset", f"One of {', '.join(one.name for one in presets.every())}."))
        if not isinstance(dry, bool):
            faults.append(errors.fault("/dry_run", "true or false."))
        if preset is None or faults:
            raise errors.faulty(*faults)
        if dry:
            return Response(presets.Applied(preset, presets.differences(preset)).wire())
        return Response(presets.apply(preset, actor=self.actor).wire())


class PresetUndo(Door):
    """Puts back what taking a preset changed: all of it, or nothing where a rule was changed since."""

    access = {"POST": Access(roles=ADMINS)}

    @extend_schema(
        operation_id="undo_preset",
        summary="Put back what a preset changed",
        request={JSON: PRESET_UNDO},
        responses={200: shapes.UndoneShape, **PROBLEMS},
    )
    def post(self, request: Any) -> Response:
        batch = fields(self.body(), "batch").get("batch")
        if not isinstance(batch, str):
            raise errors.faulty(errors.fault("/batch", "The batch that taking the preset answered.", "required"))
        ruled = presets.undo(known_id(batch), actor=self.actor)
        if not ruled:
            raise errors.missing()
        changed = [one.rule_id for one in ruled if one.conflict]
        if changed:
            detail = "Some of these rules were changed since. Nothing was put back."
            raise errors.Problem(409, detail, code="conflict", rules=changed)
        return Response({"rules": [one.rule_id for one in ruled if one.changed]})


def _wire(preset: Preset) -> dict[str, Any]:
    changes = [one.wire() for one in presets.differences(preset)]
    return {"preset": preset.name, "title": preset.title, "why": preset.why, "changes": changes}
