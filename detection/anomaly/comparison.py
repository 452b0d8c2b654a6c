"""A version beside another on the same days: the later one is put on duty only where it is no worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from detection.anomaly.detector import Model
from detection.anomaly.trainer import Row
from detection.anomaly.verdicts import kind_of

DAYS = timedelta(days=14)  # looked back on
MOST = 20_000  # rows, the newest
LEAST = 200  # rows to say anything from
TOO_MANY = 3.0  # times the budget
FEW = 5  # known bad events, below which what people said decides nothing
SLACK = 1.25  # times as many false ones are no worse, for chance

Measured = Sequence[tuple[Row, list[float]]]


@dataclass(slots=True)
class Heard:
    """What one version would have said of the same rows."""

    model: Model
    scores: Sequence[float]
    strange: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.strange = [score > self.model.threshold for score in self.scores]


def heard(model: Model, rows: Measured) -> Heard:
    """A version asked about these rows, in one call."""
    return Heard(model, model.scores([vector for _, vector in rows]) if rows else [])


def counts(said: Heard, rows: Measured) -> dict[str, Any]:
    """How often it spoke: of everything, of what rules spoke of too, of what people called bad, of ordinary events."""
    both = [(strange, row) for strange, (row, _) in zip(said.strange, rows, strict=True)]
    strange = sum(spoke for spoke, _ in both)
    bad = [spoke for spoke, row in both if row.unfit == "disputed"]
    ordinary = [spoke for spoke, row in both if not row.unfit and not row.ruled]
    span = (rows[-1][0].occurred_at - rows[0][0].occurred_at) / timedelta(days=1) if rows else 0.0
    days = max(span, 1.0)
    budget = kind_of(said.model.kind).budget
    return {
        "strange": strange,
        "a_day": round(strange / days, 2),
        "planned": round(budget * len(rows) / days, 2),
        "budget": budget,
        "with_rules": sum(spoke and row.ruled for spoke, row in both),
        "bad": len(bad),
        "caught": sum(bad),
        "ordinary": len(ordinary),
        "false": sum(ordinary),
    }


def worse(challenger: Model, champion: Model, rows: Measured) -> str:
    """In what the challenger is worse than the one on duty, in words; empty when in nothing, or too little is known."""
    if len(rows) < LEAST:
        return ""
    mine, theirs = (counts(heard(model, rows), rows) for model in (challenger, champion))
    if mine["false"] > max(theirs["false"] * SLACK, mine["budget"] * mine["ordinary"] * TOO_MANY, FEW):
        return f"it would have called {mine['false']} ordinary events strange, the one on duty {theirs['false']}"
    if theirs["bad"] >= FEW and mine["caught"] < theirs["caught"]:
        return f"of {mine['bad']} events known to be bad it found {mine['caught']}, the one on duty {theirs['caught']}"
    return ""
