"""A file of events, checked as strictly as live ones, then read in time order without holding it in memory."""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Self

from detection.features.base import micros, moment
from detection.intake import strict_json
from detection.intake.redaction import redact
from detection.intake.schema import Draft, validate
from detection.intake.strict_json import Flaw, Malformed, flaws
from detection.kernel.records import EventRecord
from detection.models.event import BODY_FIELDS

WHENEVER = datetime(9000, 1, 1, tzinfo=UTC)  # a file has no clock: any time in it is past


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line was left out."""

    line: int
    pointer: str
    code: str
    detail: str


class History:
    """The events of a file in the order of their time, equal times in the order of the file.

    Of lines with one ``event_id`` the first counts: the same again is a duplicate, anything else a fault.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.rejected = 0
        self.duplicates = 0
        self._spool: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the history
        self._times, self._places, self._lines = array("q"), array("q"), array("q")
        self._digests: dict[str, bytes] = {}

    @classmethod
    def read(cls, path: Path, *, seen: Callable[[int], None] = lambda _read: None) -> History:
        """Read and check a whole file. ``seen`` hears how many bytes were read. Raises OSError."""
        history = cls()
        read = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                read += len(line)
                if line.strip():
                    history._take(number, line)
                if number % 500 == 0:
                    seen(read)
        seen(read)
        history._digests.clear()
        return history

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[EventRecord]:
        order = range(len(self))
        if any(self._times[at] > self._times[at + 1] for at in range(len(self) - 1)):
            order = sorted(order, key=self._times.__getitem__)  # type: ignore[assignment] - stable: file order
        for at in order:
            self._spool.seek(self._places[at])
            event_id, kind, member_id, body = json.loads(self._spool.readline())
            when = moment(self._times[at])
            yield record_of(self._lines[at], event_id=event_id, kind=kind, at=when, member_id=member_id, body=body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._spool.close()

    def _take(self, number: int, line: bytes) -> None:
        draft = _checked(number, line)
        if isinstance(draft, list):
            self._reject(draft)
            return
        event_id = draft.event_id or f"line-{number}"
        stamp = micros(draft.occurred_at)
        written = json.dumps([event_id, draft.type, draft.member_id, draft.body], sort_keys=True).encode() + b"\n"
        digest = blake2b(written + b"%d" % stamp, digest_size=16).digest()
        known = self._digests.setdefault(event_id, digest)
        if known is not digest:
            if known == digest:
                self.duplicates += 1
            else:
                self._reject([Fault(number, "/event_id", "conflict", "This id was used for another event.")])
            return
        self._times.append(stamp)
        self._places.append(self._spool.tell())
        self._lines.append(number)
        self._spool.write(written)

    def _reject(self, faults: list[Fault]) -> None:
        self.rejected += 1
        if len(self.faults) < 1000:
            self.faults += faults


def _checked(number: int, line: bytes) -> Draft | list[Fault]:
    try:
        payload = strict_json.line(line)
    except Malformed as malformed:
        return [Fault(number, malformed.pointer, "malformed", malformed.detail)]
    problems = flaws(payload)
    if problems:
        return [_fault(number, problem) for problem in problems]
    if isinstance(payload, dict) and not any(isinstance(value, Flaw) for value in payload.values()):
        payload = redact(payload)
    draft = validate(payload, now=WHENEVER, historic=True)
    if draft.errors:
        return [_fault(number, error) for error in draft.errors]
    if payload.get("occurred_at") is None:
        return [Fault(number, "/occurred_at", "required", "In a file every event says when it happened.")]
    return draft


def _fault(number: int, error: Mapping[str, str]) -> Fault:
    return Fault(number, error["pointer"], error["code"], error["detail"])


def record_of(
    line: int, *, event_id: str, kind: str, at: datetime, member_id: str | None, body: Mapping[str, Any]
) -> EventRecord:
    """An event as detectors see it, before enrichment. Its own id is its place in the file."""
    amount = body.get("amount")
    return EventRecord(
        id=f"{line:09}",
        event_id=event_id,
        type=kind,
        occurred_at=at,
        received_at=at,
        member_id=member_id,
        simulated=bool(body.get("metadata", {}).get("simulated")),
        amount=Decimal(amount) if amount is not None else None,
        changed=tuple(body.get("changed") or ()),
        **{name: body[name] for name in BODY_FIELDS if body.get(name) is not None},
    )
