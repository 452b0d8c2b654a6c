"""Keys made once per installation and kept in a file only its owner reads."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.env import EnvironmentFault

#: Each protects one thing, so that losing one does not lose the others.
KEYS = ("SECRET_KEY", "OTP_KEY", "MODEL_KEY", "AUDIT_KEY", "DEVICE_KEY", "WEBHOOK_KEY")
PASSWORDS = ("FLOWER_PASSWORD", "VALKEY_PASSWORD")
SHORTEST = {"SECRET_KEY": 50, **dict.fromkeys(KEYS[1:], 32)}
#: Keys younger than some installations: a file without one has it derived from its SECRET_KEY.
LATER = ("WEBHOOK_KEY",)
WELL_KNOWN = frozenset({"secret", "changeme", "change-me", "password", "insecure", "default", "development", "test"})


def load(data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Every key: the given ones, and the rest from the data folder, where they are made at the first start."""
    if set(KEYS) <= set(given):
        kept = {}
    else:
        kept = _read(data_dir / "secrets.json") or _make(data_dir / "secrets.json")
    before = {"MODEL_KEY_BEFORE": kept["MODEL_KEY"]} if "MODEL_KEY" in kept and "MODEL_KEY" in given else {}
    return {**kept, **before, **given}


def passwords(data_dir: Path) -> dict[str, str]:
    """The passwords of the embedded parts, kept beside the keys."""
    kept = _read(data_dir / "secrets.json") or _make(data_dir / "secrets.json")
    return {name: kept[name] for name in PASSWORDS}


def key_id(key: str) -> str:
    """A short public name for a key: says which one was used without telling anything about it."""
    return hashlib.sha256(b"key-id\0" + key.encode()).hexdigest()[:8]


def weakness(name: str, key: str) -> str | None:
    """What is wrong with a key for production, or None."""
    if not key:
        return f"{name} is missing. Set it to {SHORTEST[name]} or more random characters."
    lowered = key.lower()
    if "django-insecure" in lowered or any(lowered.startswith(word) for word in WELL_KNOWN):
        return f"{name} is a well-known default. Set it to {SHORTEST[name]} or more random characters."
    if len(key) < SHORTEST[name] or len(set(key)) < 10:
        return f"{name} is too short or too plain. Set it to {SHORTEST[name]} or more random characters."
    return None


def _read(path: Path) -> dict[str, str] | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise EnvironmentFault(
            f"The keys in {path} cannot be read ({fault.strerror}). Run as the file's owner."
        ) from None
    try:
        kept = json.loads(text)
        for name in LATER:
            kept.setdefault(name, hmac.new(kept["SECRET_KEY"].encode(), name.encode(), hashlib.sha256).hexdigest())
        return {name: str(kept[name]) for name in (*KEYS, *PASSWORDS)}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EnvironmentFault(
            f"{path} is damaged. Restore it from a backup: without it, codes, models and sign-ins made so far are "
            "void. Delete it only to begin with new keys."
        ) from None


def _make(path: Path) -> dict[str, str]:
    """Make the file once: of many processes starting together, one wins and all read its keys."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh = {name: secrets.token_urlsafe(48) for name in KEYS}
        fresh |= {name: secrets.token_urlsafe(18) for name in PASSWORDS}
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(fresh, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    except OSError as fault:
        raise EnvironmentFault(
            f"DATA_DIR: {path.parent} cannot be written ({fault.strerror}). Name another folder."
        ) from None
    return _read(path) or fresh
