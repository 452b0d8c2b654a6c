"""A model's file and its seal: what was signed is what is opened, by the libraries it was made with, or nothing is."""

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

from detection import conf
from detection.anomaly.verdicts import names_of
from detection.models import ModelVersion

LIBRARIES = ("numpy", "scikit-learn", "pyod", "skops")  # another version of these may score otherwise
LARGEST = 64 * 1024 * 1024  # bytes of an archive; a forest takes half a megabyte
LARGEST_MANIFEST = 1024 * 1024


class Unusable(Exception):
    """A model's file must not or cannot be used. The text says why and what to do, for staff."""


def key_id(key: bytes | None = None) -> str:
    """Which key signs, without telling the key."""
    return hashlib.sha256(b"model key " + (key or conf.current().model_key)).hexdigest()[:16]


def verified(row: ModelVersion) -> tuple[dict[str, Any], bytes]:
    """A row's manifest and archive, as they were signed. Raises Unusable; opens nothing."""
    manifest, archive = _read(folder() / Path(row.path).name)
    _check_origin(row, manifest, archive)
    for library, wanted in manifest["libraries"].items():
        if libraries().get(library) != wanted:
            raise Unusable(f"it was trained with {library} {wanted}, here is {libraries().get(library)}; train again")
    if tuple(manifest["features"]) != names_of(row.kind):
        raise Unusable("it looks at other features than this release measures; train again")
    return manifest, archive


def _read(path: Path) -> tuple[Any, bytes]:
    try:
        return json.loads(_at_most(LARGEST_MANIFEST, manifest_path(path))), _at_most(LARGEST, path)
    except OSError as fault:
        raise Unusable("the file is missing or cannot be read; train again") from fault
    except (ValueError, RecursionError) as fault:
        raise Unusable("the manifest was altered; train again") from fault


def _at_most(size: int, path: Path) -> bytes:
    """A file's content, never more than a byte beyond what it may hold. Raises Unusable."""
    with path.open("rb") as file:
        content = file.read(size + 1)
    if len(content) > size:
        raise Unusable("the file is too large to be ours; train again")
    return content


def _check_origin(row: ModelVersion, manifest: Any, archive: bytes) -> None:
    """Raises Unusable unless manifest and archive are what we signed for this row."""
    keys = (conf.current().model_key, conf.current().model_key_before)
    key = next((key for key in keys if key and key_id(key) == row.key_id), None)
    if key is None:
        raise Unusable("it was signed with another key; train again, or set MODEL_KEY_BEFORE and rotate_model_key")
    if not isinstance(manifest, dict) or not hmac.compare_digest(sign(manifest, key), row.signature):
        raise Unusable("the manifest was altered; train again")
    if manifest["kind"] != row.kind or manifest["digest"] != row.digest:
        raise Unusable("the manifest belongs to another model; train again")
    if not hmac.compare_digest(hashlib.sha256(archive).hexdigest(), row.digest):
        raise Unusable("the file was altered; train again")


def sign(manifest: dict[str, Any], key: bytes | None = None) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key or conf.current().model_key, b"model manifest\n" + text, hashlib.sha256).hexdigest()


@cache
def libraries() -> dict[str, str]:
    return {library: installed(library) for library in LIBRARIES}


def folder() -> Path:
    return conf.current().data_dir / "models"


def manifest_path(path: Path) -> Path:
    return path.with_suffix(".json")


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        whole = Path(aside, path.name)
        with whole.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
