"""The lists people keep. A change has an owner and a reason, is audited, and holds within two seconds everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils import timezone

from detection.announcements import DutyChanged, announce
from detection.intake.schema import Wrong, moment, text
from detection.intake.strict_json import escape, flaws
from detection.kernel.lists import MOST_SHOWN, Unfit, canonical
from detection.kernel.records import Actor, iso
from detection.kernel.vocabulary import ListEffect, ListKind
from detection.models import Alert, AlertDetector, ListEntry, RemovedEntry
from detection.response import sheets
from detection.work import unit_of_work

MOST_AT_ONCE = 10_000
COLUMNS = ("effect", "kind", "value", "reason", "owner", "expires_at", "created_at")
#: Told of an entry, never taken: who imports it owns it from then on.
OURS = frozenset({"id", "owner", "created_at"})
_AT_A_TIME = 400
_LOOKED_AT = 500
_KEPT = ("effect", "kind", "value", "reason", "owner", "expires_at", "created_at")


@dataclass(slots=True)
class Listed:
    """What became of one line: created, duplicate (it stands already, unchanged) or rejected."""

    index: int
    status: str
    entry: ListEntry | None = None
    errors: list[dict[str, str]] = field(default_factory=list)

    def wire(self) -> dict[str, Any]:
        said: dict[str, Any] = {"index": self.index, "status": self.status, "id": self.entry.pk if self.entry else None}
        return {**said, "errors": self.errors} if self.errors else said


def add(given: Any, *, actor: Actor, now: datetime | None = None) -> Listed:
    """Put one line on a list."""
    return add_many([given], actor=actor, now=now)[0]


def add_many(given: Sequence[Any], *, actor: Actor, now: datetime | None = None) -> list[Listed]:
    """Put lines on lists, each on its own; what became of each, in order. An entry that has expired makes way."""
    now = now or timezone.now()
    results: list[Listed] = []
    fresh: dict[tuple[str, str, str], Listed] = {}
    for index, item in enumerate(given):
        entry, errors = _read(item, actor, now)
        if entry is None:
            results.append(Listed(index, "rejected", errors=errors))
            continue
        first = fresh.setdefault(_key(entry), Listed(index, "created", entry))
        results.append(first if first.index == index else Listed(index, "duplicate", entry))
    if fresh:
        with unit_of_work(actor) as work:
            created = _store(fresh, now)
            if created:
                work.audit("lists.added", target=_target(created), **_told(created))
                announce(DutyChanged())
    for line in results:
        if line.entry is not None:
            line.entry = fresh[_key(line.entry)].entry  # of two that say the same, the one that stands
    return results


def remove(entry_id: int, *, actor: Actor) -> bool:
    """Take a line off its list; whether it was there."""
    with unit_of_work(actor) as work:
        entry = ListEntry.objects.select_for_update().filter(pk=entry_id).first()
        if entry is None:
            return False
        kept = {name: getattr(entry, name) for name in _KEPT}
        RemovedEntry.objects.update_or_create(
            entry_id=entry_id, defaults={**kept, "removed_at": timezone.now(), "removed_by": actor.label}
        )
        entry.delete()
        work.audit("lists.removed", target=f"list:{entry_id}", **_told([entry]))
        announce(DutyChanged())
        return True


def restore(entry_id: int, *, actor: Actor) -> Listed | None:
    """Put a line that was taken off back as it was; None when there is no such line. One that stands again by another's
    hand, or has expired, stays off."""
    with unit_of_work(actor) as work:
        gone = RemovedEntry.objects.select_for_update().filter(entry_id=entry_id).first()
        if gone is None:
            return None
        if gone.expires_at is not None and gone.expires_at <= timezone.now():
            return Listed(0, "rejected", errors=[_error("/expires_at", "past", "It has expired meanwhile.")])
        kept = {name: getattr(gone, name) for name in _KEPT}
        same = ListEntry.objects.filter(effect=gone.effect, kind=gone.kind, value=gone.value).first()
        if same is not None:
            return Listed(0, "duplicate", same)
        entry = ListEntry.objects.create(pk=entry_id, **kept)
        gone.delete()
        work.audit("lists.restored", target=f"list:{entry_id}", **_told([entry]))
        announce(DutyChanged())
        return Listed(0, "created", entry)


def removed(most: int = 10) -> list[RemovedEntry]:
    """What was taken off lately, newest first."""
    return list(RemovedEntry.objects.order_by("-removed_at")[:most])


def touched(entry: ListEntry, most: int = 20) -> list[Alert]:
    """Of the newest alerts this entry's list spoke in, those it was this entry that spoke. Two queries."""
    detector = f"{entry.effect}-list"
    spoke = AlertDetector.objects.filter(detector=detector).order_by("-alert__created_at")
    keys = list(spoke.values_list("alert", flat=True)[:_LOOKED_AT])
    named = f"{entry.kind} {entry.value}:"
    found = (
        alert
        for alert in Alert.objects.filter(pk__in=keys).select_related("member").order_by("-created_at", "-pk")
        if any(one["code"] == detector and str(one["observed"]).startswith(named[:MOST_SHOWN]) for one in alert.reasons)
    )
    return list(islice(found, most))


def as_sheet(entries: Iterable[ListEntry]) -> str:
    """The entries as CSV, as ``from_sheet`` reads them."""
    return sheets.written(COLUMNS, ([str(wire(entry)[name] or "") for name in COLUMNS] for entry in entries))


def from_sheet(csv_text: str) -> list[dict[str, str]]:
    """The lines of a CSV text, to be added. Raises BadSheet."""
    return sheets.read(csv_text, COLUMNS, most=MOST_AT_ONCE)


def wire(entry: ListEntry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "effect": entry.effect,
        "kind": entry.kind,
        "value": entry.value,
        "reason": entry.reason,
        "owner": entry.owner,
        "expires_at": iso(entry.expires_at),
        "created_at": iso(entry.created_at),
    }


def _store(fresh: dict[tuple[str, str, str], Listed], now: datetime) -> list[ListEntry]:
    """Insert what does not stand already. The constraint decides between two that add the same at once."""
    keys = list(fresh)
    wanted = [line.entry for line in fresh.values() if line.entry]
    for start in range(0, len(keys), _AT_A_TIME):
        part = keys[start : start + _AT_A_TIME]
        ListEntry.objects.filter(value__in={value for _, _, value in part}, expires_at__lte=now).delete()
        ListEntry.objects.bulk_create(wanted[start : start + _AT_A_TIME], ignore_conflicts=True)
        for entry in ListEntry.objects.filter(value__in={value for _, _, value in part}):
            line = fresh.get(_key(entry))
            if line is None or line.entry is None or line.entry.pk:
                continue
            mine = line.entry.created_at == entry.created_at and line.entry.owner == entry.owner
            line.entry, line.status = entry, "created" if mine else "duplicate"
    return [line.entry for line in fresh.values() if line.entry and line.status == "created"]


def _key(entry: ListEntry) -> tuple[str, str, str]:
    return entry.effect, entry.kind, entry.value


def _target(entries: Sequence[ListEntry]) -> str:
    return f"list:{entries[0].pk}" if len(entries) == 1 else f"lists:{len(entries)}"


def _told(entries: Sequence[ListEntry]) -> dict[str, Any]:
    if len(entries) == 1:
        entry = entries[0]
        return {"effect": entry.effect, "kind": entry.kind, "value": entry.value, "reason": entry.reason}
    return {"count": len(entries), "effects": sorted({entry.effect for entry in entries})}


# --- what a line may say ------------------------------------------------------------------------------------


def _one_of(allowed: type[ListEffect | ListKind]) -> Callable[[Any], str]:
    values = [item.value for item in allowed]

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise Wrong("invalid_choice", f"One of {', '.join(values)}.")
        return value

    return check


def _reason(value: Any) -> str:
    said = text(500)(value).strip()
    if not said:
        raise Wrong("length", "Must have 1 to 500 characters.")
    return said


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "effect": _one_of(ListEffect),
    "kind": _one_of(ListKind),
    "value": text(200),
    "reason": _reason,
    "expires_at": moment,
}
_REQUIRED = ("effect", "kind", "value", "reason")


def _read(item: Any, actor: Actor, now: datetime) -> tuple[ListEntry | None, list[dict[str, str]]]:
    """A line as a row, or what is wrong with it."""
    if not isinstance(item, dict):
        return None, [_error("", "not_an_object", "An entry is a JSON object.")]
    errors = flaws(item)
    if errors:
        return None, errors
    clean: dict[str, Any] = {}
    for name, value in item.items():
        checker = _FIELDS.get(name)
        try:
            if checker is None and name not in OURS:
                raise Wrong("unknown_field", "Unknown field.")
            if checker is not None and value is not None:
                clean[name] = checker(value)
        except Wrong as wrong:
            errors.append(_error(f"/{escape(name)}", wrong.code, wrong.detail))
    errors += [_error(f"/{name}", "required", "Every entry has this.") for name in _REQUIRED if item.get(name) is None]
    if clean.get("expires_at", now) < now:
        errors.append(_error("/expires_at", "past", "This has to be in the future."))
    if errors:
        return None, errors
    try:
        clean["value"] = canonical(ListKind(clean["kind"]), clean["value"])
    except Unfit as unfit:
        return None, [_error("/value", "unfit", str(unfit))]
    return ListEntry(**clean, owner=actor.label, created_at=now), []


def _error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}
