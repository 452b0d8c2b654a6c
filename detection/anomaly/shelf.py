"""Where models are kept: signed skops archives, opened only when signature, digest and versions match."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import Max
from django.utils import timezone

from detection import conf
from detection.anomaly import makes
from detection.anomaly.detector import AnomalyDetector, Model
from detection.anomaly.trainer import Trained
from detection.anomaly.vector import KINDS, kind_named
from detection.kernel.ids import uuid7
from detection.kernel.records import SYSTEM, Actor, iso
from detection.kernel.vocabulary import ModelState
from detection.models import ModelVersion
from detection.work import UnitOfWork, unit_of_work

logger = structlog.get_logger(__name__)

LIBRARIES = ("numpy", "scikit-learn", "pyod", "skops")  # another version of these may score otherwise
LARGEST = 64 * 1024 * 1024

_open: dict[int, Model] = {}  # models this process has opened, by row
_last: list[AnomalyDetector] = []
_faults: dict[str, str] = {}  # already said in the log, by kind


class Unusable(Exception):
    """A model's file must not or cannot be used. The text says why and what to do, for staff."""


class NoSuchModel(Exception):
    """There is no version to do that with."""


def put(trained: Trained, *, activate: bool = False, actor: Actor = SYSTEM) -> ModelVersion:
    """Sign and store a fitted model as the kind's next version. The first is active at once; later ones run in
    shadow until they are activated, or at once when asked."""
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
        "libraries": _libraries(),
        "trained_at": iso(timezone.now()),
    }
    signature = _sign(manifest)
    name = f"{trained.kind}-{uuid7().hex}.skops"
    _write(_folder() / name, archive)
    _write(_manifest_path(_folder() / name), json.dumps(manifest, indent=1, sort_keys=True).encode())
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
            key_id=key_id(),
            card=trained.card | {"libraries": manifest["libraries"], "size": len(archive)},
        )
        work.audit("model.trained", target=f"{row.kind} {row.version}", digest=digest)
        if first or activate:
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
        _verified(row)
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
        _verified(row)
        _activate(row, work)
    return row


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
    known = {kind.name for kind in KINDS}
    found = []
    for row in rows:
        model = _model(row) if row.kind in known else None
        if model is not None:
            found.append(AnomalyDetector(row.kind, model, shadow=row.state == ModelState.SHADOW))
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
    for kind in KINDS:
        row = active.get(kind.name)
        if row is None:
            report[kind.name] = {"state": "untrained"}
            continue
        report[kind.name] = {"state": "ok", "version": row.version, "trained_at": iso(row.created_at)}
        try:
            _verified(row)
        except Unusable as fault:
            report[kind.name] |= {"state": "degraded", "reason": str(fault)}
    return report


def forget() -> None:
    """Drop the models this process has opened."""
    _open.clear()
    _faults.clear()


def key_id() -> str:
    """Which key signs, without telling the key."""
    return hashlib.sha256(b"model key " + conf.current().model_key).hexdigest()[:16]


def _activate(row: ModelVersion, work: UnitOfWork) -> None:
    ModelVersion.objects.filter(kind=row.kind, state=ModelState.ACTIVE).exclude(pk=row.pk).update(
        state=ModelState.RETIRED
    )
    row.state = ModelState.ACTIVE
    row.activated_at = timezone.now()
    row.save(update_fields=["state", "activated_at"])
    work.audit("model.activated", target=f"{row.kind} {row.version}", digest=row.digest)


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
    manifest, archive = _verified(row)
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
    )


def _verified(row: ModelVersion) -> tuple[dict[str, Any], bytes]:
    """A row's manifest and archive, as they were signed. Raises Unusable; opens nothing."""
    manifest, archive = _read(_folder() / Path(row.path).name)
    _check_origin(row, manifest, archive)
    for library, wanted in manifest["libraries"].items():
        if _libraries().get(library) != wanted:
            raise Unusable(f"it was trained with {library} {wanted}, here is {_libraries().get(library)}; train again")
    if tuple(manifest["features"]) != kind_named(row.kind).names:
        raise Unusable("it looks at other features than this release measures; train again")
    return manifest, archive


def _read(path: Path) -> tuple[Any, bytes]:
    try:
        manifest = json.loads(_manifest_path(path).read_bytes())
        if path.stat().st_size > LARGEST:
            raise Unusable("the file is too large to be ours; train again")
        archive = path.read_bytes()
    except OSError as fault:
        raise Unusable("the file is missing or cannot be read; train again") from fault
    except ValueError as fault:
        raise Unusable("the manifest was altered; train again") from fault
    return manifest, archive


def _check_origin(row: ModelVersion, manifest: Any, archive: bytes) -> None:
    """Raises Unusable unless manifest and archive are what we signed for this row."""
    if row.key_id != key_id():
        raise Unusable("it was signed with another key; train again, or set the key it was signed with")
    if not isinstance(manifest, dict) or not hmac.compare_digest(_sign(manifest), row.signature):
        raise Unusable("the manifest was altered; train again")
    if manifest["kind"] != row.kind or manifest["digest"] != row.digest:
        raise Unusable("the manifest belongs to another model; train again")
    if not hmac.compare_digest(hashlib.sha256(archive).hexdigest(), row.digest):
        raise Unusable("the file was altered; train again")


def _sign(manifest: dict[str, Any]) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(conf.current().model_key, b"model manifest\n" + text, hashlib.sha256).hexdigest()


@cache
def _libraries() -> dict[str, str]:
    return {library: installed(library) for library in LIBRARIES}


def _folder() -> Path:
    return conf.current().data_dir / "models"


def _manifest_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        whole = Path(aside, path.name)
        with whole.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
