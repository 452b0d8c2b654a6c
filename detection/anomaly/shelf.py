"""Where models are kept: signed skops archives, opened only when signature, digest and versions match."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import Max
from django.utils import timezone

from detection.announcements import DutyChanged, announce
from detection.anomaly import makes, seal
from detection.anomaly.detector import AnomalyDetector, LearnedDetector, Model
from detection.anomaly.seal import Unusable
from detection.anomaly.trainer import Trained
from detection.anomaly.vector import KINDS
from detection.anomaly.verdicts import SUFFIX
from detection.kernel.ids import uuid7
from detection.kernel.records import SYSTEM, Actor, iso
from detection.kernel.vocabulary import ModelState
from detection.models import ModelVersion
from detection.work import UnitOfWork, unit_of_work

logger = structlog.get_logger(__name__)

KEPT_TO_GO_BACK = 3  # versions of a kind that were on duty once
LEFT_ALONE = 3600.0  # seconds a file that no row names may be in the making

_open: dict[int, Model] = {}  # models this process has opened, by row
_last: list[AnomalyDetector] = []
_faults: dict[str, str] = {}  # already said in the log, by kind


class NoSuchModel(Exception):
    """There is no version to do that with."""


def put(trained: Trained, *, activate: bool = False, waits: bool = False, actor: Actor = SYSTEM) -> ModelVersion:
    """Sign and store a fitted model as the kind's next version. The first is active at once unless it ``waits``; later
    ones run in shadow until they are activated, or at once when asked."""
    import skops.io

    archive = skops.io.dumps(trained.detector, compression=8, compresslevel=6)  # ZIP_DEFLATED
    types = makes.trusted(trained.detector_name, skops.io.get_untrusted_types(data=archive))
    digest = hashlib.sha256(archive).hexdigest()
    manifest = {
        "kind": trained.kind,
        "detector": trained.detector_name,
        "digest": digest,
        "size": len(archive),
        "types": types,
        "features": list(trained.names),
        "medians": list(trained.medians),
        "threshold": trained.threshold,
        "ordinary": trained.ordinary,
        "libraries": seal.libraries(),
        "trained_at": iso(timezone.now()),
    }
    signature = seal.sign(manifest)
    name = f"{trained.kind}-{uuid7().hex}.skops"
    seal.write(seal.folder() / name, archive)
    seal.write(seal.manifest_path(seal.folder() / name), json.dumps(manifest, indent=1, sort_keys=True).encode())
    with unit_of_work(actor) as work:
        versions = ModelVersion.objects.filter(kind=trained.kind)
        first = not versions.filter(state=ModelState.ACTIVE).exists()
        row = ModelVersion.objects.create(
            kind=trained.kind,
            version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
            state=ModelState.TRAINED,
            path=name,
            digest=digest,
            signature=signature,
            key_id=seal.key_id(),
            card=trained.card | {"libraries": manifest["libraries"], "size": len(archive)},
        )
        work.audit("model.trained", target=f"{row.kind} {row.version}", digest=digest)
        if activate or (first and not waits):
            _activate(row, work)
        else:
            versions.filter(state=ModelState.SHADOW).update(state=ModelState.RETIRED)
            row.state = ModelState.SHADOW
            row.save(update_fields=["state"])
    return row


def activate(kind: str, version: int | None = None, *, actor: Actor = SYSTEM) -> ModelVersion:
    """Put a version on duty, the one in shadow when none is named. Raises NoSuchModel, or Unusable if it does not
    verify."""
    with unit_of_work(actor) as work:
        versions = ModelVersion.objects.filter(kind=kind)
        wanted = versions.filter(version=version) if version else versions.filter(state=ModelState.SHADOW)
        row = wanted.order_by("-version").first()
        if row is None:
            raise NoSuchModel(f"there is no {'such' if version else 'shadow'} version of {kind}")
        seal.verified(row)
        _activate(row, work)
    return row


def rollback(kind: str, *, actor: Actor = SYSTEM) -> ModelVersion:
    """Take the active version off duty and put the one before it back. Raises NoSuchModel; Unusable."""
    with unit_of_work(actor) as work:
        versions = ModelVersion.objects.filter(kind=kind)
        earlier = versions.filter(state=ModelState.RETIRED, activated_at__isnull=False)
        row = earlier.order_by("-activated_at").first()
        if row is None:
            raise NoSuchModel(f"there is no earlier version of {kind} to go back to")
        seal.verified(row)
        _activate(row, work)
    return row


def shadow_of(kind: str) -> ModelVersion | None:
    """The version in shadow, if there is one."""
    return ModelVersion.objects.filter(kind=kind, state=ModelState.SHADOW).order_by("-version").first()


def active_of(kind: str) -> ModelVersion | None:
    """The version on duty, if there is one."""
    return ModelVersion.objects.filter(kind=kind, state=ModelState.ACTIVE).first()


def opened(row: ModelVersion) -> Model:
    """A version to score with, kept open only while it is on duty or in shadow. Raises Unusable."""
    return _open.get(row.pk) or _opened(row)


def load_active(kind: str) -> Model | None:
    """The model on duty, or None when there is none or it must not be used; ``health()`` says why."""
    row = ModelVersion.objects.filter(kind=kind, state=ModelState.ACTIVE).first()
    return _model(row) if row else None


def active_detectors() -> list[AnomalyDetector]:
    """The models on duty and, behind them, those in shadow. Cheap to ask often: a version is opened once a process."""
    global _last
    try:
        on_duty = ModelVersion.objects.filter(state__in=(ModelState.ACTIVE, ModelState.SHADOW))
        rows = list(on_duty.order_by("kind", "state"))
    except DatabaseError:
        return _last
    known = {name for kind in KINDS for name in (kind.name, kind.name + SUFFIX)}
    found = []
    for row in rows:
        model = _model(row) if row.kind in known else None
        if model is not None:
            make = LearnedDetector if row.kind.endswith(SUFFIX) else AnomalyDetector
            found.append(make(row.kind.removesuffix(SUFFIX), model, shadow=row.state == ModelState.SHADOW))
    for pk in set(_open) - {row.pk for row in rows}:
        _open.pop(pk, None)
    _last = found
    return found


def health() -> dict[str, dict[str, Any]]:
    """Each kind's state for the status page: "ok", "untrained" (rules alone are on duty) or "degraded" with a reason.

    Files are verified and not opened, so asking is cheap and loads no library.
    """
    active = {row.kind: row for row in ModelVersion.objects.filter(state=ModelState.ACTIVE)}
    report: dict[str, dict[str, Any]] = {}
    names = [kind.name for kind in KINDS]
    for name in [*names, *(name + SUFFIX for name in names if name + SUFFIX in active)]:
        row = active.get(name)
        if row is None:
            report[name] = {"state": "untrained"}
            continue
        report[name] = {"state": "ok", "version": row.version, "trained_at": iso(row.created_at)}
        try:
            seal.verified(row)
        except Unusable as fault:
            report[name] |= {"state": "degraded", "reason": str(fault)}
    return report


def forget() -> None:
    """Drop the models this process has opened."""
    _open.clear()
    _faults.clear()


def resign(*, actor: Actor = SYSTEM) -> list[ModelVersion]:
    """Sign again, with today's key, every version that verifies under the one before; which they were."""
    done = []
    with unit_of_work(actor) as work:
        for row in ModelVersion.objects.exclude(key_id=seal.key_id()):
            try:
                manifest, _ = seal.verified(row)
            except Unusable:
                continue
            row.signature, row.key_id = seal.sign(manifest), seal.key_id()
            row.save(update_fields=["signature", "key_id"])
            work.audit("model.signed_again", target=f"{row.kind} {row.version}", key_id=row.key_id)
            done.append(row)
    return done


def tidy() -> int:
    """Remove the files nobody can go back to: of each kind the versions on duty, in shadow and the last that were on
    duty are kept, and what was put here within the hour. How many files went."""
    keep: set[str] = set()
    for kind in set(ModelVersion.objects.values_list("kind", flat=True)):
        versions = ModelVersion.objects.filter(kind=kind)
        keep |= set(versions.exclude(state=ModelState.RETIRED).values_list("path", flat=True))
        earlier = versions.filter(state=ModelState.RETIRED, activated_at__isnull=False).order_by("-activated_at")
        keep |= set(earlier.values_list("path", flat=True)[:KEPT_TO_GO_BACK])
    gone, now = 0, time.time()
    for path in seal.folder().glob("*.skops"):
        if path.name not in keep and now - path.stat().st_mtime > LEFT_ALONE:
            path.unlink(missing_ok=True)
            seal.manifest_path(path).unlink(missing_ok=True)
            gone += 1
    return gone


def _activate(row: ModelVersion, work: UnitOfWork) -> None:
    ModelVersion.objects.filter(kind=row.kind, state=ModelState.ACTIVE).exclude(pk=row.pk).update(
        state=ModelState.RETIRED
    )
    row.state = ModelState.ACTIVE
    row.activated_at = timezone.now()
    row.save(update_fields=["state", "activated_at"])
    work.audit("model.activated", target=f"{row.kind} {row.version}", digest=row.digest)
    announce(DutyChanged())


def _model(row: ModelVersion) -> Model | None:
    if row.pk not in _open:
        try:
            _open[row.pk] = _opened(row)
        except Unusable as fault:
            if _faults.get(row.kind) != str(fault):
                _faults[row.kind] = str(fault)
                logger.error("model.unusable", kind=row.kind, version=row.version, reason=str(fault))
            return None
        _faults.pop(row.kind, None)
    return _open[row.pk]


def _opened(row: ModelVersion) -> Model:
    """The only place an archive is opened, after everything about it was verified."""
    manifest, archive = seal.verified(row)
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    from detection.anomaly.forest import scorer_of

    try:
        types = makes.trusted(manifest["detector"], manifest["types"])
        fitted = skops.io.loads(archive, trusted=types)
    except (UntrustedTypesFoundException, makes.Unsuitable) as fault:
        raise Unusable("the file holds types that are not on our list; train again") from fault
    return Model(
        kind=row.kind,
        version=row.version,
        names=tuple(manifest["features"]),
        medians=tuple(manifest["medians"]),
        threshold=float(manifest["threshold"]),
        scorer=scorer_of(manifest["detector"], fitted),
        ordinary=manifest.get("ordinary"),
    )
