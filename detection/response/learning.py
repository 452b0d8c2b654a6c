"""How the models do: beside each other on the same days, against what they learned, and whether they can be used.

What is found is kept with the version, so that pages and gauges read one row. A new version is put on duty only when it
is no worse than the one that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from detection.anomaly import drift, history, shelf
from detection.anomaly.comparison import DAYS, FEW, LEAST, MOST, TOO_MANY, Heard, counts, heard, worse
from detection.anomaly.detector import detector_id_of
from detection.anomaly.seal import Unusable
from detection.anomaly.trainer import Row
from detection.anomaly.vector import KINDS
from detection.anomaly.verdicts import SUFFIX, kind_of, names_of
from detection.kernel.records import SYSTEM, Actor, iso
from detection.models import ModelVersion
from detection.response import letters, notifications, precision
from detection.work import unit_of_work

STALE = timedelta(days=45)
MODELS_PAGE = "/admin_dashboard/models/"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a version was not put on duty."""

    text: str


def look(*, now: datetime | None = None) -> list[ModelVersion]:
    """Look at every version on duty or in shadow, keep what was found with it, and tell staff of a band just left."""
    now = now or timezone.now()
    seen = []
    for name in [*(kind.name for kind in KINDS), *(kind.name + SUFFIX for kind in KINDS)]:
        versions = [row for row in (shelf.active_of(name), shelf.shadow_of(name)) if row is not None]
        rows = _rows(name, now) if versions else []
        for row in versions:
            was = row.watch
            try:
                row.watch = found(row, rows, now=now)
            except Unusable as fault:
                row.watch = {**was, "unusable": str(fault)}
            row.watched_at = now
            row.save(update_fields=["watch", "watched_at"])
            left = sorted(set(row.watch.get("out", ())) - set(was.get("out", ())))
            if left and row.state == "active":
                _tell("model.drifted", row, "; ".join(row.watch["words"][name] for name in left))
            seen.append(row)
    return seen


def check() -> dict[str, dict[str, Any]]:
    """Whether the models on duty can be used. Staff are told once of one that cannot, and again only after it could."""
    report = shelf.health()
    for name, part in report.items():
        row = shelf.active_of(name)
        if row is None:
            continue
        reason, told = part.get("reason", ""), row.watch.get("unusable", "")
        if bool(reason) == bool(told):
            continue
        with unit_of_work():
            row.watch = {**row.watch, "unusable": reason}
            row.save(update_fields=["watch"])
            if reason:
                _tell("model.unusable", row, reason)
    return report


def promote(kind: str, *, force: bool = False, actor: Actor = SYSTEM) -> ModelVersion | Refused:
    """Put the version in shadow on duty if it is no worse, or when forced. Raises shelf.NoSuchModel, seal.Unusable."""
    challenger = shelf.shadow_of(kind)
    if challenger is None:
        raise shelf.NoSuchModel(f"there is no shadow version of {kind}")
    if not force:
        worse = why_not(kind, challenger)
        if worse:
            return Refused(worse)
    return shelf.activate(kind, challenger.version, actor=actor)


def why_not(kind: str, challenger: ModelVersion, *, now: datetime | None = None) -> str:
    """In what the version in shadow is worse than the one on duty, on the same days; empty when in nothing."""
    champion = shelf.active_of(kind)
    if kind.endswith(SUFFIX):
        return _worse_by_card(challenger.card, champion.card if champion else {})
    if champion is None:
        return ""
    try:
        old = shelf.opened(champion)
    except Unusable:
        return ""
    return worse(shelf.opened(challenger), old, _rows(kind, now or timezone.now()))


def _worse_by_card(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """A layer taught by verdicts is held to what it makes of them: of the newest, which it had not seen, no less than
    the model beside it, and of all no less than the layer before."""
    unseen = mine.get("held_out", {})
    if unseen.get("bad", 0) < FEW or "layer" not in unseen:
        return f"only {unseen.get('bad', 0)} verdicts are newer than what it can be tried on"
    if unseen["layer"] < unseen.get("beside", 0.0):
        return f"new verdicts are ranked better by the model beside it ({unseen['beside']} against {unseen['layer']})"
    share = mine["caught"] / max(mine["bad"], 1)
    least = theirs["caught"] / max(theirs["bad"], 1) * 0.95 if theirs else 0.5
    if share < least:
        return f"of {mine['bad']} verdicts it finds {mine['caught']}"
    if mine["false"] > max(TOO_MANY * mine["budget"] * mine["rows"], FEW):
        return f"it calls {mine['false']} good ones bad"
    return ""


def found(row: ModelVersion, rows: Sequence[tuple[Row, list[float]]], *, now: datetime) -> dict[str, Any]:
    """How a version did on these rows. Raises seal.Unusable."""
    model = shelf.opened(row)
    said = heard(model, rows)
    report: dict[str, Any] = {"rows": len(rows), "age_days": round((now - row.created_at) / timedelta(days=1), 1)}
    report |= counts(said, rows) | {"days": _by_day(said, rows), "precision": _precision(row, now)}
    profiles = row.card.get("profile", {})
    like = [(vector, score) for (one, vector), score in zip(rows, said.scores, strict=True) if not one.unfit]
    if len(like) >= LEAST and profiles:
        columns = zip(*(vector for vector, _ in like), strict=True)
        named = dict(zip(names_of(row.kind), columns, strict=True))
        scores = [score for _, score in like]
        report["psi"] = {name: drift.psi(profiles[name], named[name]) for name in profiles if name in named}
        report["psi_scores"] = drift.psi(row.card["scores"], scores)
        report["scores"] = drift.profile(scores)
    words = _out_of_band(report, now - row.created_at)
    return {**report, "out": sorted(words), "words": words, "unusable": ""}


def _out_of_band(report: Mapping[str, Any], age: timedelta) -> dict[str, str]:
    """What left its band, in words."""
    words = {}
    moved = [name for name, psi in report.get("psi", {}).items() if psi >= drift.MOVED]
    if moved:
        words["features"] = f"what it looks at has moved: {', '.join(moved[:4]).replace('_', ' ')}"
    if report.get("psi_scores", 0.0) >= drift.MOVED:
        words["scores"] = "its scores are spread otherwise than when it learned"
    planned = report["budget"] * report["ordinary"]
    if report["rows"] >= LEAST and report["false"] > max(TOO_MANY * planned, FEW):
        words["budget"] = (
            f"it calls {report['false']} of {report['ordinary']:,} ordinary events strange, planned were {planned:.1f}"
        )
    if age > STALE:
        words["age"] = f"it is {age.days} days old"
    return words


def _rows(kind_name: str, now: datetime) -> list[tuple[Row, list[float]]]:
    """The newest measured rows of the last days, oldest first, fit to learn from or not."""
    kind = kind_of(kind_name)
    newest = history.rows(kind, now - DAYS, now, newest_first=True, with_rules=kind_name.endswith(SUFFIX))
    read = ((row, kind.row(row.measured)) for row in islice(newest, MOST))
    return [(row, [*vector, *row.rules]) for row, vector in read if vector is not None][::-1]


def _by_day(said: Heard, rows: Sequence[tuple[Row, list[float]]]) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Any]] = {}
    for strange, (row, _) in zip(said.strange, rows, strict=True):
        name = (iso(row.occurred_at) or "")[:10]
        day = days.setdefault(name, {"day": name, "events": 0, "strange": 0})
        day["events"] += 1
        day["strange"] += strange
    return list(days.values())


def _precision(row: ModelVersion, now: datetime) -> dict[str, Any] | None:
    """How often the kind's detector was right while it was heard, by what people said."""
    name = detector_id_of(row.kind)
    return next((found for found in precision.per_rule(now - 2 * DAYS, now) if found["rule"] == name), None)


def _tell(kind: str, row: ModelVersion, why: str) -> None:
    with unit_of_work() as work:
        context = {"kind": row.kind, "version": row.version, "why": why, "models_page": letters.page(MODELS_PAGE)}
        notifications.to_staff(work, kind, context=context)
        work.audit(kind, target=f"{row.kind} {row.version}", why=why)
